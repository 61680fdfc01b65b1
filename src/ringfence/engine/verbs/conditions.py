"""Whether a condition of a branch holds for a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringfence.engine.verbs.model import (
    CallerIn,
    Condition,
    Facts,
    HolidayIs,
    RepeatCaller,
    TagIs,
    TimeIs,
    VariableIs,
)

_DAY_MICROS = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def holds(
    condition: Condition,
    facts: Facts,
    variables: Mapping[str, str],
    tags: Mapping[str, str],
    at: int,
) -> bool:
    """Whether it holds at a moment (microseconds since the Unix epoch). What is unknown about the
    call, or a zone that does not exist, makes no condition hold."""
    match condition:
        case TimeIs():
            return _is_open(condition, at)
        case HolidayIs(zone=zone, dates=dates):
            local = _local(zone, at)
            return local is not None and local.date().isoformat() in dates
        case CallerIn(areas=areas, states=states, countries=countries):
            return facts.area in areas or facts.state in states or facts.country in countries
        case VariableIs(name=name, values=values, prefixes=prefixes):
            value = variables.get(name, "")
            return value in values or (bool(value) and value.startswith(prefixes))
        case TagIs(name=name, values=values):
            return tags.get(name) in values
        case RepeatCaller(days=days):
            last = facts.last_call_at
            return last is not None and at - last <= days * _DAY_MICROS


def _is_open(condition: TimeIs, at: int) -> bool:
    local = _local(condition.zone, at)
    if local is None:
        return False
    today, minute = local.date(), local.hour * 60 + local.minute
    return any(
        _within(condition, today - timedelta(days=back), minute + back * 1440) for back in (0, 1)
    )


def _within(condition: TimeIs, day: date, minute: int) -> bool:
    """Whether an opening that begins on ``day`` holds the minute counted from its midnight."""
    if day.isoformat() in condition.holidays:
        return False
    for opening in condition.openings:
        overnight = 1440 if opening.end <= opening.start else 0
        in_time = opening.start <= minute < opening.end + overnight
        if day.weekday() in opening.weekdays and in_time:
            return True
    return False


def _local(zone: str, at: int) -> datetime | None:
    found = _zone(zone)
    return None if found is None else (_EPOCH + timedelta(microseconds=at)).astimezone(found)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None
