"""A track on disk: sealed before the first byte is written, appended to, never read."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from ringfence.engine.media.errors import TrackExists, TrackUnwritable
from ringfence.platform.keys.objects import Leaf, Sealer, customer_key
from ringfence.protocols.wav import ULAW_STREAM


def track_path(directory: Path, tenant: UUID, track: UUID) -> Path:
    """Where a track is until it is in the object store."""
    return directory / tenant.hex / track.hex


class TrackFile:
    """A sealed WAV stream of G.711 mu-law. Every method but ``write`` waits for the disk.

    The file is locked for as long as this process may still write to it: who gets the lock knows
    that nothing will follow, whether the writer finished or died.
    """

    def __init__(self, path: Path, leaf: Leaf | None, customer_keys: Sequence[str] = ()) -> None:
        """``leaf`` None: the customer's keys alone open it. Raises TrackExists, TrackUnwritable,
        UnfitName (a customer's key is none, or nobody could open it)."""
        self._sealer = Sealer(leaf, [customer_key(pem.encode()) for pem in customer_keys])
        self._path = path
        self.bytes = 0
        """On disk."""
        try:
            for folder in (path.parent.parent, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = _create(path)
        except OSError:
            raise TrackUnwritable("the track's file cannot be made") from None
        try:
            self._append(self._sealer.header)
        except OSError:
            self.discard()
            raise TrackUnwritable("the track's file cannot be written") from None
        self._sealer.update(ULAW_STREAM)

    def write(self, samples: bytes) -> None:
        """Take samples; a chunk that they complete goes to the file. Raises OSError."""
        self._append(self._sealer.update(samples))

    def finish(self) -> None:
        """Write the last chunk, and return when all is on disk. Raises OSError."""
        try:
            self._append(self._sealer.finish())
            os.fsync(self._fd)
        finally:
            self.close()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Leave the file as it is: cut off, readable up to its last chunk."""
        os.close(self._fd)

    def discard(self) -> None:
        """Take back a track that never began."""
        self.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self.bytes += written
            view = view[written:]


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except FileExistsError:
        raise TrackExists("the track has a file") from None
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd
