"""The archive's program, the choice of a backup, and a key store that comes from a copy."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.ops.backup_rig import CLOCK, TENANT, Rig, copy_store, write_config

from ringfence.entry.backup import keystore, layout
from ringfence.entry.backup.layout import BackupNotFound
from ringfence.entry.backup.state import Restore
from ringfence.kernel.errors import InvalidInput
from ringfence.platform import wal
from ringfence.platform.keys import names, persons
from ringfence.platform.keys.errors import StoreDamaged
from ringfence.platform.keys.persons import Identifier

SEGMENT = "000000010000000000000007"


def program(*arguments: object) -> int:
    command = [sys.executable, "-I", "-S", str(wal.PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True).returncode


def test_a_segment_is_copied_once_and_never_replaced(tmp_path: Path) -> None:
    source, archive, back = tmp_path / SEGMENT, tmp_path / "wal", tmp_path / "back"
    archive.mkdir()
    content = bytes(1 << 20) + b"records" * 9999 + bytes(3 << 20)
    source.write_bytes(content)
    assert program("archive", source, archive) == 0
    assert (archive / SEGMENT).read_bytes() == content
    assert (archive / SEGMENT).stat().st_blocks * 512 < 1 << 20  # zeros take no space
    assert program("archive", source, archive) == 0  # repeated after a crash

    source.write_bytes(content[:-1] + b"x")
    assert program("archive", source, archive) == 1
    assert (archive / SEGMENT).read_bytes() == content
    assert program("archive", tmp_path / "absent", archive) == 1
    assert program("archive", source, tmp_path / "nowhere") == 1

    assert program("fetch", SEGMENT, back, tmp_path / "nowhere", archive) == 0
    assert back.read_bytes() == content
    assert program("fetch", "absent", back, archive) == 1
    (archive / "folder").mkdir()
    assert program("fetch", "folder", back, archive) > 125  # no end of the log: recovery stops
    assert [path.name for path in archive.iterdir() if path.name.startswith(".")] == []


def test_gaps_are_counted_over_logs_and_timelines() -> None:
    have = ["0000000100000000000000FE", "0000000100000000000000FF", "000000020000000100000000"]
    assert wal.first_gap(have, have[0]) is None
    assert wal.first_gap([*have, "000000020000000100000002"], have[0]) == 257
    assert wal.first_gap(have[1:], have[0]) == 254
    assert wal.first_gap(["000000010000000000000001", *have], have[0]) is None  # older ones


def test_times(tmp_path: Path) -> None:
    assert layout.parse_target("latest") is None
    expected = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    assert layout.parse_target("2026-11-22T10:00:00Z") == expected
    assert layout.parse_target("2026-11-22T12:00+02:00") == expected
    for wrong in ("2026-11-22T10:00:00", "yesterday"):
        with pytest.raises(InvalidInput):
            layout.parse_target(wrong)
    with pytest.raises(BackupNotFound):
        layout.choose(tmp_path, None)


def test_an_older_copy_of_the_key_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was destroyed since stays destroyed; its shards' other keys are lost with it."""
    monkeypatch.setenv("RINGFENCE_CONFIG", str(write_config(tmp_path)))
    rig = Rig()
    everyone = rig.persons(200)
    copy = tmp_path / "copy.sqlite"
    copy_store(rig.settings.key_store, copy)
    rig.erase(everyone[0])
    later = rig.persons(201)[200]

    # as it is, the copy does not fit the slot file: nothing of it may be opened
    for path in rig.settings.key_store.parent.iterdir():
        path.unlink()
    copy_store(copy, rig.settings.key_store)
    with pytest.raises(StoreDamaged):
        rig.store()

    asked = Restore(id="1", begun_at=CLOCK.now(), backup="", keys=str(copy))
    keystore.put_back(rig.settings, asked)
    assert (rig.settings.data_dir / "keys.before-1" / "keys.sqlite").exists()
    store = rig.store()
    alive = [p for p in everyone if store.get(names.person_name(TENANT, p)) is not None]
    assert everyone[0] not in alive
    assert 170 < len(alive) < 200  # of 64 shards two were rotated
    assert 0 < asked.keys_lost < 60
    assert store.get(names.person_name(TENANT, later)) is None  # made after the copy
    assert store.contradictions() == []

    # whoever lost their key is a new person from now on
    numbers = [Identifier("e164", f"+1415555{index:04}") for index in range(200)]
    with store.transaction():
        found = persons.resolve(store, TENANT, numbers)
        assert all(store.get(names.person_name(TENANT, item.person)) for item in found)
    assert {item.person for item in found} & set(everyone) == set(alive) - {
        person for person in alive if person not in {item.person for item in found}
    }
    store.close()

    # done again, as after a kill, it changes nothing and deletes nothing
    keystore.put_back(rig.settings, asked)
    assert (rig.settings.data_dir / "keys.before-1-2").exists()
