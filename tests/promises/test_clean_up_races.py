"""Clean-up beside everything that runs meanwhile: calls, projections, other erasures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from msgspec.structs import replace
from tests.keys_fixture import Keys
from tests.promises.calls_to_erase import (
    OTHER,
    SUBJECT,
    THIRD,
    World,
    left_of,
    opened,
)
from tests.promises.sealed_calls import SealedCall

from ringfence.domains.calls.api import store_events
from ringfence.domains.calls.usecases import project_events
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.api import HeldPerson
from ringfence.domains.privacy.usecases import erase
from ringfence.domains.recordings.api import project_recordings
from ringfence.kernel.clock import to_micros
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import clock


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, tmp_path: Path) -> Iterator[World]:
    with django_keys.use_keys(keys.blocking("worker")):
        yield World(keys, tmp_path / "spool")


def announce(call: SealedCall) -> None:
    """The journal says that both were told, because of a party in California."""
    data = {"recording": uuid7(clock()).hex, "basis": "all_party:CA", "kept": True}
    at = to_micros(clock().now())
    kind = EventKind.RECORDING_ANNOUNCED
    store_events([CallEvent(call.id, 50, at, kind, call.tenant, data)])


def announcements(urls: DatabaseUrls, calls: list[SealedCall]) -> list[bool]:
    """Whether the reason of each call's announcement still stands in the journal."""
    with psycopg.connect(urls.owner) as connection:
        found = dict(
            connection.execute(
                "SELECT call_id, data ? 'basis' FROM calls_journal "
                "WHERE kind = 'recording.announced' AND data ? 'kept'"
            ).fetchall()
        )
    return [found[call.id] for call in calls]


def bases(urls: DatabaseUrls, calls: list[SealedCall]) -> list[str | None]:
    with psycopg.connect(urls.owner) as connection:
        found = dict(
            connection.execute("SELECT call_id, basis FROM recordings_recording").fetchall()
        )
    return [found[call.id] for call in calls]


def test_the_state_of_a_party_is_forgotten_with_any_of_them(world: World, db: DatabaseUrls) -> None:
    """The rule that asked for an announcement names a state, and not whose it is."""
    calls = [*world.of_subject, *world.of_others[:2]]
    for call in calls:
        announce(call)
    recorded = [world.of_subject[0], world.of_others[0]]
    assert announcements(db, calls) == [True] * 5
    assert bases(db, recorded) == ["CA", "CA"]
    hold = privacy.place_hold(
        world.tenant, [HeldPerson(world.subject, 0, day_number(world.now))], actor="test"
    )
    done = privacy.destroy_person(world.tenant, world.subject, keep=("content",), actor="test")
    assert announcements(db, calls) == [True] * 5
    privacy.release_hold(world.tenant, hold.id)
    assert announcements(db, calls) == [False] * 3 + [True] * 2
    assert bases(db, recorded) == [None, "CA"]
    assert privacy.sweep_again(done.id) == 0
    project_recordings([call.id for call in calls])  # what is left in the journal still projects
    assert bases(db, recorded) == [None, "CA"]


def test_the_end_of_a_day_takes_the_state_from_the_journal(world: World, db: DatabaseUrls) -> None:
    today, earlier = world.of_others[0], world.of_others[1]
    announce(today)
    announce(earlier)
    privacy.expire(world.tenant, IDENTIFIER, CALL_RECORDS, today.day - 1, actor="test")
    assert announcements(db, [today, earlier]) == [True, False]


def test_a_projection_that_read_before_writes_nothing_back(
    world: World, db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = threading.Event(), threading.Event()
    real = project_events._call_rows

    def slow(records: Any) -> Any:
        read.set()
        assert go_on.wait(30)
        return real(records)

    def in_thread(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    monkeypatch.setattr(project_events, "_call_rows", slow)
    calls = [call.id for call in world.of_subject]
    with ThreadPoolExecutor(2) as pool:
        try:
            projecting = pool.submit(
                in_thread, lambda: project_events.project_calls(calls, node="node1", position=1)
            )
            assert read.wait(30)
            erasing = pool.submit(
                in_thread,
                lambda: privacy.destroy_person(world.tenant, world.subject, actor="test"),
            )
            deadline = time.monotonic() + 30
            while not erasing.done() and not _waits(db):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            go_on.set()
        projecting.result(30)
        assert erasing.result(30).state == "cleaned"
    assert left_of(db, world.subject)[1] == 0


def _waits(urls: DatabaseUrls) -> bool:
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    return row is not None and row[0] > 0


def test_who_calls_again_after_an_erasure_is_somebody_new(
    world: World, db: DatabaseUrls, keys: Keys
) -> None:
    plane = keys.blocking("signalling")
    bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_number(world.now))
    live = world.call(SUBJECT, OTHER)  # it has begun, nothing of it has arrived
    ref = LeafRef(bucket, world.subject)
    assert plane.sealing_leaf(world.tenant, ref) is not None
    privacy.destroy_person(world.tenant, world.subject, actor="test")
    assert plane.sealing_leaf(world.tenant, ref) is None, "nobody seals for them any more"
    with pytest.raises(KeyDestroyed):
        plane.seal(world.tenant, [replace(live.values[0][0], data=b"{}")], actor="test")
    again = world.call(SUBJECT, OTHER)
    world.plane.ship()
    assert again.caller != world.subject
    assert opened(keys, again) == [True] * 5
    for call in (live, *world.of_subject):
        own = call.caller == world.subject
        assert opened(keys, call)[:4] == ([False, True] * 2 if own else [True, False] * 2)
    assert again.callee == live.callee


def test_an_erasure_that_is_carried_out_twice_at_once(world: World, db: DatabaseUrls) -> None:
    order = erase._order_person(world.tenant, world.subject, (), "test")
    start = threading.Barrier(2)

    def carry_out() -> str:
        try:
            start.wait(30)
            return privacy.carry_out(order.id).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(carry_out) for _ in range(2)]
        assert [item.result(60) for item in both] == ["cleaned"] * 2
    assert left_of(db, world.subject)[1] == 0
    with psycopg.connect(db.owner) as connection:
        deleted = connection.execute(
            "SELECT count(*) FROM calls_journal WHERE kind = 'recording.deleted'"
        ).fetchone()
    assert deleted == (1,)


def test_todays_end_leaves_running_calls_whole(world: World, db: DatabaseUrls, keys: Keys) -> None:
    """Operators may end a day before its time: what seals meanwhile is refused, and nobody opens
    what had been sealed; other days go on."""
    day = day_number(world.now)
    running = world.call(OTHER, THIRD)
    privacy.expire(world.tenant, IDENTIFIER, CALL_RECORDS, day, actor="test")
    world.plane.ship()
    assert opened(keys, running) == [False] * 5
    assert all(opened(keys, world.of_others[1]))
    with pytest.raises(KeyDestroyed):
        world.call(OTHER, THIRD)
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT ended_at IS NOT NULL FROM calls_call WHERE id = %s", [running.id]
        ).fetchone()
    assert row == (True,)
