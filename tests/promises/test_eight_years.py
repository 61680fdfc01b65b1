"""Eight years of a tenant under each profile: at every boundary day what should be gone is gone,
what should be there is there, as its own REST API shows it and as no key opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.api import Someone, ask, someone
from tests.keys_fixture import Keys
from tests.promises.calls_to_erase import opened
from tests.promises.sealed_calls import CallPlane, SealedCall

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import OPERATOR_SCOPES
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import AccountKind, EntryFilter, EntryKind, Reference
from ringfence.domains.policy import api as policy
from ringfence.domains.privacy import api as privacy
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import day_number
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.partitions import ensure_partitions
from ringfence.policies.profiles import NAMES, load_profile

YEARS = 8
EVERY = 365
"""Days between calls."""
CALLER, CALLEE = "+14155550142", "+12125550117"
PAID, TOP_UPS = Money(5_000_000), EntryFilter(kind=EntryKind.TOP_UP)


@dataclass
class Life:
    """Two tenants, of whom one goes through everything and the other looks on."""

    keys: Keys
    plane: CallPlane
    traveller: Someone
    neighbour: Someone
    operator: str
    rules: list[tuple[str, str, int]]
    calls: list[SealedCall] = field(default_factory=list)

    @property
    def today(self) -> int:
        return day_number(self.keys.clock.now())

    def go_to(self, day: int) -> None:
        """To the noon of a day, where the jobs run."""
        assert day >= self.today
        self.keys.clock.advance(timedelta(days=day - self.today))
        with as_worker(self.keys):
            ensure_partitions()
            policy.warn_of_ends()
            accounts.end_closed_tenants()
            privacy.sweep_retention(self.rules)
            privacy.end_records()

    def place_calls(self) -> None:
        for tenant in (self.traveller.tenant, self.neighbour.tenant):
            now = self.keys.clock.now()
            self.calls.append(
                self.plane.call(tenant, CALLER, CALLEE, at=now, recorded=b"what was said")
            )
        self.plane.ship()

    def kept(self, call: SealedCall) -> tuple[bool, bool]:
        """Whether its numbers and its recording should be there."""
        age = self.today - call.day
        days = {rule: limit for _, rule, limit in self.rules}
        return age <= days.get(CALL_RECORDS, age), age <= days.get(RECORDINGS, age)

    def pay(self) -> None:
        for owner in (self.traveller.tenant, self.neighbour.tenant):
            key = f"pay-{self.today}"
            ledger.top_up(owner, PAID, idempotency_key=key, reference=Reference("payment", key))

    def check_books(self, paid: list[int]) -> None:
        """Of payments on these days: seven years by the calendar, their sum for ever."""
        first = date(1970, 1, 1)
        for owner in (self.traveller.tenant, self.neighbour.tenant):
            held = [one.occurred_at.date() for one in ledger.list_entries(owner, TOP_UPS).entries]
            days = [first + timedelta(days=day) for day in reversed(paid)]
            today = first + timedelta(days=self.today)
            assert held == [day for day in days if day.replace(year=day.year + 7) >= today], today
            balance = ledger.balance(owner, AccountKind.WALLET, "USD")
            assert balance.micros == PAID.micros * len(paid)

    def check(self, *, gone: UUID | None = None, dark: UUID | None = None) -> None:
        """``gone``: a tenant of which nothing opens; ``dark``: one whose API refuses."""
        for someone_ in (self.traveller, self.neighbour):
            own = [call for call in self.calls if call.tenant == someone_.tenant]
            expected = {call.id: self.kept(call) for call in own}
            if someone_.tenant == gone:
                expected = dict.fromkeys(expected, (False, False))
            for call in own:
                values, tracks = opened(self.keys, call)[:-2], opened(self.keys, call)[-2:]
                numbers, said = expected[call.id]
                assert (set(values), set(tracks)) == ({numbers}, {said}), self._where(call)
            if someone_.tenant not in (gone, dark):
                assert self._shown(someone_) == {
                    call.id: (CALLER if expected[call.id][0] else None) for call in own
                }

    def _shown(self, who: Someone) -> dict[UUID, str | None]:
        answer = ask("get", "/calls?limit=200", who.secret)
        assert answer.status_code == 200, answer.content
        return {
            parse_public_id(Prefix.CALL, one["id"]): one["from_number"]
            for one in answer.json()["calls"]
        }

    def _where(self, call: SealedCall) -> str:
        first = date(1970, 1, 1)
        return f"{first + timedelta(days=call.day)} on {first + timedelta(days=self.today)}"


@contextmanager
def as_worker(keys: Keys) -> Iterator[None]:
    with django_keys.use_keys(keys.blocking("worker")):
        yield


def rules_of(profile: str) -> list[tuple[str, str, int]]:
    """What an installation under it is set to: what lives as long as the account has none."""
    kept = load_profile(profile).retention
    return [
        (category, rule, longest(period))
        for category, rule, period in (
            (IDENTIFIER, CALL_RECORDS, kept.cdr.active),
            (CONTENT, RECORDINGS, kept.recordings.active),
        )
        if period.finite
    ]


@pytest.fixture
def life(db: DatabaseUrls, keys: Keys, tmp_path: Path, request: Any) -> Iterator[Life]:
    with use_clock(keys.clock):
        plane = CallPlane(keys.blocking("signalling"), keys.blocking("media"), tmp_path / "spool")
        operator = accounts.create_operator_key("test", scopes=OPERATOR_SCOPES).secret
        yield Life(
            keys, plane, someone("Traveller"), someone("Neighbour"), operator,
            rules_of(request.param),
        )  # fmt: skip


@pytest.mark.parametrize("life", NAMES, indirect=True)
def test_at_every_boundary_what_should_be_gone_is_gone_and_nothing_else(life: Life) -> None:
    begin = life.today
    paid: list[int] = []
    placing = set(range(begin, begin + YEARS * 365, EVERY))
    boundaries = {
        day + days + more for day in placing for _, _, days in life.rules for more in (0, 1)
    }
    last = begin + YEARS * 365
    boundaries |= {begin + 7 * 365 + more for more in (1, 2, 3)}  # two leap days, at the most
    for day in sorted(placing | {day for day in boundaries if day < last}):
        life.go_to(day)
        if day in placing:
            life.place_calls()
            life.pay()
            paid.append(day)
        life.check()
        life.check_books(paid)
    close_and_come_back(life)
    close_for_good(life)


def close_and_come_back(life: Life) -> None:
    tenant = public_id(Prefix.TENANT, life.traveller.tenant)
    life.place_calls()
    assert ask("post", f"/tenants/{tenant}/close", life.operator).status_code == 200
    life.go_to(life.today + 29)
    life.check(dark=life.traveller.tenant)
    assert ask("post", f"/tenants/{tenant}/reactivate", life.operator).status_code == 200
    life.go_to(life.today + 3)
    life.check()


def close_for_good(life: Life) -> None:
    tenant = public_id(Prefix.TENANT, life.traveller.tenant)
    life.place_calls()
    assert ask("post", f"/tenants/{tenant}/close", life.operator).status_code == 200
    life.go_to(life.today + 24)  # its people are told
    life.go_to(life.today + 5)
    life.check(dark=life.traveller.tenant)
    life.go_to(life.today + 2)
    life.check(gone=life.traveller.tenant)
    assert ask("post", f"/tenants/{tenant}/reactivate", life.operator).status_code == 409
    told = ask("get", f"/tenants/{tenant}", life.operator).json()
    assert told["status"] == "closed" and told["ended_at"]
