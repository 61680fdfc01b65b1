"""Whatever is published, accepted, chosen and swept in whatever order: what holds for a tenant is
within the bounds of the version that binds it, and is its own choice wherever that is allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfence.domains.accounts.retention import settled
from ringfence.domains.policy.rules.binding import Dated, bound
from ringfence.policies.profiles import DaysKept

RULE, INSTALLED = "recordings", 90
STRICT = (1, 731)
"""Before anything is published."""
_START = datetime(2026, 1, 1, tzinfo=UTC)
_days = st.integers(1, 40)


class Choices(RuleBasedStateMachine):
    """``held`` and ``wanted`` are the two columns; ``own`` is what the model says was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.now = _START
        self.versions: list[Dated] = []
        self.allowed: dict[int | None, tuple[int, int]] = {None: STRICT}
        self.accepted: set[int] = set()
        self.held: dict[str, int] = {}
        self.wanted: dict[str, int] = {}
        self.own: int | None = None

    @rule(least=_days, more=st.integers(0, 40), notice=st.integers(0, 30), worse=st.booleans())
    def publish(self, least: int, more: int, notice: int, worse: bool) -> None:
        last = self.versions[-1].effective_at if self.versions else self.now
        number = len(self.versions) + 1
        effective = max(self.now + timedelta(days=notice), last)
        self.versions.append(Dated(number, effective, worse and number > 1))
        self.allowed[number] = (least, least + more)

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        self.accepted.add(data.draw(st.sampled_from(self.versions)).number)

    @rule(days=st.integers(1, 30))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(days=st.none() | st.integers(1, 80))
    def choose(self, days: int | None) -> None:
        if days is not None and not self.bounds().allows(days):
            return
        self.own = days
        kept = {**self.held, **self.wanted, RULE: days}
        self.settle({rule: one for rule, one in kept.items() if one is not None})

    @rule()
    def sweep(self) -> None:
        """What it then ends by is what stands there."""
        self.settle({**self.held, **self.wanted})
        least, most = self.binding()
        assert all(least <= days <= most for days in self.held.values())

    def settle(self, wanted: dict[str, int]) -> None:
        self.held, self.wanted = settled({RULE: self.bounds()}, wanted)

    def binding(self) -> tuple[int, int]:
        return self.allowed[bound(self.versions, self.accepted, _START, self.now).number]

    def bounds(self) -> DaysKept:
        return DaysKept(*self.binding(), INSTALLED)

    @invariant()
    def what_is_shown_is_allowed_and_nearest_to_the_choice(self) -> None:
        shown, _ = settled({RULE: self.bounds()}, {**self.held, **self.wanted})
        least, most = self.binding()
        if self.own is None:
            assert shown == {}
        elif least <= self.own <= most:
            assert shown == {RULE: self.own}
        else:
            assert shown == {RULE: least if self.own < least else most}


TestChoices = Choices.TestCase
TestChoices.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
