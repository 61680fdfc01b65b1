"""How long a tenant may choose to keep things, in days, as the sweep counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ringfence.policies.profiles.period import OPEN, Period, Unit
from ringfence.policies.profiles.retention import Keep, Retention

CATEGORIES = {
    "call_records": "cdr",
    "recordings": "recordings",
    "customer_recordings": "recordings",
}
"""By rule of the sweep: the category of the profile that bounds a tenant's choice."""
FAR = 36_500
"""Days: the most that may be chosen where the profile lets a tenant keep things as long as its
account lives."""


@dataclass(frozen=True, slots=True)
class DaysKept:
    """Of one rule: what a tenant may choose, and what holds where it chose nothing."""

    least: int
    most: int
    installed: int

    def allows(self, days: int) -> bool:
        return self.least <= days <= self.most

    def nearest(self, days: int) -> int:
        """What holds of a choice that was made under other bounds."""
        return min(max(days, self.least), self.most)


def days_kept(kept: Retention, installed: Mapping[str, int]) -> dict[str, DaysKept]:
    """By rule. Where the profile leaves no choice, or its least counts in neither days nor months,
    the installed number is the only one."""
    return {
        rule: _days_kept(getattr(kept, category), installed[rule])
        for rule, category in CATEGORIES.items()
    }


def settle(bounds: Mapping[str, DaysKept], wanted: Mapping[str, int]) -> dict[str, int]:
    """Of what a tenant wanted, by rule: what holds within its bounds."""
    return {rule: bounds[rule].nearest(days) for rule, days in wanted.items() if rule in bounds}


def most_days(period: Period) -> int | None:
    """The most days that it can have, whenever it begins; None: it is not counted in days."""
    if period.unit is Unit.DAYS:
        return period.amount
    if period.unit is not Unit.MONTHS:
        return None
    months = range(12 * 2000, 12 * 2400)  # the calendar repeats after 400 years
    return max((_first(at + period.amount) - _first(at)).days for at in months)


def _days_kept(keep: Keep, installed: int) -> DaysKept:
    least = most_days(keep.tenant_min)
    most = FAR if keep.tenant_max.unit in OPEN else most_days(keep.tenant_max)
    if keep.tenant_min == keep.tenant_max or least is None or most is None:
        return DaysKept(installed, installed, installed)
    return DaysKept(least, most, installed)


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
