"""Calls become entries by their journal: each leg once, or it stands in the error queue."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.keys_fixture import Keys
from tests.rated_calls import COLUMNS, OWN, Story, make_decks, write_calls

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.api import project_calls, store_events
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import (
    AccountKind,
    DeckKind,
    Direction,
    EntryInfo,
    UnratedClosed,
    UnratedState,
)
from ringfence.domains.ledger.rules.rating import rate_seconds
from ringfence.domains.privacy.usecases.order_erasure import order_records
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import NewEndpoint
from ringfence.entry.control.translate import call_event
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.names import day_number
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

WALLET = AccountKind.WALLET


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


def deliver(stories: Iterable[Story]) -> list[UUID]:
    """Into the journal and the call records, as the shipper does; the calls."""
    told = list(stories)
    store_events([call_event(record) for story in told for record in story.records])
    calls = [story.call for story in told]
    project_calls(calls, node="test", position=1)
    return calls


def rate_all() -> None:
    while ledger.rate_next(500):
        pass


def entries(tenant: UUID) -> list[EntryInfo]:
    found: list[EntryInfo] = []
    cursor = None
    while True:
        page = ledger.list_entries(tenant, before=cursor, limit=200)
        found += page.entries
        cursor = page.next_cursor
        if cursor is None:
            return found


def queue(tenant: UUID, state: UnratedState = UnratedState.OPEN) -> dict[tuple[UUID, str], str]:
    items = ledger.list_unrated(tenant, state, limit=200).items
    return {(item.leg_id, item.kind.value): item.reason for item in items}


def booked(tenant: UUID) -> Counter[tuple[UUID | None, str, int]]:
    """Leg, kind and micros of each entry."""
    kinds = {"charge": "sell", "cost": "buy"}
    return Counter(
        (
            item.explanation.leg,
            kinds[item.kind.value],
            max((line.amount.micros for line in item.lines), default=0),
        )
        for item in entries(tenant)
    )


def wanted(stories: Iterable[Story]) -> dict[tuple[UUID, str], int | None]:
    return {key: micros for story in stories for key, micros in story.expected().items()}


def test_each_leg_is_rated_once_by_its_own_number_and_seconds(acme: UUID) -> None:
    make_decks(acme)
    stories = write_calls(acme, 200, random.Random(1))
    deliver(stories)
    rate_all()
    rate_all()
    ledger.rate_calls([story.call for story in stories])
    expected = wanted(stories)
    assert any(story.emergency and story.legs for story in stories)
    assert booked(acme) == Counter(
        (leg, kind, micros) for (leg, kind), micros in expected.items() if micros is not None
    )
    assert queue(acme) == {key: "no_rate" for key, micros in expected.items() if micros is None}
    assert queue(acme)
    sold = sum(m for (_, kind), m in expected.items() if kind == "sell" and m is not None)
    bought = sum(m for (_, kind), m in expected.items() if kind == "buy" and m is not None)
    assert ledger.balance(acme, WALLET, "USD") == Money(-sold)
    assert ledger.balance(acme, AccountKind.REVENUE, "USD") == Money(sold)
    assert ledger.balance(acme, AccountKind.COST, "USD") == Money(-bought)
    assert ledger.balance(acme, AccountKind.PAYABLE, "USD") == Money(bought)
    report = ledger.check_books()
    assert (report.differences, report.wrong_checkpoints, report.waiting) == ((), 0, 0)
    assert report.rated + report.unrated == len(expected)


def test_every_entry_replays_from_what_it_says(acme: UUID) -> None:
    make_decks(acme)
    deliver(write_calls(acme, 60, random.Random(2)))
    rate_all()
    rates = {
        rate.id: rate
        for deck in ledger.list_decks(acme)
        for rate in ledger.list_rates(acme, deck.id).rates
    }
    replayed = 0
    for entry in entries(acme):
        why = entry.explanation
        if why.rate is None:
            continue
        used = {step.what: step.seconds for step in why.steps}.get("used", 0)
        again = rate_seconds(rates[why.rate], used)
        assert replace(again.explanation, call=why.call, leg=why.leg) == why
        assert [line.amount.micros for line in entry.lines] == (
            [-again.amount.micros, again.amount.micros] if again.amount.micros else []
        )
        replayed += 1
    assert replayed > 60


def test_what_was_carried_forward_is_not_charged_again(acme: UUID) -> None:
    make_decks(acme)
    stories = write_calls(acme, 20, random.Random(4))
    deliver(stories)
    rate_all()
    assert queue(acme) and booked(acme)
    balances, tomorrow = ledger.balances(acme), clock().now() + timedelta(days=1)
    order_records(acme, "ledger_days", day_number(tomorrow) - 1, actor="test")
    with across_tenants("test") as alias, connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_carry_books(%s, %s)", [acme, tomorrow.date()])
    (carried,) = entries(acme)
    settled = ledger.rate_calls([story.call for story in stories])
    assert (settled.posted, settled.unrated) == (0, 0)
    assert (entries(acme), queue(acme)) == ([carried], {})
    assert ledger.balances(acme) == balances
    report = ledger.check_books()
    assert (report.differences, report.wrong_checkpoints) == ((), 0)


def test_what_nobody_prices_is_not_billed_and_what_lacks_a_price_waits(acme: UUID) -> None:
    """By kind: no deck of a kind, no billing by it; a deck, but none for the direction: queued."""
    before = write_calls(acme, 10, random.Random(3), ago=3600)
    deliver(before)
    rate_all()
    assert (entries(acme), queue(acme)) == ([], {})
    make_decks(acme, ("sell", "outbound"))
    after = [story for story in write_calls(acme, 20, random.Random(5)) if not story.emergency]
    deliver(after)
    rate_all()
    expected = {key: micros for key, micros in wanted(after).items() if key[1] == "sell"}
    inbound = {leg.id for story in after for leg in story.legs if leg.direction == "inbound"}
    assert {key for key, why in queue(acme).items() if why == "no_deck"} == {
        (leg, "sell") for leg in inbound
    }
    rated = {leg for leg, _, _ in booked(acme)}
    assert rated == {
        leg for (leg, _), micros in expected.items() if leg not in inbound and micros is not None
    }
    assert ledger.check_books(acme).differences == ()


FRANCE = f"{COLUMNS}\n1,0.012,0,0,60,60,2020-01-01T00:00:00+00:00,\n" + (
    "33,0.02,0,0,60,60,2020-01-01T00:00:00+00:00,\n"
)


def french(tenant: UUID, count: int) -> list[Story]:
    stories = write_calls(tenant, count, random.Random(6), numbers=("+33155501050",))
    return [story for story in stories if story.legs and not story.emergency]


def test_the_queue_is_worked_off_or_written_off(acme: UUID) -> None:
    make_decks(acme, ("sell", "outbound"), ("sell", "inbound"))
    stories = french(acme, 12)
    deliver(stories)
    rate_all()
    items = ledger.list_unrated(acme, limit=200).items
    assert [item.reason for item in items] == ["no_rate"] * len(stories)
    again = ledger.retry_unrated(acme, items[0].id)
    assert (again.state, again.attempts) == (UnratedState.OPEN, 2)
    off = ledger.write_off(acme, items[1].id, "test traffic")
    assert (off.state, off.note) == (UnratedState.WRITTEN_OFF, "test traffic")
    ledger.create_deck(acme, "With France", FRANCE, kind=DeckKind.SELL, currency="USD")
    assert ledger.retry_unrated(acme, items[0].id).state is UnratedState.RATED
    assert ledger.retry_all(acme).posted == len(stories) - 2
    for closed in items[:2]:
        for act in (ledger.retry_unrated, lambda t, i: ledger.write_off(t, i, "x")):
            with pytest.raises(UnratedClosed):
                act(acme, closed.id)
    assert ledger.list_unrated(acme).items == ()
    ledger.rate_calls([story.call for story in stories])  # nor is it rated behind its back
    paid = {item.explanation.leg for item in entries(acme) if item.explanation.leg is not None}
    assert items[1].leg_id not in paid
    assert {item.leg_id for item in items} - {items[1].leg_id} <= paid
    report = ledger.check_books(acme)
    assert (report.differences, report.written_off) == ((), 1)


def test_whose_key_was_destroyed_stands_in_the_queue(acme: UUID, keys: Keys) -> None:
    make_decks(acme, ("sell", "outbound"), ("sell", "inbound"))
    stories = french(acme, 8)
    deliver(stories)
    person = next(r.callee for r in stories[0].records if r.callee is not None).person
    keys.blocking("worker").destroy(acme, Destruction((ErasePerson(person),)), actor="test")
    rate_all()
    assert set(queue(acme).values()) == {"key_destroyed"}
    assert ledger.check_books(acme).differences == ()


def test_while_keys_are_away_nothing_is_rated_and_nothing_lost(acme: UUID, keys: Keys) -> None:
    make_decks(acme)
    stories = write_calls(acme, 30, random.Random(7))
    deliver(stories)
    keys.blocking("web").close()
    keys.stop()
    with pytest.raises(Unavailable):
        rate_all()
    report = ledger.check_books(acme)
    assert (report.waiting, report.differences) == (len(wanted(stories)), ())
    keys.start()
    rate_all()
    assert len(booked(acme)) == sum(1 for micros in wanted(stories).values() if micros is not None)


def test_the_check_finds_what_is_missing_twice_or_wrong(acme: UUID, db: DatabaseUrls) -> None:
    make_decks(acme, ("sell", "outbound"), ("sell", "inbound"))
    deliver([s for s in write_calls(acme, 20, random.Random(8)) if not s.emergency])
    rate_all()
    legs = [item.explanation.leg for item in entries(acme)]
    with psycopg.connect(db.owner) as owner:
        owner.execute("DELETE FROM ledger_line WHERE entry_id IN "
                      "(SELECT id FROM ledger_entry WHERE explanation ->> 'leg' = %s)",
                      [str(legs[0])])  # fmt: skip
        owner.execute("DELETE FROM ledger_entry WHERE explanation ->> 'leg' = %s", [str(legs[0])])
        owner.execute(
            "UPDATE calls_leg SET ended_at = ended_at - interval '1 second', "
            "answered_at = answered_at - interval '7 seconds' WHERE id = %s",
            [legs[1]],
        )
        owner.execute(
            "INSERT INTO ledger_unrated SELECT id, tenant_id, %s, id, 'sell', 'outbound', 'x', 1, "
            "occurred_at, occurred_at, 'open' FROM ledger_entry LIMIT 1",
            [legs[2]],
        )
    found = {item.leg_id: item.problem for item in ledger.check_books().differences}
    assert found == {legs[0]: "missing", legs[1]: "seconds", legs[2]: "twice"}


def test_a_watched_wallet_becomes_low_once(acme: UUID, db: DatabaseUrls) -> None:
    webhooks.create_endpoint(acme, NewEndpoint("https://hooks.example.net/", ("wallet.low",)))
    make_decks(acme)
    ledger.set_wallet_limits(acme, "USD", credit_limit_micros=0, low_balance_micros=-200_000)
    deliver(write_calls(acme, 300, random.Random(9)))
    rate_all()
    assert ledger.balance(acme, WALLET, "USD").micros < -200_000
    with psycopg.connect(db.owner) as owner:
        told = owner.execute("SELECT data FROM webhooks_delivery WHERE type = 'wallet.low'")
        (data,) = (row[0] for row in told.fetchall())
    assert data["balance_micros"] < data["threshold_micros"] == -200_000


def test_checkpoints_change_no_balance(acme: UUID) -> None:
    make_decks(acme)
    deliver(write_calls(acme, 80, random.Random(10)))
    rate_all()
    before = ledger.balances(acme)
    assert ledger.checkpoint(lines=1) == len([m for kind in before.values() for m in kind])
    assert ledger.balances(acme) == before
    assert ledger.checkpoint(lines=1) == 0
    deliver(write_calls(acme, 80, random.Random(11)))
    rate_all()
    between = ledger.balances(acme)
    assert ledger.checkpoint(lines=1) > 0
    assert ledger.balances(acme) == between != before
    assert ledger.check_books().wrong_checkpoints == 0


_steps = st.lists(
    st.tuples(st.sampled_from(["deliver", "rate", "rate_again", "checkpoint", "retry", "deck"]),
              st.integers(0, 11)),
    max_size=14,
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps, seed=st.integers(0, 999))
def test_any_order_and_any_retry_is_zero_sum_and_ends_the_same(
    db: DatabaseUrls, steps: list[tuple[str, int]], seed: int
) -> None:
    """Batches of rating, cut and repeated in any way, among checkpoints and retries."""
    tenant = accounts.create_tenant("Acme").id
    make_decks(tenant)
    stories = write_calls(tenant, 12, random.Random(seed))
    told: set[int] = set()
    france = False
    for step, index in steps:
        match step:
            case "deliver" if index not in told:
                deliver([stories[index]])
                told.add(index)
            case "rate":
                ledger.rate_next(1 + index)
            case "rate_again":
                ledger.rate_calls([story.call for story in stories[index:]])
            case "checkpoint":
                ledger.checkpoint(lines=1)
            case "retry":
                ledger.retry_all(tenant)
            case "deck" if not france:
                ledger.create_deck(tenant, "F", FRANCE, kind=DeckKind.SELL, currency="USD")
                france = True
        assert zero_sum(db.owner)
    deliver([story for index, story in enumerate(stories) if index not in told])
    rate_all()
    legs = Counter((leg, kind) for leg, kind, _ in booked(tenant))
    assert not [key for key, count in legs.items() if count > 1]
    assert set(legs) | set(queue(tenant)) == set(wanted(stories))
    assert not set(legs) & set(queue(tenant))
    assert zero_sum(db.owner)
    assert ledger.check_books(tenant).differences == ()


def zero_sum(owner: str) -> bool:
    with psycopg.connect(owner) as connection:
        rows: list[Any] = connection.execute(
            "SELECT sum(l.amount_micros) FROM ledger_line l "
            "JOIN ledger_account a ON a.id = l.account_id GROUP BY l.tenant_id, a.currency"
        ).fetchall()
    return not any(row[0] for row in rows)


def test_a_deck_counts_from_its_first_rate_on_and_the_last_made_wins(acme: UUID) -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)

    def deck(price: str, start: str) -> None:
        text = f"{COLUMNS}\n1,{price},0,0,60,60,{start}T00:00:00+00:00,\n"
        ledger.create_deck(acme, price, text, kind=DeckKind.SELL, currency="USD")

    def price_at(moment: datetime) -> int:
        (found,) = ledger.quote(acme, OWN, moment, 60, Direction.OUTBOUND)
        assert found.rated is not None, found.reason
        return found.rated.amount.micros

    deck("0.01", "2026-01-01")
    deck("0.02", "2026-07-01")
    assert price_at(at) == 10_000
    assert price_at(at.replace(month=7)) == 20_000
    deck("0.03", "2026-05-01")
    assert price_at(at) == price_at(at.replace(month=7)) == 30_000
    assert price_at(at.replace(month=4)) == 10_000
