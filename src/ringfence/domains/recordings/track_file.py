"""Where sealed tracks are, and what their structure tells without a key.

The format is that of platform.keys.objects. The plaintext is a WAV stream of G.711 mu-law.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

from ringfence.platform.keys.crypto import TAG_BYTES
from ringfence.platform.keys.names import day_date
from ringfence.platform.settings import StorageSettings
from ringfence.platform.storage import ObjectStore, open_store
from ringfence.protocols.wav import ULAW_STREAM

_LAST = 1 << 31
_WRAP_HEAD = 1 + 32 + 2
_PREFIX_BYTES = 7


@dataclass(frozen=True, slots=True)
class Inspection:
    """What of a sealed track can be opened."""

    bytes: int
    samples: int
    complete: bool
    """Its last chunk is there."""
    writing: bool
    """Its writer lives and may add to it."""


def object_store() -> ObjectStore:
    """Where this installation keeps objects."""
    return _store(settings.RINGFENCE.storage_url, settings.RINGFENCE.storage)


@lru_cache(4)
def _store(url: str, options: StorageSettings) -> ObjectStore:
    return open_store(url, options)


def object_key(tenant: UUID, track: UUID, day: int) -> str:
    """The object that keeps a track; ``day`` is that of its bucket."""
    return f"{tenant.hex}/tracks/{day_date(day):%Y/%m/%d}/{track.hex}"


def local_path(tenant: UUID, track: UUID) -> Path:
    """The file that media writes a track to."""
    folder: Path = settings.RINGFENCE.track_dir
    return folder / tenant.hex / track.hex


def inspect(path: Path) -> Inspection:
    """Look at a track's chunks. Raises OSError; a damaged one counts up to its damage."""
    with path.open("rb") as file:
        writing = _locked(file)
        size = path.stat().st_size
        plain, complete = _chunks(file, size) if _skip_header(file) else (0, False)
    return Inspection(size, max(0, plain - len(ULAW_STREAM)), complete, writing)


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _skip_header(file: BinaryIO) -> bool:
    head = file.read(2)
    if len(head) < 2 or head[0] != 1:
        return False
    for _ in range(head[1]):
        wrap = file.read(_WRAP_HEAD)
        if len(wrap) < _WRAP_HEAD:
            return False
        file.seek(int.from_bytes(wrap[-2:], "big"), 1)
    return len(file.read(_PREFIX_BYTES)) == _PREFIX_BYTES


def _chunks(file: BinaryIO, size: int) -> tuple[int, bool]:
    plain = 0
    while len(head := file.read(4)) == 4:
        stated = int.from_bytes(head, "big")
        length = stated & ~_LAST
        end = file.seek(length, 1)
        if length < TAG_BYTES or end > size:
            break
        plain += length - TAG_BYTES
        if stated & _LAST:
            return plain, end == size
    return plain, False
