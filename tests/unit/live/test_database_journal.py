"""The journal as the live process reads it from the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from tests.unit.control.stories import TENANT, call_story

from ringfence.domains.calls.api import store_events
from ringfence.engine.live.hub import Hub
from ringfence.entry.live import DatabaseJournal, JournalUnavailable
from ringfence.kernel.events import CallEvent
from ringfence.platform.database import DatabaseUrls

OTHER = UUID("01900000-0000-7000-8000-000000000002")


async def store(events: list[CallEvent]) -> None:
    def work() -> None:
        try:
            store_events(events)
        finally:
            connections.close_all()

    await asyncio.to_thread(work)


@pytest.fixture
async def journal(db: DatabaseUrls) -> AsyncIterator[DatabaseJournal]:
    journal = DatabaseJournal(db.operator)
    yield journal
    await journal.close()


async def test_entries_of_the_asked_tenants_in_order(journal: DatabaseJournal) -> None:
    assert await journal.latest() == 0
    assert await journal.read((TENANT,), 0, 10) == (0, [])
    mine, foreign, nobodys = call_story(), call_story(OTHER), call_story(None)
    await store(mine[2:6])
    await store(foreign[2:])
    await store(nobodys)
    await store(mine[6:])
    newest, entries = await journal.read((TENANT,), 0, 100)
    assert newest == await journal.latest()
    assert {entry.tenant for entry in entries} == {TENANT}
    shown = [json.loads(entry.text) for entry in entries]
    assert [entry["position"] for entry in shown] == [entry.position for entry in entries]
    assert [entry["kind"] for entry in shown] == [event.kind for event in mine[2:]]
    assert shown[0]["call"] == f"CA{mine[2].call.hex}"
    assert shown[0]["data"] == mine[2].data
    assert shown[0]["at"].endswith("Z")
    _, page = await journal.read((TENANT,), entries[0].position, 3)
    assert page == entries[1:4]
    _, nothing = await journal.read((TENANT,), entries[-1].position, 3)
    assert nothing == []


async def test_its_session_cannot_write(journal: DatabaseJournal) -> None:
    with pytest.raises(JournalUnavailable) as refusal:
        await journal._query("UPDATE calls_call SET direction = ''", ())
    assert isinstance(refusal.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)
    assert await journal.latest() == 0  # on a new connection


async def test_a_listener_follows_what_is_shipped(journal: DatabaseJournal) -> None:
    hub = Hub(journal, poll_seconds=0.02)
    polling = asyncio.create_task(hub.run())
    story = call_story()[2:]
    try:
        async with hub.listen(TENANT, None) as listener, asyncio.timeout(10):
            await store(story)
            found = await listener.take(5)
            assert [json.loads(entry.text)["seq"] for entry in found] == [e.seq for e in story]
    finally:
        polling.cancel()
