"""Events become journal rows and call records once, in the order of their positions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction
from tests.unit.control.stories import CALLEE, CALLER, TENANT, call_story

from ringfence.domains.calls.api import (
    get_call,
    project_calls,
    projected_position,
    store_events,
    timeline,
)
from ringfence.domains.calls.contracts import CallNotFound
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.events import CallEvent
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.use import using


@pytest.fixture(autouse=True)
def _purpose() -> Iterator[None]:
    with using("service", "test"):
        yield


def rows(urls: DatabaseUrls, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls.owner) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def test_stored_twice_is_stored_once(db: DatabaseUrls) -> None:
    story = call_story()
    store_events([*story[:5], story[2]])
    store_events(story)
    assert rows(db, "SELECT seq FROM calls_journal ORDER BY position") == [
        (event.seq,) for event in story
    ]
    found = timeline(TENANT, story[0].call)
    tenantless = sum(event.tenant is None for event in story)
    assert [event.kind for event in found] == [event.kind for event in story[tenantless:]]
    shown = [
        {key: value for key, value in event.data.items() if key not in ("caller", "callee")}
        for event in found
    ]
    assert shown == [event.data for event in story[tenantless:]]
    (named,) = [event.data["callee"] for event in found if "callee" in event.data]
    assert named == {"person": CALLEE.hex, "error": "key_unknown"}
    columns = "caller_id, caller_sealed, callee_id, callee_sealed"
    assert rows(db, f"SELECT {columns} FROM calls_journal ORDER BY position") == [
        (
            *((event.caller.person, event.caller.sealed) if event.caller else (None, None)),
            *((event.callee.person, event.callee.sealed) if event.callee else (None, None)),
        )
        for event in story
    ]


def test_a_record_follows_its_events_and_repeating_changes_nothing(db: DatabaseUrls) -> None:
    story, other = call_story(), call_story()
    for end in range(1, len(story) + 1):
        store_events([*story[:end], *other[: end // 2]])
        project_calls([story[0].call, other[0].call], node="n", position=end)
    before = rows(db, "SELECT * FROM calls_call ORDER BY id"), rows(db, "SELECT * FROM calls_leg")
    project_calls([story[0].call], node="n", position=99)
    project_calls([other[0].call], node="n", position=99)
    after = rows(db, "SELECT * FROM calls_call ORDER BY id"), rows(db, "SELECT * FROM calls_leg")
    assert (before[0], sorted(before[1])) == (after[0], sorted(after[1]))
    call = get_call(TENANT, story[0].call)
    assert (call.disposition, call.billed_seconds, len(call.legs)) == ("answered", 11, 2)
    assert call.legs[1].mos == 4.4
    assert rows(db, "SELECT DISTINCT caller_id FROM calls_call") == [(CALLER,)]
    parties = [(event.caller or event.callee) for event in (story[1], story[3])]
    assert rows(db, f"SELECT party_id, party_sealed FROM calls_leg WHERE call_id = '{call.id}' "
                "ORDER BY id") == [(p.person, p.sealed) for p in parties if p]  # fmt: skip
    assert get_call(TENANT, other[0].call).disposition is None
    assert projected_position("n") == 99
    assert projected_position("another node") == 0


def test_a_call_without_tenant_is_the_operators_alone(db: DatabaseUrls) -> None:
    story = call_story(tenant=None)
    store_events(story)
    project_calls([story[0].call], node="n", position=1)
    assert rows(db, "SELECT tenant_id, disposition FROM calls_call") == [(None, "answered")]
    with pytest.raises(CallNotFound):
        get_call(TENANT, story[0].call)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM calls_call")
        assert cursor.fetchone() == (0,)


def test_characters_that_a_database_refuses_do_not_stop_the_journal(db: DatabaseUrls) -> None:
    story = call_story()
    story[0].data["to"] = "a\x00b\ud7ff"
    store_events(story)
    project_calls([story[0].call], node="n", position=1)
    assert get_call(TENANT, story[0].call).to_number == "a\ufffdb\ud7ff"


def test_who_has_seen_a_position_has_seen_all_lower_ones(
    db: DatabaseUrls,
) -> None:
    """A second writer takes no position while a first one that has taken some is uncommitted."""
    first, second = call_story(), call_story()
    inserted, release, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic(using="callplane"):
            store_events(first)
            inserted.set()
            release.wait(10)
        connections.close_all()

    def fast() -> None:
        store_events(second)
        done.set()
        connections.close_all()

    threads = [threading.Thread(target=slow), threading.Thread(target=fast)]
    threads[0].start()
    assert inserted.wait(10)
    threads[1].start()
    with psycopg.connect(db.owner, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while connection.execute(waiting).fetchone() == (0,):
            assert not done.is_set(), "the second writer overtook the first"
    release.set()
    for thread in threads:
        thread.join(10)
    order = [call for (call,) in rows(db, "SELECT call_id FROM calls_journal ORDER BY position")]
    assert order == [first[0].call] * len(first) + [second[0].call] * len(second)


def test_hundreds_of_calls_in_one_batch(db: DatabaseUrls) -> None:
    stories = [call_story() for _ in range(150)]
    events: list[CallEvent] = [event for story in stories for event in story]
    store_events(events)
    calls: list[UUID] = [story[0].call for story in stories]
    project_calls(calls, node="n", position=1)
    assert rows(db, "SELECT count(*), sum(billed_seconds) FROM calls_call") == [(150, 1650)]
    assert rows(db, "SELECT count(*) FROM calls_leg") == [(300,)]
    project_calls([uuid7(SystemClock())], node="n", position=2)  # no such call: nothing happens
