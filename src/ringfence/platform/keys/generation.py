"""A counter that all processes of a machine read without asking: it moves when a key dies."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

_BYTES = 8


class GenerationWriter:
    """The only writer. Opening it moves the counter: what an earlier run granted is void."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.found = os.fstat(fd).st_size == _BYTES
            """Whether an earlier run since the machine's start may have granted leases."""
            if not self.found:
                os.ftruncate(fd, _BYTES)
            self._map = mmap.mmap(fd, _BYTES)
        finally:
            os.close(fd)
        self.bump()

    @property
    def value(self) -> int:
        return int.from_bytes(self._map[:_BYTES], "little")

    def bump(self) -> int:
        """Move on; every reader sees it at its next look."""
        value = self.value + 1
        self._map[:_BYTES] = value.to_bytes(_BYTES, "little")
        return value

    def close(self) -> None:
        self._map.close()


class GenerationReader:
    """Raises OSError when no writer ever ran."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, _BYTES, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)

    @property
    def value(self) -> int:
        return int.from_bytes(self._map[:_BYTES], "little")

    def close(self) -> None:
        self._map.close()
