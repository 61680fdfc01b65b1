"""The embedded database in a restore: a base backup laid down, its log replayed to a time."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import psycopg

from ringfence.entry.backup import layout
from ringfence.entry.backup.layout import Backup, BackupDamaged
from ringfence.entry.backup.state import Restore, RestoreFailed, put_aside, put_asides
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import wal
from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.postgres import (
    DatabaseStartError,
    EmbeddedPostgres,
    binaries,
    server_environment,
)
from ringfence.platform.settings import Settings
from ringfence.platform.unprivileged import chown_tree

_REPLAY_SECONDS = 7 * 24 * 3600.0
_TOO_SHORT = "recovery ended before configured recovery target was reached"
_OURS = "ringfence-restore"


class LogHasGap(RingfenceError):
    """The archived write-ahead log lacks a segment."""

    code = "write_ahead_log_gap"


class NoSpace(RingfenceError):
    """The disk has no room for the database beside the one that is put aside."""

    code = "no_space"


def verify(settings: Settings, backup: Backup) -> None:
    """Read the base backup and compare its checksums. Raises BackupDamaged, NoSpace."""
    database = backup.path / layout.DATABASE
    programs = binaries()
    done = subprocess.run(  # noqa: S603 - our own program and arguments
        [str(programs / "pg_verifybackup"), "--quiet", str(database)],
        env=server_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupDamaged("; ".join(done.stderr.strip().splitlines()[:3]))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    if free < backup.manifest.database_bytes * 1.1:
        raise NoSpace(
            f"{settings.data_dir} has {free >> 20} MiB free; the database needs "
            f"{backup.manifest.database_bytes >> 20} and is laid down beside the present one"
        )


def check_log(settings: Settings, server: EmbeddedPostgres, backup: Backup) -> None:
    """Raises LogHasGap when a segment between the backup and the newest one is nowhere."""
    start = backup.manifest.start_segment
    assert start is not None
    places = [backup.path / layout.DATABASE / "pg_wal", *_archives(settings, server, backup)]
    if server.files.exists():
        places.append(server.files / "pg_wal")
    names = [name for place in places for name in wal.segments(place)]
    gap = wal.first_gap(names, start)
    if gap is None:
        return
    before = [
        path.stat().st_mtime
        for place in places
        for path in place.iterdir()
        if path.name in names and wal.position(path.name) == gap - 1
    ]
    until = datetime.fromtimestamp(min(before)).astimezone() if before else "then"
    raise LogHasGap(
        f"the write-ahead log has no segment {gap}, and newer ones: what they hold cannot be "
        f"restored from this backup. Name a newer backup, or a time before {until}"
    )


def lay_down(server: EmbeddedPostgres, backup: Backup, restore: Restore) -> None:
    """Put the database directory aside and a copy of the base backup in its place."""
    if _is_ours(server, restore):
        return
    files = server.files
    draft = files.with_name(f"{files.name}.restoring")
    if draft.exists():
        shutil.rmtree(draft)
    shutil.copytree(backup.path / layout.DATABASE, draft)
    draft.chmod(0o700)
    (draft / _OURS).write_text(restore.id)
    (draft / "recovery.signal").touch()
    chown_tree(draft, server.identity())
    os.sync()
    put_aside(files, restore)
    draft.rename(files)
    sync_directory(files.parent)


def _is_ours(server: EmbeddedPostgres, restore: Restore) -> bool:
    """Whether the directory in place is what this restore has laid down."""
    mark = server.files / _OURS
    return mark.exists() and mark.read_text() == restore.id


def recover(
    settings: Settings, server: EmbeddedPostgres, backup: Backup, restore: Restore
) -> str | None:
    """Replay the log and start the database as it was then; the time of its last transaction.

    When the log ends before the time asked for, nothing happened between: all of it is replayed.
    Raises DatabaseStartError, RestoreFailed, LogHasGap.
    """
    if not _is_ours(server, restore):
        raise RestoreFailed(f"{server.files} is not what this restore laid down")
    if not (server.files / "recovery.signal").exists():
        server.start()  # it was promoted before this restore was killed
    else:
        archives = _archives(settings, server, backup)
        identity = server.identity()
        for archive in archives:
            chown_tree(archive, identity)
        target = None if restore.target is None else restore.target.isoformat()
        try:
            _replay(server, archives, target, restore.timeline)
        except DatabaseStartError as error:
            log = server.files.parent / "postgres.log"
            if target is None or _TOO_SHORT not in log.read_text(errors="replace"):
                raise RestoreFailed(f"{error.message}; {log} says more") from None
            check_log(settings, server, backup)  # it may have ended before its end
            _replay(server, archives, None, restore.timeline)
    _ensure_superuser(server)
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
    return None if row is None or row[0] is None else row[0].isoformat()


def _replay(
    server: EmbeddedPostgres, archives: list[Path], target: str | None, timeline: str
) -> None:
    options = wal.restore_options(archives, target) | {"recovery_target_timeline": timeline}
    server.start(options, _REPLAY_SECONDS)


def _archives(settings: Settings, server: EmbeddedPostgres, backup: Backup) -> list[Path]:
    """Where segments are looked for: archives, then what the databases put aside still hold."""
    places = [backup.archive, settings.wal_archive]
    places += [path / "pg_wal" for path in put_asides(server.files)]
    return list(dict.fromkeys(path.resolve() for path in places if path and path.is_dir()))


def _ensure_superuser(server: EmbeddedPostgres) -> None:
    """The password in our file may be of another database, or lost with its disk."""
    try:
        psycopg.connect(server.superuser_url).close()
    except (psycopg.OperationalError, DatabaseStartError):
        server.stop()
        server.set_superuser_password()
        server.start()
