"""Which days end when: under any course of choices, sweeps, deaths and clocks, for each tenant
exactly the days that were beyond its number when a sweep went through."""

from __future__ import annotations

from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ringfence.domains.privacy.rules.due import due, first_kept

TENANTS = [UUID(int=number) for number in range(1, 4)]
INSTALLED = 10
_tenant = st.sampled_from(TENANTS)


class Killed(Exception):
    """The process ends here."""


class Sweeps(RuleBasedStateMachine):
    """The model keeps, beside what the rule did, what should be gone by its own reckoning."""

    def __init__(self) -> None:
        super().__init__()
        self.today = 30
        self.chosen: dict[UUID, int | None] = dict.fromkeys(TENANTS)
        self.alive: set[tuple[UUID, int]] = set()
        self.ended: set[tuple[UUID, int]] = set()
        self.may_end: set[tuple[UUID, int]] = set()
        self.must_have_ended: set[tuple[UUID, int]] = set()

    @rule(tenant=_tenant)
    def call(self, tenant: UUID) -> None:
        """Values are of today; nothing is sealed under a day that ended."""
        self.alive.add((tenant, self.today))

    @rule(days=st.integers(1, 12))
    def wait(self, days: int) -> None:
        self.today += days

    @rule(tenant=_tenant, days=st.none() | st.integers(1, 25))
    def choose(self, tenant: UUID, days: int | None) -> None:
        self.chosen[tenant] = days

    @rule(steps=st.none() | st.integers(0, 3))
    def sweep(self, steps: int | None) -> None:
        """``steps``: it is killed at the end of so many days."""
        ends = {one: first_kept(self.today, INSTALLED, self.chosen[one]) for one in TENANTS}
        beyond = {
            (tenant, day)
            for tenant, day in self.alive | self.ended
            if self.today - day > (self.chosen[tenant] or INSTALLED)
        }
        self.may_end |= beyond
        last: dict[UUID, int] = {}
        for tenant, day in self.ended:
            last[tenant] = max(day, last.get(tenant, day))
        for done, (tenant, day) in enumerate(due(TENANTS, ends, last, self._next)):
            if done == steps:
                return
            assert (tenant, day) not in self.ended, "a day ends once"
            self.alive.discard((tenant, day))
            self.ended.add((tenant, day))
        self.must_have_ended |= beyond

    def _next(self, tenant: UUID, first: int, end: int) -> int | None:
        """As the tables tell it: rows stay when their values are gone."""
        days = [day for one, day in self.alive | self.ended if one == tenant]
        return min((day for day in days if first <= day < end), default=None)

    @invariant()
    def exactly_what_should_be_gone_is_gone(self) -> None:
        assert self.ended <= self.may_end
        assert self.must_have_ended <= self.ended
        assert not self.alive & self.ended


TestSweeps = Sweeps.TestCase
TestSweeps.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_day_is_kept_for_its_whole_days() -> None:
    assert first_kept(100, 10, None) == 90
    assert first_kept(100, 10, 3) == 97


def test_one_tenants_number_is_nothing_to_another() -> None:
    one, other, _ = TENANTS
    rows = {one: [1, 5, 6], other: [1, 5, 6]}

    def next_day(tenant: UUID, first: int, end: int) -> int | None:
        return min((day for day in rows[tenant] if first <= day < end), default=None)

    found = list(due([other, one], {one: 6, other: 2}, {one: 1}, next_day))
    assert found == [(one, 5), (other, 1)]
