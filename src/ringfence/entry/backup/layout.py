"""What a backup directory holds, and which backup a restore starts from."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ringfence.kernel.errors import InvalidInput, NotFound

MANIFEST = "manifest.json"
DATABASE = "database"
KEY_STORE = "keys.sqlite"
OBJECTS = "objects"
PROMPTS = "prompts"
_FORMAT = 1
_START = re.compile(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")


class BackupNotFound(NotFound):
    """There is no backup that this restore could start from."""

    code = "backup_not_found"


class BackupDamaged(InvalidInput):
    """A file of a backup is not what its manifest says."""

    code = "backup_damaged"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``, written last: without it a directory is no backup. Times are UTC."""

    format: int = _FORMAT
    id: str
    started_at: datetime
    finished_at: datetime
    """The earliest time that this backup can be taken to."""
    ringfence: str
    database: str
    """``PostgreSQL 18.6``, or ``external``: not part of this backup."""
    start_segment: str | None
    """First segment of the write-ahead log that a restore needs."""
    database_bytes: int
    objects: int
    object_bytes: int
    prompts: int
    prompt_bytes: int
    checksums: dict[str, str]
    """SHA-256 by file. ``database/backup_manifest`` holds those of the database's files."""


class Backup(msgspec.Struct, frozen=True):
    """One finished backup."""

    path: Path
    manifest: Manifest

    @property
    def archive(self) -> Path:
        """Where the write-ahead log was archived beside this backup."""
        return self.path.parent.parent / "wal"


def backups(directory: Path) -> list[Backup]:
    """The finished backups of a backup directory, oldest first."""
    found = [read_backup(path.parent) for path in sorted(directory.glob(f"base/*/{MANIFEST}"))]
    return sorted(found, key=lambda backup: backup.manifest.finished_at)


def read_backup(path: Path) -> Backup:
    """One backup by its own directory. Raises BackupNotFound, BackupDamaged."""
    try:
        text = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise BackupNotFound(f"no backup at {path}: {error.strerror}") from None
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError:
        raise BackupDamaged(f"{path / MANIFEST} cannot be read") from None
    if manifest.format != _FORMAT:
        raise BackupDamaged(f"{path / MANIFEST} is of an unknown format {manifest.format}")
    return Backup(path, manifest)


def choose(source: Path, target: datetime | None) -> Backup:
    """The newest backup in ``source`` (a backup, or a directory of them) from before ``target``.

    Raises BackupNotFound.
    """
    alone = (source / MANIFEST).exists()
    found = [read_backup(source)] if alone else backups(source)
    if not found:
        raise BackupNotFound(f"no finished backup in {source}")
    early = [item for item in found if target is None or item.manifest.finished_at <= target]
    if not early:
        raise BackupNotFound(
            f"no backup in {source} is older than {target}: the earliest time that can be restored "
            f"is {found[0].manifest.finished_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        )
    return early[-1]


def check(backup: Backup) -> None:
    """Raises BackupDamaged when a file does not have the checksum of the manifest."""
    for name, expected in backup.manifest.checksums.items():
        try:
            found = checksum(backup.path / name)
        except OSError as error:
            raise BackupDamaged(f"{backup.path / name}: {error.strerror}") from None
        if found != expected:
            raise BackupDamaged(f"{backup.path / name} is not what was backed up")


def checksum(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start_segment(database: Path) -> str:
    """First segment of the log that a base backup needs. Raises BackupDamaged."""
    found = _START.search((database / "backup_label").read_text())
    if found is None:
        raise BackupDamaged("the base backup names no start of its log")
    return found[1]


def parse_target(text: str) -> datetime | None:
    """A time to restore to: ISO 8601 with its zone, or ``latest`` (None). Raises InvalidInput."""
    if text == "latest":
        return None
    try:
        target = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time like 2026-11-22T10:00:00Z") from None
    if target.tzinfo is None:
        raise InvalidInput(f"{text!r} names no time zone: add Z for UTC, or an offset like +02:00")
    return target.astimezone(UTC)
