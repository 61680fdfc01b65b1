"""The spool reaches the database whole and once, whatever dies on the way."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections
from tests.unit.control.stories import TENANT, call_story

from ringfence.domains.calls.api import get_call
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import NewEndpoint
from ringfence.engine.journal.records import EventRecord, Heartbeat, SealedParty, encode
from ringfence.entry.control import shipper as module
from ringfence.entry.control.shipper import Shipper
from ringfence.kernel.events import CallEvent
from ringfence.platform.database import DatabaseUrls, url_parts
from ringfence.platform.spool import SpoolWriter
from ringfence.platform_django.use import using

SECONDS = 90


def record(event: CallEvent) -> bytes:
    parties = [
        None if party is None else SealedParty(party.person, party.sealed)
        for party in (event.caller, event.callee)
    ]
    return encode(
        EventRecord(event.call, event.seq, event.at, event.kind, event.tenant, event.data, *parties)
    )


async def wait_until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


@contextmanager
def shipping(spool: Path) -> Iterator[Shipper]:
    """A shipper in a thread, as in the control process."""
    stop = threading.Event()
    shipper = Shipper(spool, "node1")
    thread = threading.Thread(target=shipper.run, args=(stop,))
    thread.start()
    try:
        yield shipper
    finally:
        stop.set()
        thread.join(SECONDS)
        assert not thread.is_alive()


def segments(spool: Path) -> list[int]:
    """Those that are left; the newest may be still empty, which keeps the one before it."""
    return [int(path.stem) for path in spool.glob("*.seg")]


def value(urls: DatabaseUrls, query: str, *parameters: Any) -> Any:
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(query, parameters).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def stored(urls: DatabaseUrls) -> int:
    return int(value(urls, "SELECT count(*) FROM calls_journal"))


async def deliver(spool: Path) -> None:
    """One batch, then the end of the process."""

    def work() -> None:
        try:
            Shipper(spool, "node1").deliver()
        finally:
            connections.close_all()

    await asyncio.to_thread(work)


async def listening_endpoint() -> None:
    """The tenant wants to be told of everything."""

    def work() -> None:
        try:
            new = NewEndpoint(url="https://hooks.example.com/calls", events=("*",))
            webhooks.create_endpoint(TENANT, new)
        finally:
            connections.close_all()

    await asyncio.to_thread(work)


def told(urls: DatabaseUrls) -> dict[str, int]:
    """How many webhooks of each type are to be sent, or were."""
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute("SELECT type, count(*) FROM webhooks_delivery GROUP BY type")
        return dict(rows.fetchall())


async def call_record(story: list[CallEvent]) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        try:
            with using("service", "test"):
                return asdict(get_call(TENANT, story[0].call))
        finally:
            connections.close_all()

    return await asyncio.to_thread(work)


async def assert_all_there(urls: DatabaseUrls, stories: list[list[CallEvent]]) -> None:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute("SELECT call_id, seq FROM calls_journal ORDER BY position")
        found = rows.fetchall()
    assert sorted(found) == sorted((e.call, e.seq) for story in stories for e in story)
    for story in stories:  # each call's events took their positions in their own order
        assert [s for c, s in found if c == story[0].call] == [e.seq for e in story]
    expected = {"disposition": "answered", "billed_seconds": 11, "end_reason": "callee_hangup"}
    for story in stories:
        call = await call_record(story)
        assert {key: call[key] for key in expected} == expected
        assert len(call["legs"]) == 2
        assert call["from_error"] == "key_unknown", "the sealed value is there"


async def test_events_arrive_and_delivered_segments_go(db: DatabaseUrls, tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=5_000)
    stories = [call_story() for _ in range(30)]
    with shipping(tmp_path):
        for story in stories:
            for event in story:
                writer.append(record(event))
            writer.append(encode(Heartbeat(event.at)))
            await writer.durable()
        last = writer._next_number - 1
        await wait_until(lambda: stored(db) == 330)
        await wait_until(lambda: min(segments(tmp_path)) >= last - 1)
    await writer.close()
    await assert_all_there(db, stories)


CHILD = """
import pathlib, sys, threading
from ringfence.entry.database import setup_django
setup_django()
from ringfence.entry.control.shipper import Shipper
Shipper(pathlib.Path(sys.argv[1]), "node1").run(threading.Event())
"""


async def test_kill_nine_of_the_deliverer_loses_and_doubles_nothing(
    db: DatabaseUrls, tmp_path: Path
) -> None:
    await listening_endpoint()
    chance = random.Random(11)
    environment = {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(tmp_path / "data"),
        **{f"RINGFENCE_DATABASE__{k.upper()}_URL": v for k, v in asdict(db).items()},
    }
    spool = tmp_path / "spool"
    writer = SpoolWriter(spool, segment_bytes=20_000)
    stories: list[list[CallEvent]] = []
    finished = asyncio.Event()

    async def calls() -> None:
        while not finished.is_set():
            batch = [call_story() for _ in range(5)]
            stories.extend(batch)
            for events in zip(*batch, strict=True):
                for event in events:
                    writer.append(record(event))
                await writer.durable()
                await asyncio.sleep(0.02)

    writing = asyncio.create_task(calls())
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(spool)], env=environment)
        try:
            goal = stored(db) + chance.randrange(1, 120)
            await wait_until(lambda goal=goal: stored(db) >= goal)
            await asyncio.sleep(chance.random() / 20)  # a random moment of the kill
        finally:
            child.kill()
            child.wait()
    finished.set()
    await writing
    with shipping(spool):
        await wait_until(lambda: stored(db) == sum(map(len, stories)))
        await wait_until(lambda: len(segments(spool)) <= 2)
        expected = {"call.answered": len(stories), "call.ended": len(stories)}
        await wait_until(lambda: told(db) == expected)
    await writer.close()
    await assert_all_there(db, stories)
    assert told(db) == expected, "each once; the start of these stories has no tenant"


@contextmanager
def outage(urls: DatabaseUrls, superuser_url: str) -> Iterator[None]:
    name = url_parts(urls.owner)["dbname"]
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[arg-type]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[arg-type]


async def test_a_database_outage_delays_and_loses_nothing(
    db: DatabaseUrls, postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=5_000)
    stories = [call_story() for _ in range(20)]
    with shipping(tmp_path):
        for number, story in enumerate(stories):
            for event in story:
                writer.append(record(event))
            await writer.durable()
            if number == 5:
                await wait_until(lambda: stored(db) > 0)
                with outage(db, postgres):
                    for event in stories[-1][:2]:
                        writer.append(record(event))  # twice in the spool in the end
                    await writer.durable()
                    await wait_until(lambda: "waits for the database" in caplog.text)
        await wait_until(lambda: stored(db) == 220)
        await wait_until(lambda: len(segments(tmp_path)) <= 2)
    await writer.close()
    await assert_all_there(db, stories)
    assert "+1202" not in caplog.text


async def test_a_process_that_died_between_storing_and_projecting_projects_later(
    db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = call_story()
    writer = SpoolWriter(tmp_path)
    for event in story:
        writer.append(record(event))
    await writer.close()

    class Death(Exception):
        pass

    def dies(*_: Any, **__: Any) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(module, "project_calls", dies)
        with pytest.raises(Death):
            await deliver(tmp_path)
    assert (stored(db), value(db, "SELECT count(*) FROM calls_call")) == (11, 0)
    await deliver(tmp_path)
    await assert_all_there(db, [story])


async def test_a_process_that_died_before_it_told_webhooks_tells_later(
    db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listening_endpoint()
    story = call_story()
    writer = SpoolWriter(tmp_path)
    for event in story:
        writer.append(record(event))
    await writer.close()

    def dies(*_: Any, **__: Any) -> None:
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(module, "enqueue_events", dies)
        with pytest.raises(KeyError):
            await deliver(tmp_path)
    position = "SELECT coalesce(max(position), 0) FROM calls_projector"
    assert (told(db), value(db, position)) == ({}, 0), "nothing is noted before all is done"
    await deliver(tmp_path)
    assert told(db) == {"call.answered": 1, "call.ended": 1}
    await assert_all_there(db, [story])
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE calls_projector SET position = 0")
    await deliver(tmp_path)
    assert told(db) == {"call.answered": 1, "call.ended": 1}, "told again, it is told once"


async def test_what_failed_after_it_was_stored_is_done_by_the_same_deliverer(
    db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that were read and stored are not forgotten when the rest fails for a moment."""
    await listening_endpoint()
    story = call_story()
    writer = SpoolWriter(tmp_path)
    for event in story:
        writer.append(record(event))
    await writer.close()

    def work() -> None:
        shipper = Shipper(tmp_path, "node1")
        real, failures = module.enqueue_events, iter([True])

        def sometimes(events: list[CallEvent]) -> None:
            if next(failures, False):
                raise OperationalError
            real(events)

        monkeypatch.setattr(module, "enqueue_events", sometimes)
        try:
            with pytest.raises(OperationalError):
                shipper.deliver()
            shipper.deliver()
        finally:
            connections.close_all()

    await asyncio.to_thread(work)
    assert told(db) == {"call.answered": 1, "call.ended": 1}
    await assert_all_there(db, [story])


async def test_one_event_that_the_database_refuses_does_not_hold_up_the_rest(
    db: DatabaseUrls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    story, poisoned = call_story(), call_story()
    writer = SpoolWriter(tmp_path)
    for event, other in zip(story, poisoned, strict=True):
        writer.append(record(event))
        writer.append(
            encode(EventRecord(other.call, other.seq, 2**62, "k", other.tenant, {}))
            if other.seq == 3
            else record(other)
        )
    writer.append(b"\x00 no record")
    await writer.close()
    await deliver(tmp_path)
    assert stored(db) == 21
    assert (await call_record(story))["billed_seconds"] == 11
    messages = [entry.message for entry in caplog.records]
    assert messages.count("journal event refused by the database") == 1
    assert messages.count("spool record not understood") == 1


async def test_a_new_spool_under_an_old_name_is_delivered_from_its_start(
    db: DatabaseUrls, tmp_path: Path
) -> None:
    stories = [call_story(), call_story()]
    for number, directory in enumerate(("old", "new")):
        writer = SpoolWriter(tmp_path / directory, segment_bytes=100 if number == 0 else 1 << 20)
        for event in stories[number]:
            writer.append(record(event))
            await writer.durable()
        await writer.close()
        await deliver(tmp_path / directory)
    await assert_all_there(db, stories)


async def test_two_deliverers_of_one_spool_take_turns(db: DatabaseUrls, tmp_path: Path) -> None:
    story = call_story()
    writer = SpoolWriter(tmp_path)
    with shipping(tmp_path) as one, shipping(tmp_path) as other:
        for event in story:
            writer.append(record(event))
        await writer.durable()
        await wait_until(lambda: stored(db) == 11)
        assert (one._position is None) != (other._position is None)
    await writer.close()
