"""Backup while rows are written, and the way back to a time, on a real server."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from tests.unit.ops.backup_rig import CLOCK, Rig, ringfence, until, write_config

from ringfence.entry.backup import layout, restore
from ringfence.entry.backup.layout import BackupDamaged, BackupNotFound
from ringfence.entry.backup.recovery import LogHasGap
from ringfence.entry.backup.state import RestoreFailed
from ringfence.entry.backup.take import BackupFailed
from ringfence.entry.doctor.backup import check as examine
from ringfence.entry.doctor.finding import Finding
from ringfence.kernel.clock import ManualClock
from ringfence.platform import wal
from ringfence.platform.closed import closed_marker
from ringfence.platform.keys.erasure import JournalEntry
from ringfence.platform.settings import load_settings


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="rf-bk-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        monkeypatch.setenv("RINGFENCE_CONFIG", str(write_config(folder)))
        rig = Rig()
        try:
            yield rig
        finally:
            rig.server.stop()


class Writer:
    """Writes rows as fast as it can, and knows which were committed."""

    def __init__(self, rig: Rig) -> None:
        self.committed = 0
        self._url = rig.server.superuser_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                connection.execute("INSERT INTO row VALUES (%s)", [f"busy-{self.committed}"])
                self.committed += 1

    def stop(self) -> set[str]:
        self._stop.set()
        self._thread.join(20)
        return {f"busy-{index}" for index in range(self.committed)}


@pytest.mark.promise("CMX-06.0-06")
def test_back_to_a_time_and_forth_again(rig: Rig) -> None:
    rig.start()
    kept, erased = rig.persons(2)
    rig.add("kept", kept)
    rig.add("erased", erased)
    writer = Writer(rig)
    try:
        until(lambda: writer.committed > 20)
        begun_at = writer.committed
        made = rig.back_up()
        assert writer.committed > begun_at  # writes went on
    finally:
        busy = writer.stop()
    rig.add("before")
    moment = rig.now()
    rig.add("after")
    rig.server.stop()
    rig.erase(erased)

    seen: list[JournalEntry] = []

    def replay(entries: Sequence[JournalEntry]) -> None:
        assert closed_marker(rig.settings).exists()
        assert "erased" in rig.names()  # the old base has them again
        seen.extend(entries)
        rig.replay(entries)

    done = rig.restore(rig.plan(moment), replay)
    assert not closed_marker(rig.settings).exists()
    assert [entry.destruction.persons[0].person for entry in seen] == [erased]
    assert done.reached is not None
    aside = rig.server.files.with_name(f"postgres.before-{done.id}")
    assert (aside / "PG_VERSION").exists()

    rig.server.start()
    assert rig.names() == busy | {"kept", "before"}  # also what no archive had yet
    rig.add("since")
    rig.server.stop()

    # the time was chosen too early: the first history is still there
    again = rig.restore(rig.plan(timeline="1"))
    rig.server.start()
    assert rig.names() == busy | {"kept", "before", "after"}
    rig.server.stop()

    # and the newest history is the one of the last restore
    rig.restore(rig.plan())
    rig.server.start()
    assert rig.names() == busy | {"kept", "before", "after"}
    assert again.id != done.id
    assert made.manifest.start_segment is not None


def test_what_a_backup_holds(rig: Rig) -> None:
    rig.start()
    rig.persons(1)
    objects = rig.settings.data_dir / "objects"
    (objects / "a" / "b").mkdir(parents=True)
    (objects / "a" / "b" / "one").write_bytes(b"sealed")
    (objects / ".staging").mkdir()
    (objects / ".staging" / "half").write_bytes(b"half")
    first = rig.back_up()
    held = sorted(path.name for path in first.path.iterdir())
    assert held == ["database", "keys.sqlite", "manifest.json", "objects", "prompts"]
    everything = b"".join(path.read_bytes() for path in first.path.rglob("*") if path.is_file())
    assert rig.settings.root_key_file.read_bytes().strip() not in everything
    slots = rig.settings.key_slots.read_bytes()
    assert slots[:80].rstrip(b"\0") not in everything
    assert (first.manifest.objects, first.manifest.object_bytes) == (1, 6)
    assert (first.manifest.prompts, first.manifest.prompt_bytes) == (0, 0)
    assert first.manifest.database.startswith("PostgreSQL 18.")
    assert stat.S_IMODE((rig.directory / "base").stat().st_mode) == 0o700

    # an object that goes is kept by the backup, in no further space
    (objects / "a" / "b" / "one").unlink()
    (objects / "two").write_bytes(b"2")
    prompt = rig.prompt(1, b"spoken")
    (prompt.parent / f".{prompt.name}.new").write_bytes(b"half")
    second = rig.back_up()
    third = rig.back_up(keep=2)
    assert (third.manifest.prompts, third.manifest.prompt_bytes) == (1, 6)
    held_prompts = [path for path in (third.path / "prompts").rglob("*") if path.is_file()]
    assert [(path.name, path.read_bytes()) for path in held_prompts] == [(prompt.name, b"spoken")]
    assert [item.path for item in layout.backups(rig.directory)] == [second.path, third.path]
    assert (third.path / "objects" / "two").stat().st_nlink == 3
    assert third.manifest.start_segment is not None
    starts = [wal.position(str(item.manifest.start_segment)) for item in (second, third)]
    until(lambda: wal.segments(rig.directory / "wal"))
    assert all(wal.position(name) >= starts[0] for name in wal.segments(rig.directory / "wal"))


def test_a_disk_is_lost_with_all_that_was_on_it(rig: Rig) -> None:
    rig.start()
    rig.persons(3)
    objects = rig.settings.data_dir / "objects"
    objects.mkdir()
    (objects / "one").write_bytes(b"sealed")
    prompt = rig.prompt(1, b"spoken")
    made = rig.back_up()
    rig.add("archived")
    rig.execute("SELECT pg_switch_wal()")
    until(lambda: rig.execute("SELECT last_archived_wal FROM pg_stat_archiver")[0][0] is not None)
    until(lambda: len(wal.segments(rig.directory / "wal")) >= 2)
    until(lambda: not list((rig.server.files / "pg_wal" / "archive_status").glob("*.ready")))
    rig.server.stop()
    shutil.rmtree(rig.settings.data_dir)

    with pytest.raises(RestoreFailed, match="--keys"):
        rig.restore(rig.plan())
    assert not closed_marker(rig.settings).exists()
    # nothing was written between the end of the log and the time asked for
    done = rig.restore(rig.plan(CLOCK.now(), keys=made.path / "keys.sqlite"))
    assert done.keys_lost == 0
    rig.server.start()
    assert rig.names() == {"archived"}
    assert (objects / "one").read_bytes() == b"sealed"
    assert prompt.read_bytes() == b"spoken"


def test_what_cannot_succeed_is_refused(rig: Rig) -> None:
    rig.start()
    rig.persons(1)
    before = rig.now()
    with pytest.raises(BackupNotFound):
        rig.plan()
    made = rig.back_up()
    with pytest.raises(BackupNotFound, match="earliest time that can be restored"):
        rig.plan(before)
    with pytest.raises(restore.StillRunning):
        rig.restore(rig.plan())

    # a segment of the log is missing between others
    for index in range(3):
        rig.add(f"row-{index}")
        rig.execute("SELECT pg_switch_wal()")
    archive = rig.directory / "wal"
    until(lambda: not list((rig.server.files / "pg_wal" / "archive_status").glob("*.ready")))
    rig.server.stop()
    newest = wal.segments(archive)[-2]
    hidden = rig.settings.data_dir / "elsewhere"
    (archive / newest).rename(archive / f"{newest}.hidden")
    rig.server.files.rename(hidden)
    with pytest.raises(LogHasGap, match="newer ones"):
        rig.restore(rig.plan())
    # nor is the log before the gap passed off as the time asked for
    asked = rig.plan(CLOCK.now())
    with pytest.raises(LogHasGap):
        rig.restore(asked)
    assert closed_marker(rig.settings).exists()
    (archive / f"{newest}.hidden").rename(archive / newest)
    rig.restore(asked)
    rig.server.start()
    assert rig.names() == {"row-0", "row-1", "row-2"}
    rig.server.stop()
    shutil.rmtree(rig.server.files)

    page = made.path / "database" / "base" / "1" / "1259"
    page.write_bytes(b"\1" + page.read_bytes()[1:])
    with pytest.raises(BackupDamaged, match="1259"):
        rig.restore(rig.plan())
    assert not closed_marker(rig.settings).exists()
    assert not rig.server.files.exists()
    assert hidden.exists()


def test_a_backup_without_a_server_leaves_nothing(rig: Rig) -> None:
    rig.persons(1)
    with pytest.raises(BackupFailed, match="cannot be copied"):
        rig.back_up()
    assert layout.backups(rig.directory) == []
    assert [path.name for path in (rig.directory / "base").iterdir()] == [".lock"]


def findings(rig: Rig, minutes: int = 0) -> dict[str, Finding]:
    clock = ManualClock(CLOCK.now() + timedelta(minutes=minutes))
    return {item.name: item for item in examine(rig.settings, clock)}


def test_an_archive_that_takes_nothing_is_seen_and_loses_nothing(rig: Rig) -> None:
    rig.start()
    rig.persons(1)
    archive = rig.directory / "wal"
    archive.chmod(0o500)
    if os.geteuid() == 0:  # the server, which is not root, may not write there
        assert archive.stat().st_uid != 0
    for index in range(2):
        rig.add(f"row-{index}")
        rig.execute("SELECT pg_switch_wal()")
    until(lambda: rig.execute("SELECT failed_count FROM pg_stat_archiver")[0][0] > 0)
    assert wal.segments(archive) == []
    late = findings(rig, 10)["write-ahead log"]
    assert late.level == "wrong"
    assert "2 segments wait" in late.observed
    assert findings(rig)["last backup"].level == "warning"

    archive.chmod(0o700)
    rig.add("last")
    rig.execute("SELECT pg_switch_wal()")
    until(lambda: len(wal.segments(archive)) >= 3, 90)
    names = wal.segments(archive)
    assert wal.first_gap(names, names[0]) is None
    until(lambda: findings(rig, 10)["write-ahead log"].level == "ok")
    rig.back_up()
    assert findings(rig, 10)["last backup"].level == "ok"
    assert findings(rig, 60 * 30)["last backup"].level == "warning"
    assert findings(rig, 60 * 24 * 9)["last backup"].level == "wrong"
    assert findings(rig)["backup directory"].level == "warning"


def test_a_closed_installation_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = write_config(tmp_path)
    path.write_text(path.read_text() + f"[web]\nport = {port}\n")
    monkeypatch.setenv("RINGFENCE_CONFIG", str(path))
    settings = load_settings()
    settings.data_dir.mkdir()
    closed_marker(settings).write_text("{}")
    commands = [
        "serve",
        "web",
        "control",
        "signalling",
        "worker",
        "live",
        "media --index 0",
        "speech",
    ]
    for command in commands:
        done = ringfence(*command.split())
        assert done.returncode == 2, command
        assert "installation_closed" in done.stderr
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert list(settings.data_dir.glob("*/*.sock")) == []
    assert not (settings.data_dir / "postgres").exists()
    found = {item.name: item for item in examine(settings, CLOCK)}
    assert found["open"].level == "wrong"


def test_with_an_external_database_the_rest_goes_there_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path)
    names = ("owner", "app", "operator", "callplane", "identity")
    urls = [f"{name}_url = 'postgresql://ringfence_{name}@db.example/x'" for name in names]
    path.write_text("\n".join([path.read_text(), "[database]", *urls]) + "\n")
    monkeypatch.setenv("RINGFENCE_CONFIG", str(path))
    rig = Rig()
    (erased,) = rig.persons(1)
    objects = rig.settings.data_dir / "objects"
    objects.mkdir()
    (objects / "one").write_bytes(b"sealed")
    gone, kept = rig.prompt(1, b"gone"), rig.prompt(2, b"kept")
    made = rig.back_up()
    assert made.manifest.database == "external"
    assert any("its own tools" in report for report in rig.reports)
    assert not (made.path / "database").exists()
    rig.erase(erased)
    (objects / "one").unlink()
    gone.unlink()
    since = rig.prompt(3, b"since")
    seen: list[JournalEntry] = []
    rig.restore(rig.plan(), seen.extend)
    assert [entry.destruction.persons[0].person for entry in seen] == [erased]
    assert (objects / "one").read_bytes() == b"sealed"
    assert [path.read_bytes() for path in (gone, kept, since)] == [b"gone", b"kept", b"since"]
    assert not closed_marker(rig.settings).exists()
