"""Telling, claiming, recording and clearing away, without a network."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from tests.keys_fixture import ShiftedClock

from ringfence.domains.accounts import api as accounts
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks import outbox
from ringfence.domains.webhooks.contracts import EndpointChange, NewEndpoint, Notice
from ringfence.domains.webhooks.outbox import Attempt
from ringfence.domains.webhooks.rules.schedule import Outcome
from ringfence.domains.webhooks.rules.validation import PersonalValueRefused
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.tenancy import tenant as as_tenant

pytestmark = pytest.mark.usefixtures("worker")


def endpoint(tenant: UUID, *events: str) -> UUID:
    new = NewEndpoint("https://hooks.invalid/", events or ("*",))
    return webhooks.create_endpoint(tenant, new).info.id


def claim(room: int = 100, each: int = 100, busy: dict[UUID, int] | None = None) -> list[UUID]:
    found = outbox.claim(clock().now(), room=room, each=each, share=100, busy=busy or {})
    return [one.id for one in found]


def count(tenant: UUID, of: UUID) -> int:
    return len(webhooks.list_deliveries(tenant, of, limit=200).deliveries)


def test_only_who_asks_is_told_and_of_each_thing_once(tenant: UUID) -> None:
    ended, every, low = (
        endpoint(tenant, "call.ended"),
        endpoint(tenant),
        endpoint(tenant, "wallet.low"),
    )
    other = accounts.create_tenant("Bolt").id
    foreign = endpoint(other)
    for _ in range(2):
        webhooks.enqueue(tenant, "call.ended", {"call": "CA1"}, key="k")
    assert [count(tenant, one) for one in (ended, every, low)] == [1, 1, 0]
    assert count(other, foreign) == 0


def test_a_tenant_that_asks_for_nothing_costs_one_query(tenant: UUID) -> None:
    endpoint(tenant, "call.ended")
    events = [CallEvent(new_id(), seq, 1, EventKind.CALL_STARTED, tenant) for seq in range(1, 500)]
    with (
        across_tenants("test") as alias,
        CaptureQueriesContext(connections[alias]) as queries,
    ):
        webhooks.enqueue_events(events)
    statements = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
    assert len(statements) == 1


def test_a_batch_of_events_costs_two(tenant: UUID) -> None:
    of = endpoint(tenant)
    events = [CallEvent(new_id(), 1, 1, EventKind.CALL_STARTED, tenant) for _ in range(150)]
    with (
        across_tenants("test") as alias,
        CaptureQueriesContext(connections[alias]) as queries,
    ):
        webhooks.enqueue_events(events)
    assert len([q for q in queries if "SAVEPOINT" not in q["sql"]]) == 2
    assert count(tenant, of) == 150


def test_what_is_rolled_back_is_not_told(tenant: UUID) -> None:
    of = endpoint(tenant)
    with pytest.raises(ZeroDivisionError), as_tenant(tenant):
        webhooks.enqueue(tenant, "call.ended", {"call": "CA1"}, key="k")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), across_tenants("test"):
        webhooks.enqueue_notices([Notice(tenant, "call.ended", {"call": "CA1"}, "k")])
        raise ZeroDivisionError
    assert count(tenant, of) == 0


def test_a_number_is_refused(tenant: UUID) -> None:
    endpoint(tenant)
    with pytest.raises(PersonalValueRefused):
        webhooks.enqueue(tenant, "call.ended", {"from": "+14155550123"}, key="k")


def test_a_claim_is_nobody_elses_until_its_lease_ends(tenant: UUID, moving: ShiftedClock) -> None:
    endpoint(tenant)
    for index in range(5):
        webhooks.enqueue(tenant, "call.ended", {"n": index}, key=str(index))
    first = claim(room=3)
    assert len(first) == 3
    second = claim()
    assert len(second) == 2
    assert not set(first) & set(second)
    moving.advance(outbox.LEASE - timedelta(seconds=1))
    assert claim() == []
    moving.advance(timedelta(seconds=2))
    assert set(claim()) == {*first, *second}


def test_what_comes_late_changes_nothing(tenant: UUID, moving: ShiftedClock) -> None:
    endpoint(tenant)
    webhooks.enqueue(tenant, "call.ended", {}, key="k")
    (late,) = outbox.claim(clock().now(), room=1, each=1, share=100, busy={})
    moving.advance(outbox.LEASE + timedelta(seconds=1))
    (present,) = outbox.claim(clock().now(), room=1, each=1, share=100, busy={})
    outbox.settle([Attempt(late, clock().now(), Outcome.FAILED, 500, "http_error")])
    found = webhooks.get_delivery(tenant, late.id)
    assert (found.log, found.attempts) == ((), 2)
    outbox.settle([Attempt(present, clock().now(), Outcome.DELIVERED, 200)])
    assert webhooks.get_delivery(tenant, late.id).state == "delivered"


def test_a_late_answer_neither_touches_a_replay_nor_its_endpoint(
    tenant: UUID, moving: ShiftedClock
) -> None:
    of = endpoint(tenant)
    for index in range(2):
        webhooks.enqueue(tenant, "call.ended", {}, key=str(index))
    first, late = outbox.claim(clock().now(), room=2, each=2, share=100, busy={})
    outbox.settle([Attempt(first, clock().now(), Outcome.GONE, 410, "gone")])
    assert not webhooks.get_endpoint(tenant, of).enabled
    webhooks.change_endpoint(tenant, of, EndpointChange(enabled=True))
    webhooks.replay_delivery(tenant, late.id)
    moving.advance(timedelta(seconds=1))
    (again,) = outbox.claim(clock().now(), room=2, each=2, share=100, busy={})
    assert again.attempts == late.attempts == 1
    outbox.settle([Attempt(late, clock().now(), Outcome.GONE, 410, "gone")])
    assert webhooks.get_endpoint(tenant, of).enabled
    assert webhooks.get_delivery(tenant, late.id).state == "pending"


def test_workers_that_claim_at_once_share(tenant: UUID) -> None:
    for _ in range(3):
        endpoint(tenant)
    for index in range(60):
        webhooks.enqueue(tenant, "call.ended", {}, key=str(index))

    def work(_: int) -> list[UUID]:
        try:
            return [one for _ in range(8) for one in claim(room=10)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = [one for part in pool.map(work, range(4)) for one in part]
    assert len(found) == len(set(found)) == 180


def test_each_endpoint_has_its_share_and_a_failing_one_a_single_try(tenant: UUID) -> None:
    first, second = endpoint(tenant), endpoint(tenant)
    for index in range(10):
        webhooks.enqueue(tenant, "call.ended", {}, key=str(index))
    claims = outbox.claim(clock().now(), room=100, each=4, share=100, busy={first: 3})
    assert sorted(one.endpoint_id for one in claims) == sorted([first] + [second] * 4)
    mine = next(one for one in claims if one.endpoint_id == first)
    outbox.settle([Attempt(mine, clock().now(), Outcome.FAILED, 500, "http_error")])
    again = outbox.claim(clock().now(), room=100, each=4, share=100, busy={})
    assert sorted(one.endpoint_id for one in again) == sorted([first] + [second] * 4)


def test_no_tenant_takes_all_places(tenant: UUID) -> None:
    other = accounts.create_tenant("Other").id
    hungry = [endpoint(tenant) for _ in range(4)]
    endpoint(other)
    for index in range(5):
        webhooks.enqueue(tenant, "call.ended", {}, key=str(index))
        webhooks.enqueue(other, "call.ended", {}, key=str(index))
    busy = {hungry[0]: 3}
    claims = outbox.claim(clock().now(), room=8, each=5, share=7, busy=busy)
    assert Counter(one.tenant_id for one in claims) == {tenant: 4, other: 4}, "in turns"
    rest = outbox.claim(clock().now(), room=100, each=5, share=7, busy=busy)
    assert Counter(one.tenant_id for one in rest)[tenant] <= 4
    assert Counter(one.tenant_id for one in rest)[other] == 1


def test_what_is_settled_does_not_stay(tenant: UUID, moving: ShiftedClock) -> None:
    of = endpoint(tenant)
    for index in range(3):
        webhooks.enqueue(tenant, "call.ended", {}, key=str(index))
    good, bad, _ = outbox.claim(clock().now(), room=3, each=3, share=100, busy={})
    outbox.settle([Attempt(good, clock().now(), Outcome.DELIVERED, 200)])
    with across_tenants("test") as alias, connections[alias].cursor() as cursor:
        cursor.execute("UPDATE webhooks_delivery SET state = 'dead' WHERE id = %s", [bad.id])
    moving.advance(timedelta(days=6, hours=23))
    assert webhooks.purge() == 0
    moving.advance(timedelta(hours=2))
    assert webhooks.purge() == 1
    assert count(tenant, of) == 2
    moving.advance(timedelta(days=24))
    assert webhooks.purge() == 1
    assert count(tenant, of) == 1, "what waits is never removed"


def test_what_waits_for_a_disabled_endpoint_is_dead(tenant: UUID) -> None:
    of = endpoint(tenant)
    webhooks.enqueue(tenant, "call.ended", {}, key="k")
    webhooks.change_endpoint(tenant, of, EndpointChange(enabled=False))
    (one,) = webhooks.list_deliveries(tenant, of).deliveries
    assert (one.state, one.last_error) == ("dead", "endpoint_disabled")
    webhooks.enqueue(tenant, "call.ended", {}, key="k2")
    assert (count(tenant, of), claim()) == (1, [])
