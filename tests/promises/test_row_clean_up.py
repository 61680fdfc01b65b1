"""What an erasure does to rows and objects: everything of its person, nothing of anybody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from tests.keys_fixture import Keys
from tests.promises.calls_to_erase import (
    OTHER,
    SUBJECT,
    TABLES,
    THIRD,
    World,
    dump,
    left_of,
    opened,
)
from tests.promises.sealed_calls import opens

from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import PersonUnknown
from ringfence.domains.privacy.models import ErasureOrder
from ringfence.domains.privacy.queries import unfinished_erasures
from ringfence.domains.privacy.usecases import carry_out as steps
from ringfence.domains.privacy.usecases import clean_up
from ringfence.domains.recordings.track_file import object_key, object_store
from ringfence.entry.privacy import erase_command, expire_command
from ringfence.entry.promises.controls.periods_as_promised import longest
from ringfence.kernel.errors import NotFound
from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS
from ringfence.kernel.ids import Prefix, public_id, uuid7, uuid7_millis
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import Bucket, day_date, day_number
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.storage import ObjectNotFound
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import clock, use_clock
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.policies.profiles import load_profile


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, tmp_path: Path) -> Iterator[World]:
    with django_keys.use_keys(keys.blocking("worker")):
        yield World(keys, tmp_path / "spool")


def test_an_erasure_clears_its_person_and_nobody_else(
    world: World, db: DatabaseUrls, keys: Keys
) -> None:
    others = {call.id for call in world.of_others}
    before = dump(db, others)
    assert all(before[table] for table in TABLES)
    named, left = left_of(db, world.subject)
    assert left == named == 16

    done = privacy.destroy_person(world.tenant, world.subject, actor="test")

    assert done.state == "cleaned"
    assert (named, 0) == left_of(db, world.subject)
    assert dump(db, others) == before
    for call in world.of_others:
        assert all(opens(keys.blocking(), call))
    (recorded, spoken_by_other, *_) = world.of_subject
    for track in recorded.tracks:
        assert not opened(keys, recorded)[-1]
        with pytest.raises(ObjectNotFound):
            object_store().size(object_key(world.tenant, track.id, recorded.day))
    # the other party's own number stays theirs
    assert [spoken_by_other.caller_number] == [THIRD]
    assert opened(keys, spoken_by_other) == [True, False, True, False, True]


@pytest.mark.parametrize("step", ["destroy", "note_destroyed", "items", "rows", "note_cleaned"])
def test_killed_at_any_step_it_is_finished_later(
    world: World, db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = dump(db, {call.id for call in world.of_others})
    killed = _kill_at(monkeypatch, step)
    with pytest.raises(Killed):
        privacy.destroy_person(world.tenant, world.subject, actor="test")
    monkeypatch.undo()
    assert killed() == 1
    (erasure,) = unfinished_erasures()
    done = privacy.carry_out(erasure)
    assert done.state == "cleaned"
    assert unfinished_erasures() == []
    assert left_of(db, world.subject)[1] == 0
    found = opened(keys, world.of_subject[0])
    assert not any((found[0], *found[4:])), "caller, what they gave, both tracks"
    assert dump(db, {call.id for call in world.of_others}) == before


class Killed(BaseException):
    """The process ends here."""


def _kill_at(monkeypatch: pytest.MonkeyPatch, step: str) -> Callable[[], int]:
    deaths = []

    def die(*args: Any, **kwargs: Any) -> Any:
        deaths.append(step)
        raise Killed

    real_note, real_clear = steps._note, clean_up.clear_rows

    def note(row: Any, **changes: Any) -> None:
        state = str(changes.get("state", ""))
        if step.removeprefix("note_") == state:
            die()
        real_note(row, **changes)

    def clear(*args: Any) -> int:
        real_clear(*args)
        return die()  # type: ignore[no-any-return]

    if step == "destroy":
        monkeypatch.setattr(django_keys.keys(), "destroy", die)
    elif step == "items":
        monkeypatch.setattr(clean_up, "clean_up_items", die)
    elif step == "rows":
        monkeypatch.setattr(clean_up, "clear_rows", clear)
    else:
        monkeypatch.setattr(steps, "_note", note)
    return lambda: len(deaths)


def test_what_arrives_after_an_erasure_is_swept(world: World, db: DatabaseUrls) -> None:
    late = world.call(SUBJECT, OTHER, recorded=b"still talking")  # its events are on their way
    done = privacy.destroy_person(world.tenant, world.subject, actor="test")
    world.plane.ship()
    assert left_of(db, world.subject)[1] > 0
    assert privacy.sweep_again(done.id) > 0
    assert left_of(db, world.subject)[1] == 0
    assert privacy.sweep_again(done.id) == 0
    with pytest.raises(ObjectNotFound):
        object_store().size(object_key(world.tenant, late.tracks[0].id, late.day))


def test_a_number_is_erased_by_whom_it_means(world: World, keys: Keys) -> None:
    with pytest.raises(PersonUnknown):
        privacy.erase_identifier(world.tenant, Identifier("e164", "+14155550199"), actor="test")
    with pytest.raises(PersonUnknown):
        privacy.erase_identifier(uuid7(clock()), Identifier("e164", SUBJECT), actor="test")
    second = keys.blocking().reassign(world.tenant, Identifier("e164", SUBJECT))
    assert second.tenure == 2
    identifier = Identifier("e164", SUBJECT)
    assert len(privacy.erase_identifier(world.tenant, identifier, actor="test")) == 1
    assert all(opened(keys, world.of_subject[2]))  # the new holder's erasure is not the old one's
    done = privacy.erase_identifier(world.tenant, identifier, earlier_tenures=True, actor="test")
    assert [info.state for info in done] == ["cleaned"]
    assert opened(keys, world.of_subject[2]) == [False, True, False, True, False]


def test_an_excepted_category_stays(world: World, db: DatabaseUrls, keys: Keys) -> None:
    named, left = left_of(db, world.subject)
    privacy.destroy_person(world.tenant, world.subject, keep=("identifier",), actor="test")
    assert (named, left) == left_of(db, world.subject)
    recorded = world.of_subject[0]
    assert opened(keys, recorded) == [True] * 5 + [False] * 2


@pytest.mark.parametrize("batch", [1, 2, 2000])  # a call has several rows of some tables
def test_a_day_expires_for_its_tenant_alone(
    world: World, db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("ringfence.domains.privacy.usecases.clear_rows.BATCH", batch)
    yesterday = day_number(world.now) - 1
    ended = {world.of_subject[2].id, world.of_others[1].id}
    kept = {call.id for call in (*world.of_subject, *world.of_others)} - ended
    before = dump(db, kept)
    privacy.expire(world.tenant, IDENTIFIER, CALL_RECORDS, yesterday, actor="test")
    assert dump(db, kept) == before
    with psycopg.connect(db.owner) as connection:
        for table, key, column in (
            ("calls_call", "id", "caller_sealed IS NULL AND callee_sealed IS NULL AND area"),
            ("calls_leg", "call_id", "party_sealed"),
            ("calls_journal", "call_id", "caller_sealed IS NULL AND callee_sealed"),
        ):
            row = connection.execute(
                f"SELECT count(*), count(*) FILTER (WHERE {column} IS NULL) "
                f"FROM {table} WHERE {key} = ANY(%s)",  # type: ignore[arg-type]
                [list(ended)],
            ).fetchone()
            assert row is not None
            assert row[0] == row[1] > 0
    for call in (*world.of_subject, *world.of_others):
        assert all(opened(keys, call)) == (call.id not in ended)
        assert any(opened(keys, call)) == (call.id not in ended)


def test_the_sweep_expires_what_is_due_once(world: World, db: DatabaseUrls, keys: Keys) -> None:
    rules = [(IDENTIFIER, CALL_RECORDS, 30), (CONTENT, RECORDINGS, 10)]
    assert privacy.sweep_retention(rules) == 0
    keys.clock.advance(timedelta(days=11))
    with use_clock(keys.clock):
        assert privacy.sweep_retention(rules) == 1  # one tenant recorded on one day
        assert privacy.sweep_retention(rules) == 0
        assert opened(keys, world.of_others[0]) == [True] * 5 + [False] * 2
        keys.clock.advance(timedelta(days=20))
        ended = privacy.sweep_retention(rules)
        assert ended >= 4  # yesterday's and today's of two
    for call in (*world.of_subject, *world.of_others):
        assert not any(opened(keys, call))


@pytest.mark.parametrize(
    ("profile", "category", "rule"),
    [
        pytest.param(
            "sip-carrier", IDENTIFIER, CALL_RECORDS, marks=pytest.mark.promise("SIP-08.1-01")
        ),
        pytest.param(
            "ctx-us-telecom", IDENTIFIER, CALL_RECORDS, marks=pytest.mark.promise("CTX-04.B-01")
        ),
        pytest.param("cca-voice-ai", CONTENT, RECORDINGS, marks=pytest.mark.promise("CCA-04.0-02")),
    ],
)
def test_what_a_profile_keeps_ends_to_the_day_with_a_certificate(
    world: World, keys: Keys, tmp_path: Path, profile: str, category: str, rule: str
) -> None:
    kept = load_profile(profile).retention
    days = longest(kept.cdr.active if category == IDENTIFIER else kept.recordings.active)
    rules = [(category, rule, days)]
    calls = (*world.of_subject, *world.of_others)
    today = day_number(world.now)
    first, due = today - 1, {call.id for call in calls if day_of(call.id) == today - 1}
    if category == CONTENT:  # recorded today
        first, due = today, {world.of_subject[0].id, world.of_others[0].id}
    before = {call.id: opened(keys, call) for call in calls}
    keys.clock.advance(timedelta(days=first + days - today))
    with use_clock(keys.clock):
        assert privacy.sweep_retention(rules) == 0, "the last day that it is kept"
        assert {call.id: opened(keys, call) for call in calls} == before
        assert certificates(world) == []
        keys.clock.advance(timedelta(days=1))
        assert privacy.sweep_retention(rules) >= 1
    for call in calls:
        assert (opened(keys, call) != before[call.id]) == (call.id in due)
    (certificate,) = certificates(world)
    assert certificate["rule"] == {
        "category": category,
        "name": rule,
        "day": day_date(first).isoformat(),
    }
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(certificate))
    tool = Path(__file__).parents[2] / "tools" / "recheck.py"
    done = subprocess.run([sys.executable, "-I", str(tool), "--certificate", str(path)])
    assert done.returncode == 0


def day_of(call: UUID) -> int:
    return uuid7_millis(call) // 86_400_000


def certificates(world: World) -> list[dict[str, Any]]:
    with tenant(world.tenant):
        rows = ErasureOrder.objects.using(APP).filter(tenant_id=world.tenant)
        return [row.certificate for row in rows.order_by("id")]


def test_orphans_are_what_no_table_knows(world: World, keys: Keys) -> None:
    lost = keys.blocking("signalling").resolve(world.tenant, [Identifier("e164", "+15005550006")])
    keys.clock.advance(timedelta(days=2))
    confirmed, destroyed = privacy.collect_orphans()
    assert (confirmed, destroyed) == (3 + 3 + 4, 1)
    assert keys.blocking().find(world.tenant, [Identifier("e164", "+15005550006")]) == [None]
    assert lost[0].new
    for call in (*world.of_subject, *world.of_others):
        assert all(opened(keys, call))
    assert privacy.collect_orphans() == (0, 0)


def test_a_hold_keeps_rows_and_leaves_until_its_release(
    world: World, db: DatabaseUrls, keys: Keys
) -> None:
    today = day_number(world.now)
    recorded = world.of_subject[0]
    track = recorded.tracks[0]
    assert recorded.recording is not None
    held = [recorded.recording, *(item.id for item in recorded.tracks)]
    hold = privacy.place_hold(
        world.tenant,
        [privacy.HeldPerson(world.subject, today, today)],
        [privacy.HeldItem(item, Bucket(CONTENT, RECORDINGS, day=today)) for item in held],
        actor="test",
    )
    before = dump(db, {recorded.id})
    done = privacy.destroy_person(world.tenant, world.subject, actor="test")
    assert done.escrowed == 3
    assert dump(db, {recorded.id}) == before
    assert object_store().size(object_key(world.tenant, track.id, recorded.day)) > 0
    value, text = recorded.values[0]
    worker = keys.blocking()
    assert worker.open(world.tenant, "legal", [value], actor="test", hold=hold.id) == [text]
    assert left_of(db, world.subject)[1] == 10  # yesterday's are not held
    with pytest.raises(NotFound):
        privacy.release_hold(world.other_tenant, hold.id)
    privacy.release_hold(world.tenant, hold.id)
    assert left_of(db, world.subject)[1] == 0
    assert worker.open(world.tenant, "legal", [value], actor="test", hold=hold.id) != [text]
    with pytest.raises(ObjectNotFound):
        object_store().size(object_key(world.tenant, track.id, recorded.day))


def test_replay_clears_restored_rows(world: World, db: DatabaseUrls, keys: Keys) -> None:
    whole = {call.id for call in (*world.of_subject, *world.of_others)}
    saved = _save(db)
    privacy.destroy_person(world.tenant, world.subject, actor="test")
    yesterday = day_number(world.now) - 1
    privacy.expire(world.tenant, IDENTIFIER, CALL_RECORDS, yesterday, actor="test")
    wanted = {table: rows for table, rows in dump(db, whole).items() if "calls_" in table}
    _restore(db, saved)
    assert left_of(db, world.subject)[1] == 16
    counts = privacy.replay(keys.blocking().journal())
    assert counts["entries"] == 2
    assert counts["rows"] > 0
    found = dump(db, whole)
    assert {table: _without_later(found[table]) for table in wanted} == {
        table: _without_later(rows) for table, rows in wanted.items()
    }
    assert privacy.replay(keys.blocking().journal())["rows"] == 0


def _without_later(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What the platform says of a deleted recording is said again by a replay."""
    return [row for row in rows if "recording.deleted" not in row[0]]


def _save(urls: DatabaseUrls) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(urls.owner) as connection:
        return {
            table: connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            ).fetchall()
            for table in TABLES[:3]
        }


def _restore(urls: DatabaseUrls, saved: dict[str, list[tuple[Any, ...]]]) -> None:
    with psycopg.connect(urls.owner) as connection:
        for table, rows in saved.items():
            name = sql.Identifier(table)
            connection.execute(sql.SQL("TRUNCATE {}").format(name))
            for (row,) in rows:
                connection.execute(
                    sql.SQL(
                        "INSERT INTO {0} SELECT (r::{0}).* FROM (SELECT %s::text AS r) x"
                    ).format(name),
                    [row],
                )


def test_a_destruction_is_not_part_of_a_transaction(world: World) -> None:
    from ringfence.platform_django.tenancy import tenant

    with tenant(world.tenant), pytest.raises(RuntimeError):
        privacy.destroy_person(world.tenant, world.subject, actor="test")


def test_the_day_of_the_world_is_utc(world: World) -> None:
    assert world.now.tzinfo is UTC
    assert day_number(datetime(1970, 1, 2, tzinfo=UTC)) == 1


def test_the_commands_erase_and_expire(world: World, db: DatabaseUrls, keys: Keys) -> None:
    tenant = public_id(Prefix.TENANT, world.tenant)
    with django_keys.use_keys(keys.blocking("cli")):
        done = CliRunner().invoke(erase_command, ["--tenant", tenant, "--number", SUBJECT])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["state"] == "cleaned"
        assert SUBJECT[2:] not in done.output
        assert left_of(db, world.subject)[1] == 0
        again = CliRunner().invoke(erase_command, ["--tenant", tenant, "--number", SUBJECT])
        assert isinstance(again.exception, PersonUnknown)
        day = f"{day_date(day_number(world.now) - 1)}"
        what = ["--category", IDENTIFIER, "--rule", CALL_RECORDS, "--day", day]
        ended = CliRunner().invoke(expire_command, ["--tenant", tenant, *what])
        assert json.loads(ended.output)["rows"] > 0
    assert not any(opened(keys, world.of_others[1]))
