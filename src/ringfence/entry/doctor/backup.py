"""Checks of backups: made, recent, elsewhere; the log archived; no restore left half-done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ringfence.entry.backup import layout
from ringfence.entry.doctor.finding import Finding
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import wal
from ringfence.platform.closed import closed_marker
from ringfence.platform.database import is_embedded
from ringfence.platform.settings import Settings

_OLD, _TOO_OLD = timedelta(hours=26), timedelta(days=8)
_WAITING = timedelta(seconds=3 * wal.ARCHIVE_SECONDS)


def check(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether there is a way back, and whether one is being gone."""
    marker = closed_marker(settings)
    if marker.exists():
        advice = "finish it: ringfence restore --resume"
        yield Finding("open", False, f"closed by {marker}: a restore is not finished", advice)
    directory = settings.backup.directory
    if directory is None:
        advice = "set backup.directory, best on another disk, and run ringfence backup each day"
        yield Finding("backups", True, "none are made", advice)
        return
    yield _check_age(directory.resolve(), clock.now())
    yield _check_place(directory.resolve(), settings.data_dir)
    if is_embedded(settings):
        yield _check_archive(settings, clock.now())


def _check_age(directory: Path, now: datetime) -> Finding:
    name = "last backup"
    advice = "make one now, and one each day by cron or a systemd timer: ringfence backup --keep 7"
    try:
        found = layout.backups(directory)
    except (RingfenceError, OSError) as error:
        return Finding(name, False, f"cannot be read: {error}", f"look at {directory}")
    if not found:
        return Finding(name, True, f"none in {directory} yet", advice)
    age = now - found[-1].manifest.finished_at
    observed = f"{_spoken(age)} ago, the first of {len(found)} {_date(found[0])}"
    return Finding(name, age < _TOO_OLD, observed, advice if age > _OLD else "")


def _check_place(directory: Path, data_dir: Path) -> Finding:
    name = "backup directory"
    try:
        same = directory.stat().st_dev == data_dir.stat().st_dev
    except OSError as error:
        return Finding(name, False, f"{directory}: {error.strerror}", "mount or make it")
    if same:
        advice = "both are lost with that disk: set backup.directory to another, or copy it away"
        return Finding(name, True, f"{directory}, on the same file system as the data", advice)
    return Finding(name, True, f"{directory}, on a file system of its own")


def _check_archive(settings: Settings, now: datetime) -> Finding:
    """Segments that the server has closed and not yet archived wait as ``NAME.ready``."""
    name = "write-ahead log"
    archive = settings.wal_archive
    assert archive is not None
    status = settings.data_dir / "postgres" / "pg_wal" / "archive_status"
    try:
        waiting = [_changed(path) for path in status.glob("*.ready")]
        newest = max((_changed(archive / item) for item in wal.segments(archive)), default=None)
    except OSError as error:
        return Finding(name, False, f"{error.filename}: {error.strerror}", "look at its owner")
    observed = "none archived yet" if newest is None else f"archived {_spoken(now - newest)} ago"
    if waiting and now - min(waiting) > _WAITING:
        observed += f"; {len(waiting)} segments wait since {_spoken(now - min(waiting))}"
        advice = (
            f"nothing is lost while the data disk has room; postgres.log says why {archive} does "
            "not take them"
        )
        return Finding(name, False, observed, advice)
    return Finding(name, True, observed)


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def _date(backup: layout.Backup) -> str:
    return f"{backup.manifest.finished_at:%Y-%m-%d %H:%M} UTC"


def _spoken(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
