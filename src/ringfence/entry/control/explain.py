"""Why a branch went the way it did, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ringfence.engine.verbs.conditions import holds
from ringfence.engine.verbs.model import (
    Branch,
    CallerIn,
    Condition,
    Facts,
    HolidayIs,
    RepeatCaller,
    Split,
    TagIs,
    TimeIs,
    VariableIs,
)
from ringfence.kernel.clock import from_micros

_DAY_MICROS = 86_400_000_000


def explain_branch(
    branch: Branch, facts: Facts, variables: Mapping[str, str], tags: Mapping[str, str], at: int
) -> str:
    """What the cases up to the first that holds saw, and whether they held."""
    told: dict[str, None] = {}
    for number, case in enumerate(branch.cases, 1):
        failing = [c for c in case.conditions if not holds(c, facts, variables, tags, at)]
        seen = [_observed(c, facts, variables, tags, at) for c in failing or case.conditions]
        told[f"case {number} {'does not hold' if failing else 'holds'}: {', '.join(seen)}"] = None
        if not failing:
            break
    return "; ".join(told)


def explain_split(split: Split, drawn: float) -> str:
    """What was drawn, and the shares."""
    total = sum(weight for _, weight in split.shares)
    shares = ", ".join(f"{name} {weight}" for name, weight in split.shares)
    return f"drew {drawn * total:.2f} of {total}: {shares}"


def _observed(
    condition: Condition,
    facts: Facts,
    variables: Mapping[str, str],
    tags: Mapping[str, str],
    at: int,
) -> str:
    match condition:
        case TimeIs(zone=zone, holidays=days):
            local = _local(zone, at)
            holiday = ", a holiday" if local.date().isoformat() in days else ""
            return f"it is {local:%a %Y-%m-%d %H:%M} in {zone}{holiday}"
        case HolidayIs(zone=zone):
            return f"it is {_local(zone, at):%a %Y-%m-%d} in {zone}"
        case CallerIn():
            where = {"area": facts.area, "state": facts.state, "country": facts.country}
            return "the caller's " + ", ".join(
                f"{name} is {value or 'unknown'}" for name, value in where.items()
            )
        case VariableIs(name=name):
            return f"{name} is {variables[name]!r}" if name in variables else f"no {name} is known"
        case TagIs(name=name):
            return f"tag {name} is {tags[name]!r}" if name in tags else f"no tag {name} is set"
        case RepeatCaller():
            if facts.last_call_at is None:
                return "the caller never called before"
            return f"the caller called {(at - facts.last_call_at) / _DAY_MICROS:.1f} days ago"


def _local(zone: str, at: int) -> datetime:
    return from_micros(at).astimezone(ZoneInfo(zone))
