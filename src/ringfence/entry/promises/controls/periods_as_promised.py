"""What is configured to be kept is kept as long as the profile says, and no longer."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.platform.settings import load_settings
from ringfence.policies.profiles import Period, Unit
from ringfence.policies.profiles.retention import Keep

_CLAUSES = {
    "identifier.call_records": ("CTX-04.B-01", "SIP-08.1-01"),
    "content.recordings": ("CCA-04.0-02",),
    "identifier.consents": ("SIP-08.1-04",),
}
_SLACK = 2
"""Days that a setting may exceed the longest that a period can be by the calendar."""


def _promised(site: Site) -> dict[str, Period]:
    kept = site.profile.retention
    periods = {
        "identifier.call_records": kept.cdr.active,
        "content.recordings": kept.recordings.active,
        "identifier.consents": kept.messaging_consents.active,
        "content.customer_recordings": kept.recordings.active,
    }
    return {rule: period for rule, period in periods.items() if period.finite}


def longest(period: Period) -> int:
    """The most days that a period can have, whenever it begins."""
    if period.unit is Unit.DAYS:
        return period.amount
    if period.unit is not Unit.MONTHS:
        raise ValueError(f"{period} is not counted in days or months")
    months = range(12 * 2023, 12 * 2031)
    return max((_first(at + period.amount) - _first(at)).days for at in months)


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _check(site: Site) -> list[Finding]:
    """The settings as a process that starts now would have them."""
    settings = load_settings()
    configured = {f"{kind}.{rule}": days for kind, rule, days in settings.retention.rules()}
    found = []
    for rule, period in _promised(site).items():
        least, days = longest(period), configured[rule]
        if not least <= days <= least + _SLACK:
            found.append(Finding("other_period", rule, f"{days} days; promised: {period}"))
    return found + _beyond(site)


_CHOSEN = """
    SELECT s.tenant_id, c.key, c.value::int
    FROM accounts_settings s, jsonb_each_text(s.retention) c
"""


def _beyond(site: Site) -> list[Finding]:
    """Numbers that tenants have, and may not."""
    kept = site.profile.retention
    keeps = {
        "call_records": kept.cdr,
        "recordings": kept.recordings,
        "customer_recordings": kept.recordings,
    }
    found = []
    for tenant, rule, days in site.database.execute(_CHOSEN).fetchall():
        keep = keeps.get(rule)
        if (
            keep is None
            or not longest(keep.tenant_min) <= days <= longest(keep.tenant_max) + _SLACK
        ):
            subject = f"accounts_settings {tenant}"
            found.append(Finding("chosen_out_of_bounds", subject, f"{rule}: {days} days"))
    return found


def _chosen(days: Callable[[Keep], int]) -> Callable[[Site], AbstractContextManager[str]]:
    def plant(site: Site) -> AbstractContextManager[str]:
        tenant = site.canary.tenant
        return site.planted(
            f"accounts_settings {tenant}",
            "INSERT INTO accounts_settings (tenant_id, time_zone, staff_access, us_staff_only,"
            " mfa_required, retention) VALUES (%s, 'UTC', 'never', false, false, %s)"
            " ON CONFLICT (tenant_id) DO UPDATE SET retention = excluded.retention",
            tenant,
            json.dumps({"recordings": days(site.profile.retention.recordings)}),
        )

    return plant


def _set(rule: str, days: Callable[[int], int]) -> Callable[[Site], AbstractContextManager[str]]:
    @contextlib.contextmanager
    def plant(site: Site) -> Iterator[str]:
        name = f"RINGFENCE_RETENTION__{rule.replace('.', '__').upper()}"
        before = os.environ.get(name)
        os.environ[name] = str(days(longest(_promised(site)[rule])))
        try:
            yield rule
        finally:
            del os.environ[name]
            if before is not None:
                os.environ[name] = before

    return plant


PERIODS_AS_PROMISED = Control(
    name="periods-as-promised",
    says="Call records, recordings and evidence of consent are configured to be kept exactly as"
    " long as is promised, and where a tenant chose another time, that is within the bounds of its"
    " choice.",
    limits="Reads the settings as the next start will; `expired-gone` sees what the running"
    " processes do. Of what is kept as long as the account, it sees nothing.",
    population=lambda site: len(_promised(site)),
    check=_check,
    violations=(
        Violation(
            "chosen-too-long",
            ("CTX-04.B-04",),
            _chosen(lambda keep: longest(keep.tenant_max) + _SLACK + 1),
        ),
        Violation(
            "chosen-too-short", ("CTX-04.B-04",), _chosen(lambda keep: longest(keep.tenant_min) - 1)
        ),
        *(
            Violation(f"{name}-{rule.rpartition('.')[2]}", clauses, _set(rule, change))
            for rule, clauses in _CLAUSES.items()
            for name, change in (
                ("longer", lambda least: least + _SLACK + 1),
                ("shorter", lambda least: least - 1),
            )
        ),
    ),
)
