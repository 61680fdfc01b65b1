"""The last day of an item of a category, by the calendar, and which days are over."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from ringfence.policies.profiles.period import Period, Unit
from ringfence.policies.profiles.retention import Keep

_FAR = timedelta(days=36_525)


def later(day: date, period: Period) -> date:
    """The day so much after another; of a month that lacks the day, its last. Raises ValueError:
    the length is counted in neither days nor months."""
    if period.unit is Unit.DAYS:
        return day + timedelta(days=period.amount)
    if period.unit is not Unit.MONTHS:
        raise ValueError(f"{period} is not counted in days or months")
    month = day.year * 12 + day.month - 1 + period.amount
    year, of_year = divmod(month, 12)
    return date(year, of_year + 1, min(day.day, monthrange(year, of_year + 1)[1]))


def last_day(keep: Keep, start: date, closed: date | None) -> date | None:
    """The last day on which an item that began at ``start`` is kept; ``closed``: when its account
    was. None: it does not end as things are. See ``Keep``."""
    ends = [later(start, keep.active)] if keep.active.finite else []
    if closed is not None and keep.after_closure.finite:
        ends.append(later(closed, keep.after_closure))
    return max(min(ends), later(start, keep.legal_floor)) if ends else None


def first_kept(keep: Keep, today: date, closed: date | None) -> date | None:
    """Items that began on this day or after are kept today; None: all are. At the most tomorrow."""
    least, most = today - _FAR, today + timedelta(days=1)
    if last_day(keep, least, closed) is None:
        return None
    while least < most:  # what began later ends later
        middle = least + (most - least) // 2
        end = last_day(keep, middle, closed)
        if end is not None and end >= today:
            most = middle
        else:
            least = middle + timedelta(days=1)
    return least
