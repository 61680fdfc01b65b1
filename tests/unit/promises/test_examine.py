"""An examination: what is clean, what was planted, what was named, what was put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.examine import Examination, examine
from ringfence.entry.promises.site import Site
from ringfence.entry.promises.states import State, state_of
from ringfence.entry.promises.verify import run
from ringfence.kernel.clock import ManualClock

START = datetime(2026, 3, 1, tzinfo=UTC)
CLAUSE = "CTX-01.C-02"


@dataclass
class Things:
    """Stands for the installation: a set of things that break a promise."""

    bad: set[str] = field(default_factory=set)
    count: int = 3
    blind: bool = False
    """The check does not see."""
    sticky: bool = False
    """What is planted stays."""

    @contextlib.contextmanager
    def plant(self, name: str) -> Iterator[str]:
        self.bad.add(name)
        yield name
        if not self.sticky:
            self.bad.discard(name)

    def rollback(self) -> None: ...

    @property
    def database(self) -> Things:
        return self


def control(things: Things, *violations: Violation, **more: Any) -> Control:
    planted = violations or (Violation("one", (CLAUSE,), lambda site: things.plant("a thing")),)
    return Control(
        name="things",
        says="No thing is bad.",
        population=lambda site: things.count,
        check=lambda site: [Finding("bad", name) for name in things.bad if not things.blind],
        violations=planted,
        **more,
    )


def look(things: Things, *violations: Violation, **more: Any) -> Examination:
    return examine(control(things, *violations, **more), cast(Site, things), ManualClock(START))


def state(seen: Examination) -> State:
    return state_of(CLAUSE, [seen], claimed=True)


def test_clean_caught_and_undone_is_enforced() -> None:
    seen = look(Things())
    (attempt,) = seen.attempts
    assert (attempt.subject, attempt.caught_at, attempt.undone) == ("a thing", START, True)
    assert state(seen) is State.ENFORCED


def test_a_finding_is_broken_whatever_is_caught() -> None:
    seen = look(Things({"x"}))
    assert seen.attempts[0].caught
    assert state(seen) is State.BROKEN


@pytest.mark.parametrize(
    "things", [Things(count=0), Things(blind=True), Things(sticky=True)], ids=str
)
def test_nothing_is_proven(things: Things) -> None:
    assert state(look(things)) is State.UNPROVEN


def test_what_was_there_before_is_not_caught() -> None:
    """The violation must be named: another finding does not count."""
    seen = look(Things({"a thing"}))
    assert not seen.attempts[0].caught


def test_a_violation_that_does_not_come_off_proves_nothing() -> None:
    @contextlib.contextmanager
    def fails(site: Site) -> Iterator[str]:
        raise RuntimeError("there was nothing to break")
        yield ""

    seen = look(Things(), Violation("one", (CLAUSE,), fails))
    assert "nothing to break" in seen.attempts[0].error or seen.attempts[0].error
    assert state(seen) is State.UNPROVEN


def test_who_cannot_look_knows_nothing() -> None:
    def check(site: Site) -> list[Finding]:
        raise OSError("no such folder")

    broken = Control("things", "", lambda site: 1, check, control(Things()).violations)
    seen = examine(broken, cast(Site, Things()), ManualClock(START))
    assert seen.error and state(seen) is State.UNKNOWN


def test_it_says_how_long_it_is_good_for() -> None:
    assert look(Things(), max_age=timedelta(hours=2)).good_until == START + timedelta(hours=2)


def test_what_is_not_claimed_is_not_judged() -> None:
    seen = look(Things({"x"}))
    assert state_of(CLAUSE, [seen], claimed=False) is State.NOT_CLAIMED
    assert state_of("SIP-08.1-01", [], claimed=True) is State.PLANNED


def test_a_demonstration_needs_something_to_have_happened() -> None:
    for things, expected in (
        (Things(), State.DEMONSTRATED),
        (Things(count=0), State.UNPROVEN),
        (Things({"x"}), State.BROKEN),
    ):
        shown = control(things, demonstrates=("CTX-01.B-02",))
        seen = examine(shown, cast(Site, things), ManualClock(START))
        assert state_of("CTX-01.B-02", [seen], claimed=True) is expected


@given(st.lists(st.sampled_from(["good", "broken", "blind", "empty", "error"]), min_size=1))
def test_the_worst_control_counts(kinds: list[str]) -> None:
    """A clause that several controls back is as good as the worst of them, in any order."""
    controls = []
    for number, kind in enumerate(kinds):
        things = Things({"x"} if kind == "broken" else set(), 0 if kind == "empty" else 1)
        things.blind = kind == "blind"
        made = control(things)
        check = made.check if kind != "error" else _raise
        controls.append(Control(f"c{number}", "", made.population, check, made.violations))
    report = run(
        cast(Site, Things()),
        controls,
        {CLAUSE: True},
        build="1",
        profile="strict",
        profile_hash="0" * 64,
        clock=ManualClock(START),
    )
    (clause,) = report.clauses
    worst = next(
        (
            state
            for kind, state in (
                ("broken", State.BROKEN),
                ("error", State.UNKNOWN),
                ("blind", State.UNPROVEN),
                ("empty", State.UNPROVEN),
            )
            if kind in kinds
        ),
        State.ENFORCED,
    )
    assert clause.state is worst
    assert report.ok == (worst not in (State.BROKEN, State.UNKNOWN))
    assert report.totals[worst.value] == 1 == sum(report.totals.values())


def _raise(site: Site) -> list[Finding]:
    raise OSError


def test_what_nothing_forces_is_configured() -> None:
    assert state(look(Things(), unforced=lambda site: "")) is State.ENFORCED
    assert state(look(Things(), unforced=lambda site: "the worker can send")) is State.CONFIGURED
    assert state(look(Things(bad={"x"}), unforced=lambda site: "why")) is State.BROKEN
    assert state(look(Things(count=0), unforced=lambda site: "why")) is State.UNPROVEN
    assert state(look(Things(blind=True), unforced=lambda site: "why")) is State.UNPROVEN


def test_that_a_try_failed_is_unknown() -> None:
    def cannot(site: Site) -> str:
        raise OSError

    assert state(look(Things(), unforced=cannot)) is State.UNKNOWN
