"""Rendered speech on disk: whole files or none, the least recently used go first."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

from ringfence.kernel.clock import Clock
from ringfence.protocols import wav

_DRAFT = ".draft"
_IN_USE_MICROS = 60_000_000
"""Whoever was given a file has so long to begin to play it."""


class SpeechCache:
    """Files ``<key>.wav``: mu-law, 8 kHz, mono. Used by one process; ``put`` waits for the disk.

    The time of access, set at each use, is when a file was last wanted; it outlives the process.
    """

    def __init__(self, directory: Path, max_bytes: int, clock: Clock) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._clock = clock
        self._files: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """Size and microseconds of the last use by key, the least recent first."""
        self._lock = threading.Lock()
        self.bytes = 0

    def open(self) -> None:
        """Find what is there, and clear away what a killed process began. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        for path in self._directory.iterdir():
            if path.suffix == _DRAFT:
                path.unlink()
            elif path.suffix == ".wav":
                status = path.stat()
                found.append((status.st_atime_ns // 1000, status.st_size, path.stem))
        for used, size, key in sorted(found):
            self._files[key] = (size, used)
            self.bytes += size
        self._evict()

    def path(self, key: str) -> Path:
        """Where the file of a key is, if there is one."""
        return self._directory / f"{key}.wav"

    def get(self, key: str) -> int | None:
        """How many octets of audio there are; None when there is no such file."""
        with self._lock:
            entry = self._files.get(key)
            if entry is None:
                return None
            path, used = self.path(key), self._clock.micros()
            try:
                os.utime(path, ns=(used * 1000, path.stat().st_mtime_ns))
            except OSError:  # somebody took it away
                self._forget(key)
                return None
            self._files[key] = (entry[0], used)
            self._files.move_to_end(key)
            return entry[0] - len(wav.ULAW_STREAM)

    def put(self, key: str, octets: bytes) -> bool:
        """Keep whole frames of audio; False when they are more than may be kept. Raises OSError."""
        data = wav.header(wav.Encoding.ULAW, len(octets)) + octets
        if len(data) > self._max_bytes:
            return False
        draft = self._directory / f"{key}{_DRAFT}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            draft.rename(self.path(key))
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        with self._lock:
            self._forget(key)
            self._files[key] = (len(data), self._clock.micros())
            self.bytes += len(data)
            self._evict()
        return True

    def _evict(self) -> None:
        while self.bytes > self._max_bytes and self._files:
            key, (_, used) = next(iter(self._files.items()))
            if self._clock.micros() - used < _IN_USE_MICROS:
                return
            self.path(key).unlink(missing_ok=True)
            self._forget(key)

    def _forget(self, key: str) -> None:
        entry = self._files.pop(key, None)
        if entry is not None:
            self.bytes -= entry[0]
