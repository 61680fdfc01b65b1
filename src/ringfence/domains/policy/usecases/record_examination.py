"""What an examination found is kept for the board: red controls open incidents, green ones end
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringfence.domains.policy.models import Examined, Incident
from ringfence.platform_django.tenancy import across_tenants


@dataclass(frozen=True, slots=True)
class Red:
    """A control that found something, or could not look."""

    state: str
    clauses: tuple[str, ...]
    findings: int


def record_examination(number: int, report: Mapping[str, Any], due_in: timedelta) -> None:
    """Keep a report as its profile's last, and open and close incidents by it.

    ``due_in``: how long after its opening an incident is to be over or to be told. A report that is
    older than the one kept changes nothing.
    """
    profile, at = report["profile"], datetime.fromisoformat(report["ended_at"])
    red = red_controls(report)
    with across_tenants("record examination") as db:
        kept = Examined.objects.using(db).select_for_update().filter(profile=profile).first()
        if kept is not None and kept.number >= number:
            return
        Examined.objects.using(db).update_or_create(
            profile=profile,
            defaults={"number": number, "ended_at": at, "report": dict(report)},
        )
        still = Incident.objects.using(db).select_for_update()
        open_now = {row.control: row for row in still.filter(profile=profile, closed_at=None)}
        for control, row in open_now.items():
            if control not in red:
                row.closed_at, row.closed_report = at, number
                row.save(using=db, update_fields=["closed_at", "closed_report"])
            else:
                seen = red[control]
                row.state, row.findings, row.clauses = seen.state, seen.findings, [*seen.clauses]
                row.save(using=db, update_fields=["state", "findings", "clauses"])
        for control, seen in red.items():
            if control not in open_now:
                Incident(
                    profile=profile,
                    control=control,
                    clauses=list(seen.clauses),
                    state=seen.state,
                    findings=seen.findings,
                    opened_at=at,
                    opened_report=number,
                    due_at=at + due_in,
                ).save(using=db, force_insert=True)


def red_controls(report: Mapping[str, Any]) -> dict[str, Red]:
    """The controls by which clauses are broken or unknown, and those clauses."""
    found: dict[str, Red] = {}
    for seen in report["examinations"]:
        if not seen["error"] and not seen["finding_count"]:
            continue
        clauses = tuple(
            one["id"]
            for one in report["clauses"]
            if seen["control"] in one["control"] and one["state"] in ("broken", "unknown")
        )
        if clauses:
            state = "unknown" if seen["error"] else "broken"
            found[seen["control"]] = Red(state, clauses, seen["finding_count"])
    return found
