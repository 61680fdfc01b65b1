"""Rights requests through the REST API, on a real database, key store and object store."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.population import record_call
from tests.recorded_calls import World, recorded_world, ulaw_tone
from tests.rights import (
    CALLEE,
    CALLER,
    all_text,
    ask,
    both_ways,
    create,
    data_of,
    fetched,
    get,
    jobs,
    made_package,
    person_of,
    refused,
    verify,
)

from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import tasks
from ringfence.domains.privacy.contracts import FieldClass
from ringfence.domains.privacy.usecases.collect_values import collect_values
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.errors import Refused
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.use import using

ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key(purposes=("service", "support"))


def test_a_copy_has_all_of_the_person_and_nothing_of_the_other(world: World, key: str) -> None:
    first, second = both_ways(world)
    record_call(new_id(), new_id(), world.acme, from_number=CALLEE, to_number="+13125550142")
    mine, theirs = ulaw_tone(440, 1.0), ulaw_tone(1000, 1.0)
    recorded = world.record(mine, theirs)
    made = create(key)
    archive = made_package(world, key, made)
    data = data_of(archive)
    assert (data["request"], data["known_as"], data["kind"]) == (made["id"], CALLER, "access")
    tables = {table["table"]: table for table in data["tables"]}
    calls = {row["row"]: row for row in tables["calls.Call"]["rows"]}
    assert set(calls) >= {first.hex, second.hex}
    assert calls[first.hex]["roles"] == ["caller", "captured"]
    assert calls[first.hex]["values"]["caller_sealed"] == {"number": CALLER}
    assert "callee_sealed" not in calls[first.hex]["values"]
    assert calls[second.hex]["roles"] == ["callee"]
    assert calls[second.hex]["values"]["callee_sealed"] == {"number": CALLER}
    assert not {"caller_sealed", "country_code", "area"} & set(calls[second.hex]["values"])
    assert calls[second.hex]["values"]["disposition"] == "answered"
    tags = {row["row"]: row for row in tables["calls.CallTag"]["rows"]}
    assert {row["values"]["value"] for row in tags.values()} == {"sales"}
    assert len(tags) == 2, "those of both calls, and not of the third"
    other = person_of(world, CALLEE)
    text = all_text(archive)
    for hidden in (CALLEE, CALLEE[1:], other.hex, str(other), "+13125550142"):
        assert hidden not in text, hidden
    assert CALLER in text
    (sound,) = [name for name in archive.namelist() if name.endswith(".wav")]
    assert sound == f"recordings/{recorded.id}-{recorded.caller_track.hex}.wav"
    assert mine in archive.read(sound)
    assert theirs[:800] not in archive.read(sound)
    assert [one["file"] for one in data["files"]] == [sound]


def stored(db: DatabaseUrls, model: str, tenant: UUID, person: UUID) -> list[dict[str, Any]]:
    """Rows of a table that name the person anywhere, by SQL as the owner."""
    table = apps.get_model(model)._meta.db_table
    with psycopg.connect(db.owner) as connection:
        cursor = connection.execute(f"SELECT * FROM {table} WHERE tenant_id = %s", [tenant])
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [row for row in rows if person in row.values()]


def plainly(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text.replace("-", "")


def test_every_stored_value_of_the_person_is_there(
    world: World, key: str, db: DatabaseUrls
) -> None:
    """By another way: all rows that name the person, read as the owner, field by field."""
    both_ways(world)
    world.record(ulaw_tone(440, 0.5), ulaw_tone(1000, 0.5))
    person = person_of(world, CALLER)
    data = data_of(made_package(world, key, create(key)))
    tables = {table["table"]: table["rows"] for table in data["tables"]}
    columns = {entry.model: {} for entry in privacy.person_ids()}
    for entry in privacy.person_ids():
        columns[entry.model][entry.role] = entry.field
    looked = 0
    for entry in privacy.all_classifications():
        if not isinstance(entry, FieldClass) or not entry.export or entry.role is None:
            continue
        if entry.model not in columns or entry.json_keys or entry.model.startswith("privacy."):
            continue
        roles = columns[entry.model]
        own = list(roles.values()) if entry.role == "either" else [roles[entry.role]]
        expected = [
            row
            for row in stored(db, entry.model, world.acme, person)
            if person in [row[column] for column in own] and row[entry.field] is not None
        ]
        rows = [row["values"] for row in tables[entry.model]]
        found = [values[entry.field] for values in rows if entry.field in values]
        assert len(found) == len(expected), f"{entry.model}.{entry.field}"
        if entry.number is None and not entry.copy_of:
            plain = [row[entry.field] for row in expected]
            assert sorted(map(plainly, found)) == sorted(map(plainly, plain)), entry.field
        looked += len(expected)
    assert looked > 20


def test_what_is_opened_is_opened_for_rights(world: World, key: str) -> None:
    both_ways(world)
    recorded = world.record(ulaw_tone(440, 0.5), ulaw_tone(1000, 0.5))
    made = create(key)
    verify(key, made)
    world.keys.uses.clear()
    with world.worker():
        tasks.build_package(made["id"][2:])
    uses = list(world.keys.uses)
    opened = [use for use in uses if use.action == "open"]
    assert opened
    assert {(use.purpose, use.actor, use.credential) for use in opened} == {
        ("rights", "job:rights", "worker")
    }
    named = {name for use in opened for name in use.objects}
    assert {recorded.id, recorded.call_id} <= named
    world.keys.uses.clear()
    fetched(key, made)
    (fetch,) = [use for use in world.keys.uses if use.action == "open"]
    assert fetch.objects == (made["id"],)


def test_the_web_process_cannot_make_it(world: World, key: str) -> None:
    """It may not open for rights: its credential in the key store has not that purpose."""
    both_ways(world)
    made = create(key)
    verify(key, made)
    with pytest.raises(Refused, match="may not ask for that"):
        tasks.build_package(made["id"][2:])
    person = person_of(world, CALLER)
    with using("rights", "test"), pytest.raises(Refused, match="may not claim this purpose"):
        collect_values(world.acme, person)
    assert get(key, made)["state"] == "running"
    with world.worker():
        tasks.rights(0)
    assert get(key, made)["state"] == "done", "the periodic job goes on with it"


def test_nothing_is_kept_in_clear(world: World, key: str) -> None:
    both_ways(world)
    made_package(world, key, create(key))
    files = [path for path in django_settings.RINGFENCE.data_dir.rglob("*") if path.is_file()]
    packages = [path for path in files if "rights" in path.parts]
    assert len(packages) == 1
    sealed = packages[0].read_bytes()
    assert len(sealed) > 1000
    assert b"PK\x03\x04" not in sealed
    assert not list(django_settings.RINGFENCE.data_dir.glob("package-*"))


def test_tables_and_page_are_readable(world: World, key: str) -> None:
    both_ways(world)
    archive = made_package(world, key, create(key, kind="portability"))
    data = data_of(archive)
    for table in data["tables"]:
        text = archive.read(f"csv/{table['table']}.csv").decode()
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["row", "roles", *table["fields"]]
        assert len(rows) == 1 + len(table["rows"])
    page = archive.read("index.html").decode()
    assert "<script" not in page and "src=" not in page and 'content="light dark"' in page
    assert CALLER in page


def test_a_receipt_is_signed(world: World, key: str, tmp_path: Path) -> None:
    both_ways(world)
    made = create(key, channel="note")
    assert made["receipt"] is None
    archive = made_package(world, key, made)
    done = get(key, made)
    receipt = done["receipt"]
    assert (done["state"], done["urgency"], receipt["in_time"]) == ("done", "none", True)
    assert (receipt["request"], receipt["channel"]) == (made["id"], "note")
    counts = {
        table["table"]: len(table["rows"]) for table in data_of(archive)["tables"] if table["rows"]
    }
    assert receipt["result"]["rows"] == counts
    assert receipt["result"]["unreadable"] == 0
    assert receipt["result"]["values"] > 20
    assert receipt["result"]["bytes"] == done["package_bytes"]
    assert done["person"][2:] not in json.dumps(receipt)
    path = tmp_path / "receipt.json"
    for changed, status in ({}, 0), ({"kind": "deletion"}, 1):
        path.write_text(json.dumps(receipt | changed))
        command = [sys.executable, ROOT / "tools/recheck.py", "--certificate", path]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == status, ran.stdout + ran.stderr
        assert status or made["id"] in ran.stdout


def test_a_deletion_erases_and_is_done_when_it_is_clean(
    world: World, key: str, db: DatabaseUrls
) -> None:
    both_ways(world)
    made = create(key, kind="deletion")
    assert jobs(db, "privacy.carry_out") == []
    answer = verify(key, made)
    assert answer.json()["state"] == "running"
    (job,) = jobs(db, "privacy.carry_out")
    assert answer.json()["erasure"] == f"ER{job['erasure']}"
    refused(ask(f"/rights-requests/{made['id']}/package", key), 404, "no_package")
    with world.worker():
        tasks.carry_out(**job)
    done = get(key, made)
    assert done["state"] == "done"
    erasure = ask(f"/erasures/{done['erasure']}", key).json()
    result = done["receipt"]["result"]
    assert (result["erasure"], result["rows_cleared"]) == (erasure["id"], erasure["rows"])
    assert erasure["rows"] >= 2


def test_a_copy_after_an_erasure_is_empty_and_earlier_ones_are_gone(
    world: World, key: str, db: DatabaseUrls
) -> None:
    both_ways(world)
    world.record(ulaw_tone(440, 0.5), ulaw_tone(1000, 0.5))
    earlier = create(key)
    made_package(world, key, earlier)
    deletion = create(key, kind="deletion")
    verify(key, deletion)
    with world.worker():
        tasks.carry_out(**jobs(db, "privacy.carry_out")[0])
    refused(ask(f"/rights-requests/{earlier['id']}/package", key), 410, "package_gone")
    assert get(key, earlier)["package_bytes"] is None
    files = django_settings.RINGFENCE.data_dir.rglob("*")
    assert not [path for path in files if path.is_file() and "rights" in path.parts]
    assert create(key, jurisdiction="eu")["person"] is None, "the number means nobody now"
    later = create(key, number=None, person=earlier["person"], jurisdiction="eu")
    archive = made_package(world, key, later)
    data = data_of(archive)
    assert (data["tables"], data["files"], data["known_as"]) == ([], [], None)
    assert get(key, later)["receipt"]["result"]["erased"] is True
    assert CALLER not in all_text(archive)


def test_a_package_ends_with_its_days(world: World, key: str) -> None:
    both_ways(world)
    made = create(key)
    made_package(world, key, made)
    rules = django_settings.RINGFENCE.retention.rules()
    assert ("content", "rights_packages", 14) in rules
    for days, status in ((14, 200), (1, 410)):
        world.keys.clock.advance(timedelta(days=days))
        with world.worker():
            privacy.sweep_retention([("content", "rights_packages", 14)])
        assert ask(f"/rights-requests/{made['id']}/package", key).status_code == status
    assert get(key, made)["state"] == "done"


def test_no_identifier_stands_in_a_row(world: World, key: str, db: DatabaseUrls) -> None:
    both_ways(world)
    made_package(world, key, create(key))
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT r::text FROM privacy_rights_request r UNION ALL "
            "SELECT j::text FROM procrastinate_jobs j"
        ).fetchall()
    assert len(rows) >= 2
    assert not any(CALLER[2:] in row[0] for row in rows)


def test_what_was_destroyed_is_not_there_and_what_does_not_open_says_why(
    world: World, key: str, db: DatabaseUrls
) -> None:
    first, _ = both_ways(world)
    gone = world.record(ulaw_tone(440, 0.5), ulaw_tone(1000, 0.5))
    with world.worker():
        privacy.destroy_items(world.acme, [gone.caller_track], actor="test")
    with psycopg.connect(db.owner) as connection:
        connection.execute(
            "UPDATE calls_call SET caller_sealed = overlay(caller_sealed PLACING '\\x00'::bytea "
            "FROM octet_length(caller_sealed)) WHERE id = %s",
            [first],
        )
    made = create(key)
    data = data_of(made_package(world, key, made))
    assert data["files"] == []
    (calls,) = [table["rows"] for table in data["tables"] if table["table"] == "calls.Call"]
    (row,) = [row for row in calls if row["row"] == first.hex]
    assert row["unreadable"] == {"caller_sealed": "unreadable_value"}
    assert get(key, made)["receipt"]["result"]["unreadable"] == 1
