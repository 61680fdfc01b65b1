"""The journal as the live process reads it from the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from tests.keys_fixture import Keys
from tests.population import seal_parties
from tests.unit.control.stories import TENANT, call_story

from ringfence.domains.calls.api import store_events
from ringfence.engine.live.hub import Hub
from ringfence.entry.live_database import DatabaseJournal, JournalUnavailable
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.events import CallEvent
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform_django.keys import use_keys

CALL_CALLER, LEG_PARTY = SealedFieldNumber.CALL_CALLER, SealedFieldNumber.LEG_PARTY
OTHER = UUID("01900000-0000-7000-8000-000000000002")


async def store(events: list[CallEvent]) -> None:
    def work() -> None:
        try:
            store_events(events)
        finally:
            connections.close_all()

    await asyncio.to_thread(work)


@pytest.fixture
async def journal(db: DatabaseUrls, keys: Keys) -> AsyncIterator[DatabaseJournal]:
    client = keys.client("live")
    client.start()
    journal = DatabaseJournal(db.operator, client)
    yield journal
    await journal.close()
    await client.stop()


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
    texts = [json.loads(entry.text) for entry in entries]
    entry_data = [text["data"] for text in texts]
    assert [text["position"] for text in texts] == [entry.position for entry in entries]
    assert [text["kind"] for text in texts] == [event.kind for event in mine[2:]]
    assert texts[0]["call"] == f"CA{mine[2].call.hex}"
    assert entry_data[0] == mine[2].data
    assert texts[0]["at"].endswith("Z")
    _, page = await journal.read((TENANT,), entries[0].position, 3)
    assert page == entries[1:4]
    _, nothing = await journal.read((TENANT,), entries[-1].position, 3)
    assert nothing == []


async def sealed_story(keys: Keys, number: str) -> list[CallEvent]:
    """As signalling seals it: today's calls, own persons."""

    def work() -> list[CallEvent]:
        first, second, *rest = call_story()
        leg = UUID(hex=second.data["leg"])
        with use_keys(keys.blocking("web")):
            places = ((CALL_CALLER, first.call, number), (LEG_PARTY, leg, number))
            parties = seal_parties(TENANT, first.call, places)
        named = [
            replace(event, tenant=TENANT, caller=party)
            for event, party in zip((first, second), parties, strict=True)
        ]
        return [*named, *rest]

    return await asyncio.to_thread(work)


async def shown(journal: DatabaseJournal) -> list[dict[str, Any]]:
    _, entries = await journal.read((TENANT,), 0, 100)
    return [json.loads(entry.text)["data"] for entry in entries]


async def test_persons_are_opened_and_uses_recorded(journal: DatabaseJournal, keys: Keys) -> None:
    story = await sealed_story(keys, "+14155550123")
    await store(story)
    data = await shown(journal)
    assert story[0].caller is not None
    expected = {"person": story[0].caller.person.hex, "number": "+14155550123"}
    assert (data[0]["caller"], data[1]["caller"]) == (expected, expected)
    assert data[0]["area"] == "415"
    assert data[3]["callee"]["error"] == "key_unknown"
    (use,) = [use for use in keys.uses if use.credential == "live" and use.action == "open"]
    assert (use.purpose, use.actor, use.tenant) == ("service", "live", TENANT)


async def test_an_erased_person_is_shown_without_number(
    journal: DatabaseJournal, keys: Keys, db: DatabaseUrls
) -> None:
    story, other = (
        await sealed_story(keys, "+14155550123"),
        await sealed_story(keys, "+14155550124"),
    )
    await store([*story[:2], *other[:1]])
    assert (await shown(journal))[0]["caller"]["number"] == "+14155550123"
    assert story[0].caller is not None
    person = story[0].caller.person
    gone = Destruction((ErasePerson(person, ()),))
    await asyncio.to_thread(keys.blocking("worker").destroy, TENANT, gone, actor="test")
    refused = {"person": person.hex, "error": "key_destroyed"}
    data = await shown(journal)
    assert [item["caller"] for item in data[:2]] == [refused, refused]
    assert data[2]["caller"]["number"] == "+14155550124"
    with psycopg.connect(db.owner) as connection:  # as clean-up after an erasure does
        connection.execute(
            "UPDATE calls_journal SET caller_sealed = NULL WHERE caller_id = %s", [person]
        )
    assert (await shown(journal))[0]["caller"] == refused


async def test_while_keys_is_away_the_stream_waits(journal: DatabaseJournal, keys: Keys) -> None:
    await store((await sealed_story(keys, "+14155550123"))[:2])
    keys.stop()
    with pytest.raises(Unavailable):
        await journal.read((TENANT,), 0, 100)
    keys.start()
    assert (await shown(journal))[0]["caller"]["number"] == "+14155550123"


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
