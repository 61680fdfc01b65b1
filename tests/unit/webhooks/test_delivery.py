"""The loop, towards receivers that are good, slow, wrong, and not there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from aiohttp import web
from tests.keys_fixture import Keys, ShiftedClock
from tests.unit.webhooks.conftest import (
    CALLER,
    LOOP,
    Receiver,
    accept,
    delivering,
    one_call,
    receiving,
    status,
    until,
    verify,
)

from ringfence.domains.privacy import api as privacy
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import (
    DeliveryInfo,
    EndpointChange,
    EndpointSecret,
    NewEndpoint,
)
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.processor_settings import EgressSettings
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import use_keys

pytestmark = pytest.mark.usefixtures("worker", "fast")


def endpoint(tenant: UUID, receiver: Receiver, *events: str) -> EndpointSecret:
    return webhooks.create_endpoint(tenant, NewEndpoint(receiver.url, events or ("*",)))


def tell(tenant: UUID, count: int = 1, start: int = 0) -> None:
    """Of calls that nothing more is known of."""
    for index in range(start, start + count):
        data = {"call": public_id(Prefix.CALL, UUID(int=index)), "seq": 1}
        webhooks.enqueue(tenant, "call.ended", data, key=f"ended-{index}")


def deliveries(tenant: UUID, of: EndpointSecret) -> list[DeliveryInfo]:
    return list(webhooks.list_deliveries(tenant, of.info.id, limit=200).deliveries)


def states(tenant: UUID, of: EndpointSecret) -> set[str]:
    return {one.state for one in deliveries(tenant, of)}


def test_a_call_is_told_signed_and_once(tenant: UUID) -> None:
    call = one_call(tenant)
    events = [
        CallEvent(call, seq, clock().micros(), kind, tenant)
        for seq, kind in enumerate(
            (EventKind.CALL_STARTED, EventKind.LEG_CREATED, EventKind.CALL_ENDED), 1
        )
    ]
    with receiving() as receiver:
        made = endpoint(tenant, receiver, "call.started", "call.ended")
        webhooks.enqueue_events(events)
        webhooks.enqueue_events(events)
        with delivering():
            until(lambda: len(deliveries(tenant, made)) == 2)
            until(lambda: states(tenant, made) == {"delivered"})
    assert sorted(one.message["type"] for one in receiver.got) == ["call.ended", "call.started"]
    for one in receiver.got:
        assert verify(made.secret, one.headers, one.body)
        assert one.headers["content-type"] == "application/json"
        assert set(one.message) == {"type", "timestamp", "data"}
        assert one.message["data"]["id"] == public_id(Prefix.CALL, call)
        assert one.message["data"]["from_number"] == CALLER
        assert abs(int(one.headers["webhook-timestamp"]) - clock().micros() / 1e6) < 60
    assert set(receiver.ids) == {
        public_id(Prefix.DELIVERY, one.id) for one in deliveries(tenant, made)
    }


def test_openings_are_recorded_for_their_endpoint(tenant: UUID, keys: Keys) -> None:
    call = one_call(tenant)
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        webhooks.enqueue_events(
            [CallEvent(call, 1, clock().micros(), EventKind.CALL_STARTED, tenant)]
        )
        with delivering():
            until(lambda: states(tenant, made) == {"delivered"})
    actor = f"webhook:{made.info.id.hex}"
    assert any(
        use.actor == actor
        and use.purpose == "service"
        and public_id(Prefix.CALL, call) in use.objects
        for use in keys.uses
    )


def test_no_number_stands_in_the_outbox(tenant: UUID, db: DatabaseUrls) -> None:
    call = one_call(tenant)
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        webhooks.enqueue_events(
            [CallEvent(call, 1, clock().micros(), EventKind.CALL_STARTED, tenant)]
        )
        receiver.answer = status(500)
        with delivering():
            until(lambda: deliveries(tenant, made)[0].last_status == 500)
    assert CALLER in receiver.got[0].body.decode(), "else there was nothing to leave behind"
    with psycopg.connect(db.owner) as connection:
        rows = [
            str(row)
            for table in ("webhooks_endpoint", "webhooks_delivery")
            for row in connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t")  # type: ignore[arg-type]
        ]
    assert len(rows) == 2
    assert public_id(Prefix.CALL, call) in "".join(rows), "the scan sees what stands there"
    for trace in (CALLER, CALLER[1:], "2025550188", made.secret, "no number, but a text"):
        assert trace not in "".join(rows)


def test_an_erased_person_is_told_of_without_the_number(tenant: UUID, moving: ShiftedClock) -> None:
    call = one_call(tenant)
    with receiving(status(500)) as receiver:
        made = endpoint(tenant, receiver)
        webhooks.enqueue_events(
            [CallEvent(call, 1, clock().micros(), EventKind.CALL_STARTED, tenant)]
        )
        with delivering():
            until(lambda: deliveries(tenant, made)[0].last_status == 500)
            privacy.erase_identifier(tenant, Identifier("e164", CALLER), actor="test")
            receiver.answer = accept
            moving.advance(timedelta(seconds=6))
            until(lambda: states(tenant, made) == {"delivered"})
    before, after = receiver.got
    assert before.id == after.id
    assert before.message["data"]["from_number"] == CALLER
    assert after.message["data"]["from_number"] is None
    assert after.message["data"]["from_error"] == "key_destroyed"
    assert CALLER[2:] not in after.body.decode()
    assert verify(made.secret, after.headers, after.body)


def test_what_exists_no_more_is_told_by_its_id(tenant: UUID) -> None:
    gone = UUID(int=7)
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        webhooks.enqueue_events(
            [CallEvent(gone, 1, clock().micros(), EventKind.CALL_ENDED, tenant)]
        )
        with delivering():
            until(lambda: states(tenant, made) == {"delivered"})
    assert receiver.got[0].message["data"] == {
        "call": public_id(Prefix.CALL, gone),
        "seq": 1,
        "error": "call_not_found",
    }


def test_a_day_of_failures_then_dead_then_replayed(tenant: UUID, moving: ShiftedClock) -> None:
    began = moving.now()
    with receiving(status(503)) as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant)
        with delivering():
            for attempts in range(1, 12):
                until(lambda n=attempts: len(deliveries(tenant, made)[0].log) == n)
                (one,) = deliveries(tenant, made)
                assert len(receiver.got) == attempts
                if one.next_attempt_at is not None:
                    moving.advance(one.next_attempt_at - moving.now() + timedelta(seconds=1))
            assert (one.state, one.next_attempt_at) == ("dead", None)
            assert timedelta(hours=20) < moving.now() - began < timedelta(hours=27)
            assert set(receiver.ids) == {public_id(Prefix.DELIVERY, one.id)}
            assert [entry["status"] for entry in one.log] == [503] * 11
            assert all(entry["code"] == "http_error" for entry in one.log)
            assert all(entry["bytes"] == len("no number, but a text") for entry in one.log)

            moving.advance(timedelta(hours=10))
            receiver.answer = accept
            assert webhooks.replay_dead(tenant, made.info.id, moving.now()) == 0
            assert webhooks.replay_dead(tenant, made.info.id, began - timedelta(seconds=1)) == 1
            until(lambda: states(tenant, made) == {"delivered"})
            again = deliveries(tenant, made)[0].id
            webhooks.replay_delivery(tenant, again)
            until(lambda: len(receiver.got) == 13)
    assert len(set(receiver.ids)) == 1
    assert webhooks.get_endpoint(tenant, made.info.id).failing_since is None


def test_five_days_of_failure_disable_an_endpoint(tenant: UUID, moving: ShiftedClock) -> None:
    with receiving(status(500)) as receiver:
        made = endpoint(tenant, receiver)
        with delivering():
            tell(tenant)
            until(lambda: len(receiver.got) == 1)
            until(lambda: webhooks.get_endpoint(tenant, made.info.id).failing_since)
            moving.advance(timedelta(days=4, hours=23))
            until(lambda: len(receiver.got) == 2)
            assert webhooks.get_endpoint(tenant, made.info.id).enabled
            moving.advance(timedelta(hours=2))
            tell(tenant, start=1)
            until(lambda: not webhooks.get_endpoint(tenant, made.info.id).enabled)
            assert webhooks.get_endpoint(tenant, made.info.id).disabled_reason == "failing"
            assert states(tenant, made) == {"dead"}
            tell(tenant, start=2)
            assert len(deliveries(tenant, made)) == 2, "nothing is told to it any more"


def test_a_success_between_saves_an_endpoint(tenant: UUID, moving: ShiftedClock) -> None:
    with receiving(status(500)) as receiver:
        made = endpoint(tenant, receiver)
        with delivering():
            tell(tenant)
            until(lambda: webhooks.get_endpoint(tenant, made.info.id).failing_since)
            receiver.answer = accept
            moving.advance(timedelta(days=4))
            until(lambda: states(tenant, made) == {"delivered"})
            receiver.answer = status(500)
            tell(tenant, start=1)
            until(lambda: webhooks.get_endpoint(tenant, made.info.id).failing_since)
            moving.advance(timedelta(days=2))
            until(lambda: len(receiver.got) == 4)
            assert webhooks.get_endpoint(tenant, made.info.id).enabled


def test_410_disables_at_once_and_what_waited_can_be_replayed(tenant: UUID) -> None:
    with receiving(status(410)) as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant, 30)
        with delivering():
            until(lambda: not webhooks.get_endpoint(tenant, made.info.id).enabled)
            until(lambda: states(tenant, made) == {"dead"})
            assert webhooks.get_endpoint(tenant, made.info.id).disabled_reason == "gone"
            receiver.answer = accept
            webhooks.change_endpoint(tenant, made.info.id, EndpointChange(enabled=True))
            since = made.info.created_at
            assert webhooks.replay_dead(tenant, made.info.id, since) == 30
            until(lambda: states(tenant, made) == {"delivered"})
    assert len(set(receiver.ids)) == 30


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("timeout", "hang"),
        ("redirect", status(302, Location="http://127.0.0.1:1/")),
        ("http_error", status(404)),
        ("protocol", "cut"),
    ],
)
def test_what_is_no_success(
    tenant: UUID, code: str, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code == "timeout":
        monkeypatch.setattr("ringfence.domains.webhooks.delivery.TIMEOUT_SECONDS", 0.5)

    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    chosen = {"hang": hang, "cut": cut}.get(answer, answer)  # type: ignore[call-overload]
    with receiving(chosen) as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant)
        with delivering():
            until(lambda: deliveries(tenant, made)[0].last_error is not None)
    (one,) = deliveries(tenant, made)
    assert (one.state, one.last_error, one.attempts) == ("pending", code, 1)
    assert len(receiver.got) == 1


def test_an_answer_beyond_all_measure_was_still_an_answer(tenant: UUID) -> None:
    async def huge(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 1_000_000)

    with receiving(huge) as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant)
        with delivering():
            until(lambda: states(tenant, made) == {"delivered"})


def test_an_address_that_became_private_gets_nothing(tenant: UUID) -> None:
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant)
        with delivering(EgressSettings()):
            until(lambda: deliveries(tenant, made)[0].last_error is not None)
    assert deliveries(tenant, made)[0].last_error == "address_refused"
    assert receiver.got == []


def test_a_slow_endpoint_delays_no_other(tenant: UUID) -> None:
    release = asyncio.Event()

    async def wait(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    with receiving(wait) as slow, receiving() as quick:
        hung = endpoint(tenant, slow)
        tell(tenant, 120)
        made = endpoint(tenant, quick)
        tell(tenant, 60, start=120)
        with delivering():
            until(lambda: len(quick.got) == 60)
            assert slow.most_under_way == 20
            assert states(tenant, hung) == {"pending"}
            LOOP.call_soon_threadsafe(release.set)
            until(lambda: states(tenant, hung) == {"delivered"}, 30)
    assert states(tenant, made) == {"delivered"}
    assert len(set(slow.ids)) == 180


def test_two_workers_send_each_once(tenant: UUID) -> None:
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant, 150)
        with delivering(), delivering():
            until(lambda: states(tenant, made) == {"delivered"}, 40)
    assert len(receiver.got) == len(set(receiver.ids)) == 150


def test_two_secrets_while_one_takes_the_place_of_the_other(
    tenant: UUID, moving: ShiftedClock
) -> None:
    with receiving() as receiver:
        first = endpoint(tenant, receiver)
        second = webhooks.rotate_secret(tenant, first.info.id)
        with delivering():
            tell(tenant)
            until(lambda: len(receiver.got) == 1)
            moving.advance(timedelta(hours=24, seconds=1))
            tell(tenant, start=1)
            until(lambda: len(receiver.got) == 2)
            third = webhooks.rotate_secret(tenant, first.info.id)
            tell(tenant, start=2)
            until(lambda: len(receiver.got) == 3)
    during, after, again = receiver.got
    assert len({first.secret, second.secret, third.secret}) == 3
    assert [verify(s.secret, during.headers, during.body) for s in (first, second)] == [True, True]
    assert [verify(s.secret, after.headers, after.body) for s in (first, second)] == [False, True]
    assert [verify(s.secret, again.headers, again.body) for s in (first, second, third)] == [
        False,
        True,
        True,
    ]


def test_without_keys_nothing_is_sent_and_nothing_counts(
    tenant: UUID, keys: Keys, moving: ShiftedClock
) -> None:
    with receiving() as receiver:
        made = endpoint(tenant, receiver)
        tell(tenant)
        keys.lease_seconds = 0.1
        with use_keys(keys.blocking("worker")):
            keys.blocking("worker").close()
            keys.stop()
            with delivering():
                until(
                    lambda: (
                        deliveries(tenant, made)[0].created_at
                        < (deliveries(tenant, made)[0].next_attempt_at or clock().now())
                    )
                )
                assert receiver.got == []
                keys.start()
                until(
                    lambda: (
                        deliveries(tenant, made)[0].attempts == 0
                        or states(tenant, made) == {"delivered"}
                    ),
                    30,
                )
                moving.advance(timedelta(seconds=6))
                until(lambda: states(tenant, made) == {"delivered"})
    (one,) = deliveries(tenant, made)
    assert (one.attempts, len(one.log)) == (1, 1)
