"""What is configured to be kept is kept as long as the profile says, and no longer."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from uuid import UUID

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.platform.settings import load_settings
from ringfence.policies.profiles import (
    DEFAULT,
    NAMES,
    Period,
    Unit,
    load_profile,
    profile_hash,
)
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
_BINDS = """
    SELECT v.profile, v.profile_hash FROM policy_version v, accounts_tenant t
    WHERE t.id = %(tenant)s AND v.effective_at <= now() - %(before)s AND NOT EXISTS (
        SELECT 1 FROM policy_version w WHERE w.number <= v.number AND w.needs_consent
        AND w.effective_at > t.created_at AND NOT EXISTS (
            SELECT 1 FROM policy_acceptance a
            WHERE a.tenant_id = t.id AND a.number BETWEEN w.number AND v.number))
    ORDER BY v.number DESC LIMIT 1
"""
"""No version binds that waits for consent, or comes after one that does."""
_SWEPT = timedelta(hours=3)
_FAR = 36_500
"""Days: where it is as long as the account, the API takes no more."""


def _beyond(site: Site) -> list[Finding]:
    """Numbers that hold for tenants, and may not: neither now nor before the last sweep."""
    return [
        Finding("chosen_out_of_bounds", f"accounts_settings {tenant}", f"{rule}: {days} days")
        for tenant, rule, days in site.database.execute(_CHOSEN).fetchall()
        if not any(least <= days <= most for least, most in _bounds(site, tenant, rule))
    ]


def _bounds(site: Site, tenant: UUID, rule: str) -> list[tuple[int, int]]:
    """Of what binds a tenant now, and of what bound it when the last sweep may have been."""
    category = {"call_records": "cdr"}.get(rule, "recordings")
    found = []
    for before in (timedelta(0), _SWEPT):
        row = site.database.execute(_BINDS, {"tenant": tenant, "before": before}).fetchone()
        name, hash_ = row or ("", "")
        known = name in NAMES and profile_hash(load_profile(name)) == hash_
        keep: Keep = getattr(load_profile(name if known else DEFAULT).retention, category)
        if keep.tenant_min.finite:
            open_end = not keep.tenant_max.finite
            most = _FAR if open_end else longest(keep.tenant_max) + _SLACK
            found.append((longest(keep.tenant_min), most))
    return found


def _chosen(days: Callable[[int, int], int]) -> Callable[[Site], AbstractContextManager[str]]:
    """``days``: of the least and the most that are allowed."""

    def plant(site: Site) -> AbstractContextManager[str]:
        tenant = site.canary.tenant
        least, most = zip(*_bounds(site, tenant, "recordings"), strict=True)
        return site.planted(
            f"accounts_settings {tenant}",
            "INSERT INTO accounts_settings (tenant_id, time_zone, staff_access, us_staff_only,"
            " mfa_required, retention, retention_wanted) VALUES (%s, 'UTC', 'never', false, false,"
            " %s, '{}') ON CONFLICT (tenant_id) DO UPDATE SET retention = excluded.retention",
            tenant,
            json.dumps({"recordings": days(min(least), max(most))}),
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
    " long as is promised, and where a tenant chose another time, that is within the bounds of the"
    " version of the policy that binds it.",
    limits="Reads the settings as the next start will; `expired-gone` sees what the running"
    " processes do. Of what is kept as long as the account, it sees nothing.",
    population=lambda site: len(_promised(site)),
    check=_check,
    violations=(
        Violation("chosen-too-long", ("CTX-04.B-04",), _chosen(lambda least, most: most + 1)),
        Violation("chosen-too-short", ("CTX-04.B-04",), _chosen(lambda least, most: least - 1)),
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
