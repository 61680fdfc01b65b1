"""Records of tenants that live end after the law's time, to the day: their books go on adding up,
the chain of what people said stays whole, and the same version of the policy binds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.keys_fixture import Keys
from tests.population import Populated, populate
from tests.promises.test_records_end import CPNI, certificates, go_to, left

from ringfence.domains.accounts import api as accounts
from ringfence.domains.consent import api as consents
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryInfo,
    EntryKind,
    Explanation,
    NewEntry,
    Posting,
    Reference,
)
from ringfence.domains.ledger.usecases.checkpoint import wrong_checkpoints
from ringfence.domains.policy.models import Acceptance
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.usecases.order_erasure import order_records
from ringfence.entry.promises.controls.consent_evidence import _CHAIN, _broken
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import day_number
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import clock, use_clock
from ringfence.platform_django.tenancy import OPERATOR, across_tenants, tenant

CALLER = Identifier("e164", "+14155550100")  # whom ``populate`` asked
NEWS = ConsentScope.MESSAGING_MARKETING


@pytest.fixture
def acme(db: DatabaseUrls, keys: Keys) -> Iterator[Populated]:
    with use_clock(keys.clock):
        found = populate("Acme", 1)
    with use_clock(keys.clock), django_keys.use_keys(keys.blocking("worker")):
        with psycopg.connect(db.owner) as connection:  # it comes with a hold, which is not meant
            connection.execute("UPDATE privacy_hold SET released_at = placed_at")
        yield found


def later(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def post(owner: UUID, key: str, micros: int, currency: str = "USD") -> None:
    lines = ((AccountKind.WALLET, micros), (AccountKind.REVENUE, -micros))
    new = NewEntry(
        idempotency_key=key,
        kind=EntryKind.ADJUSTMENT,
        lines=tuple(Posting(kind, Money(amount, currency)) for kind, amount in lines),
        reference=Reference("call", "CA" + "0" * 32),
        explanation=Explanation("test/1"),
    )
    ledger.post_entry(owner, new)


def all_entries(owner: UUID) -> list[EntryInfo]:
    """The oldest first."""
    return list(reversed(ledger.list_entries(owner, limit=200).entries))


def whole(db: DatabaseUrls) -> bool:
    """As the examiner computes the chains of evidence."""
    with psycopg.connect(db.owner) as connection:
        return not list(_broken(connection.execute(_CHAIN).fetchall()))


@pytest.mark.promise("CMX-07.0-04")
def test_books_of_the_living_are_carried_forward_on_their_day(
    acme: Populated, db: DatabaseUrls, keys: Keys
) -> None:
    first = keys.clock.now().date()
    assert (first.month, first.day) not in ((2, 28), (2, 29))
    of_first = len(all_entries(acme.tenant))
    for n, currency in enumerate(("USD", "EUR", "USD")):
        go_to(keys, first + timedelta(days=1 + n))
        post(acme.tenant, f"day-{1 + n}", 1000 * (n + 1), currency)
    balances, of_acme = ledger.balances(acme.tenant), left(db, acme.tenant)

    go_to(keys, later(first, 1) + timedelta(days=5))
    privacy.end_records()  # of CPNI
    go_to(keys, later(first, 7))
    assert privacy.end_records() == 0
    assert len(all_entries(acme.tenant)) == of_first + 3

    for days in range(1, 5):
        go_to(keys, later(first, 7) + timedelta(days=days))
        assert privacy.end_records() >= 1
        entries = all_entries(acme.tenant)
        carried = [one for one in entries if one.kind is EntryKind.CARRIED]
        assert entries[: len(carried)] == carried  # the books begin with it
        midnight = first + timedelta(days=days)
        assert {one.occurred_at.date() for one in carried} == {midnight}
        assert [one.idempotency_key for one in entries[len(carried) :]] == [
            f"day-{n}" for n in range(days, 4)
        ]
        assert len(carried) == (1 if days < 3 else 2)  # one of each currency
        assert ledger.balances(acme.tenant) == balances
        assert wrong_checkpoints() == 0
        said = certificates(db, acme.tenant)["ledger_days", (midnight - timedelta(1)).isoformat()]
        assert said["rows_cleared"] > 0
        assert privacy.end_records() == 0

    go_to(keys, later(first, 8))
    assert privacy.end_records() == 0  # nothing but what was carried: no certificate of nothing
    assert left(db, acme.tenant) == of_acme - CPNI - {"ledger_unrated"}


def test_nothing_is_carried_while_a_legal_hold_lasts(
    acme: Populated, db: DatabaseUrls, keys: Keys
) -> None:
    hold = privacy.place_hold(acme.tenant, actor="test")
    entries, today = all_entries(acme.tenant), keys.clock.now()
    go_to(keys, later(today.date(), 7) + timedelta(days=1))
    privacy.end_records()
    assert all_entries(acme.tenant) == entries
    order_records(acme.tenant, "ledger_days", day_number(today), actor="test")
    for call in ("ringfence_carry_books", "ringfence_end_said"):
        with (
            psycopg.connect(db.operator) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"SELECT {call}(%s, %s)", [acme.tenant, today.date()])
    privacy.release_hold(acme.tenant, hold.id)
    assert privacy.end_records() >= 1
    assert all_entries(acme.tenant) != entries


@pytest.mark.parametrize("call", ["ringfence_carry_books", "ringfence_end_said"])
def test_the_database_ends_nothing_that_nobody_ordered(
    acme: Populated, db: DatabaseUrls, keys: Keys, call: str
) -> None:
    today = keys.clock.now()
    rule = {"ringfence_carry_books": "ledger_days"}.get(call, "consents_over")
    order_records(acme.tenant, rule, day_number(today) - 2, actor="test")
    for before, ordered in ((today.date(), False), (today.date() - timedelta(1), True)):
        with psycopg.connect(db.operator) as connection:
            query = f"SELECT {call}(%s, %s)"
            if ordered:
                assert connection.execute(query, [acme.tenant, before]).fetchone() == (0,)
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(query, [acme.tenant, before])


def test_who_reads_a_balance_meanwhile_reads_the_true_one(
    acme: Populated, db: DatabaseUrls, keys: Keys
) -> None:
    """Between the checkpoint and the lines behind it, both change."""
    first = keys.clock.now().date()
    go_to(keys, first + timedelta(days=1))
    post(acme.tenant, "later", 7)
    go_to(keys, later(first, 7) + timedelta(days=1))
    truth, seen = ledger.balance(acme.tenant, AccountKind.WALLET, "USD"), []

    def carry(execute: Any, query: str, *rest: Any) -> Any:
        if "ledger_line" in query and not seen:
            seen.append(query)
            with psycopg.connect(db.operator) as other:
                done = "SELECT ringfence_carry_books(%s, %s)"
                found = other.execute(done, [acme.tenant, first + timedelta(days=1)]).fetchone()
            assert found is not None and found[0] > 0
        return execute(query, *rest)

    order_records(acme.tenant, "ledger_days", day_number(clock().now()), actor="test")
    with connections["default"].execute_wrapper(carry):
        assert ledger.balance(acme.tenant, AccountKind.WALLET, "USD") == truth
    assert seen
    assert ledger.balance(acme.tenant, AccountKind.WALLET, "USD") == truth


_step = st.one_of(
    st.tuples(st.just("post"), st.sampled_from(["USD", "EUR"]), st.integers(-(10**15), 10**15)),
    st.tuples(st.just("days"), st.just(""), st.integers(1, 3)),
    st.tuples(st.just("checkpoint"), st.just(""), st.integers(1, 3)),
    st.tuples(st.just("carry"), st.just(""), st.integers(0, 4)),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(_step, max_size=20))
def test_any_course_of_posts_and_carries_adds_up(
    db: DatabaseUrls, keys: Keys, steps: list[tuple[str, str, int]]
) -> None:
    with use_clock(keys.clock):
        owner = accounts.create_tenant("Acme").id
        other = accounts.create_tenant("Bolt").id
        expected: defaultdict[str, int] = defaultdict(int)
        post(other, "theirs", 5)
        for n, (what, currency, amount) in enumerate(steps):
            today = keys.clock.now()
            if what == "post" and amount:
                post(owner, str(n), amount, currency)
                expected[currency] += amount
            elif what == "days":
                keys.clock.advance(timedelta(days=amount))
            elif what == "checkpoint":
                ledger.checkpoint(lines=amount)
            elif what == "carry":
                order_records(owner, "ledger_days", day_number(today) - amount, actor="test")
                before = today.date() - timedelta(days=amount - 1)
                with across_tenants("test") as alias, connections[alias].cursor() as cursor:
                    cursor.execute("SELECT ringfence_carry_books(%s, %s)", [owner, before])
                left_over = [one for one in all_entries(owner) if one.kind is not EntryKind.CARRIED]
                assert all(one.occurred_at.date() >= before for one in left_over)
            for unit, micros in expected.items():
                assert ledger.balance(owner, AccountKind.WALLET, unit).micros == micros
                assert ledger.balance(owner, AccountKind.REVENUE, unit).micros == -micros
            assert wrong_checkpoints() == 0
        assert ledger.balance(other, AccountKind.WALLET, "USD").micros == 5
        assert len(all_entries(other)) == 1


def say(owner: UUID, state: ConsentState, wording: UUID | None = None) -> None:
    consents.record(
        owner,
        CALLER,
        NEWS,
        state,
        method=ConsentMethod.WEB_FORM,
        wording_id=wording,
        actor="test",
    )


def seqs(db: DatabaseUrls, table: str) -> list[int]:
    with psycopg.connect(db.owner) as connection:
        return [row[0] for row in connection.execute(f"SELECT seq FROM {table} ORDER BY seq")]


def test_what_was_said_ends_after_something_else_was_said(
    acme: Populated, db: DatabaseUrls, keys: Keys
) -> None:
    """Granted in 1, by somebody else in 2, withdrawn in 3, granted again in 4."""
    begun = keys.clock.now().date()
    somebody = Identifier("e164", "+14155550177")
    consents.record(
        acme.tenant, somebody, NEWS, ConsentState.DENIED, method=ConsentMethod.WEB_FORM,
        actor="test",
    )  # fmt: skip
    go_to(keys, begun + timedelta(days=100))
    withdrawn = keys.clock.now().date()
    say(acme.tenant, ConsentState.WITHDRAWN)
    go_to(keys, withdrawn + timedelta(days=100))
    again = keys.clock.now().date()
    say(acme.tenant, ConsentState.GRANTED, acme.wording)
    stands = consents.stands_of(acme.tenant, CALLER, [NEWS])
    assert seqs(db, "consent_evidence") == [1, 2, 3, 4]

    for since, evidence, links in ((withdrawn, [2, 3, 4], [1]), (again, [2, 4], [1, 3])):
        go_to(keys, later(since, 4))
        privacy.end_records()
        before = seqs(db, "consent_evidence")
        assert before == [*range(1, 5)] if since == withdrawn else [2, 3, 4]
        go_to(keys, later(since, 4) + timedelta(days=1))
        assert privacy.end_records() == 1
        assert seqs(db, "consent_evidence") == evidence
        assert seqs(db, "consent_link") == links
        assert whole(db)
        day = later(since, 4).replace(year=since.year)
        assert certificates(db, acme.tenant)["consents_over", day.isoformat()]["rows_cleared"] == 1
    assert consents.stands_of(acme.tenant, CALLER, [NEWS]) == stands
    # the other one says something else: then their word, and the links before all that is left, go
    consents.record(
        acme.tenant, somebody, NEWS, ConsentState.WITHDRAWN, method=ConsentMethod.WEB_FORM,
        actor="test",
    )  # fmt: skip
    assert whole(db)
    go_to(keys, later(keys.clock.now().date(), 4) + timedelta(days=1))
    privacy.end_records()
    assert seqs(db, "consent_evidence") == [4, 5]
    assert seqs(db, "consent_link") == [3]
    assert whole(db)
    with psycopg.connect(db.owner) as connection:
        connection.execute("DELETE FROM consent_evidence WHERE seq = 4")
    assert not whole(db)


def test_an_acceptance_ends_after_a_newer_one(
    acme: Populated, db: DatabaseUrls, keys: Keys
) -> None:
    """``populate`` accepted 2."""
    begun = keys.clock.now().date()
    go_to(keys, begun + timedelta(days=50))
    newer = keys.clock.now().date()
    with tenant(acme.tenant):
        row = {"digest": "d", "actor": "test", "accepted_at": clock().now()}
        Acceptance.objects.create(tenant_id=acme.tenant, number=3, **row)

    def accepted() -> list[int]:
        rows = Acceptance.objects.using(OPERATOR).filter(tenant_id=acme.tenant)
        return sorted(rows.values_list("number", flat=True))

    go_to(keys, later(newer, 7))
    privacy.end_records()
    assert accepted() == [2, 3]
    go_to(keys, later(newer, 7) + timedelta(days=1))
    assert privacy.end_records() >= 1
    assert accepted() == [3]
    found = certificates(db, acme.tenant)["acceptances_over", newer.isoformat()]
    assert found["rows_cleared"] == 1
    go_to(keys, later(newer, 30))
    privacy.end_records()
    assert accepted() == [3]
