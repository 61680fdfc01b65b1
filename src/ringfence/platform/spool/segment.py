"""The segment that is being written. Blocking; used by one thread at a time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ringfence.platform.spool.format import segment_path


class Segment:
    """An open segment file; whatever ``append`` returned from is on disk."""

    def __init__(self, number: int, fd: int, size: int) -> None:
        self.number = number
        self.size = size
        self._fd = fd

    @classmethod
    def create(cls, directory: Path, number: int, content: bytes) -> Segment:
        """Make a segment appear with ``content`` in it: complete and durable, or not at all."""
        temporary = segment_path(directory, number, "tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, content)
            os.fdatasync(fd)
            temporary.rename(segment_path(directory, number))
            _sync_directory(directory)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        return cls(number, fd, len(content))

    def append(self, content: bytes) -> None:
        """Write and sync. After an OSError the segment is cut back and must not be used again."""
        try:
            _write_all(self._fd, content)
            os.fdatasync(self._fd)
        except OSError:
            # After a failed sync the kernel may drop the pages and report success next time,
            # so the caller has to write the content again elsewhere.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
            self.close()
            raise
        self.size += len(content)

    def close(self) -> None:
        os.close(self._fd)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
