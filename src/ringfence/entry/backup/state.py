"""The marker that closes an installation, as the memory of the restore that closed it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.closed import closed_marker, write_durably
from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.settings import Settings


class RestoreFailed(RingfenceError):
    """The restore did not come to its end; the installation stays closed."""

    code = "restore_failed"


class Step(StrEnum):
    """What is done next. Each may be begun again after a kill at any point of it."""

    KEYS = "keys"
    """Put a copy of the key store back, if one was named."""
    DATABASE = "database"
    """Put the database aside, lay the base backup down."""
    RECOVER = "recover"
    """Replay the write-ahead log."""
    OBJECTS = "objects"
    """Copy the objects and prompts that are missing."""
    ERASE = "erase"
    """Erase again what the journal of the key store names, then open."""


class Restore(msgspec.Struct, kw_only=True):
    """Content of the marker."""

    reason: str = "restore"
    id: str
    begun_at: datetime
    backup: str
    """Directory of the backup."""
    target: datetime | None = None
    """None: as far as the write-ahead log goes."""
    timeline: str = "latest"
    keys: str | None = None
    """A copy of the key store to put in place of the present one."""
    keys_lost: int = 0
    """Keys of the copy that do not open any more."""
    reached: str | None = None
    """Time of the last transaction that was restored."""
    step: Step = Step.KEYS

    def asks_the_same(self, other: Restore) -> bool:
        """Whether two restores have the same arguments."""
        mine, theirs = (
            (item.backup, item.target, item.timeline, item.keys) for item in (self, other)
        )
        return mine == theirs


def find_restore(settings: Settings) -> Restore | None:
    """The restore that closed this installation. Raises RestoreFailed when that cannot be read."""
    try:
        text = closed_marker(settings).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(text, type=Restore)
    except msgspec.MsgspecError:
        raise RestoreFailed(f"{closed_marker(settings)} cannot be read") from None


def save(settings: Settings, restore: Restore) -> None:
    """Close the installation, or note how far the restore is; durable."""
    text = msgspec.json.format(msgspec.json.encode(restore), indent=2)
    write_durably(closed_marker(settings), text + b"\n")


def open_again(settings: Settings) -> None:
    """Remove the marker; durable."""
    marker: Path = closed_marker(settings)
    marker.unlink()
    sync_directory(marker.parent)


def put_aside(folder: Path, restore: Restore) -> None:
    """Rename what is in the place of ``folder``, if anything; nothing is ever deleted."""
    if not folder.exists():
        return
    names = (f"{folder.name}.before-{restore.id}{more}" for more in ("", *range(-2, -1000, -1)))
    aside = next(path for path in map(folder.with_name, names) if not path.exists())
    folder.rename(aside)
    sync_directory(folder.parent)


def put_asides(folder: Path) -> list[Path]:
    """What restores moved from the place of ``folder``, newest first."""
    return sorted(folder.parent.glob(f"{folder.name}.before-*"), reverse=True)
