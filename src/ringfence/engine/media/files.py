"""WAV files to play: read and decoded once for all calls, off the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from array import array
from collections import OrderedDict
from collections.abc import Awaitable
from pathlib import Path

from ringfence.engine.media.errors import PlaySourceInvalid
from ringfence.protocols import g711, wav

CACHE_BYTES = 64 << 20
"""2.3 hours of audio."""
MAX_FILE_BYTES = 64 << 20
_PIECE = 8000
"""Samples encoded at a time: a fraction of a millisecond."""
_Version = tuple[int, int, int]
"""Inode, size and time of change: what is kept is of this version of the file."""


class AudioFiles:
    """Mu-law octets by path. The least recently played go when there are too many."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[str, tuple[_Version, bytes]] = OrderedDict()
        self._reading: dict[str, asyncio.Future[bytes]] = {}
        self.bytes = 0
        """Kept in memory."""

    def cached(self, path: str) -> bytes | None:
        """What is kept of the file as it is now. Raises PlaySourceInvalid when there is none."""
        entry = self._kept.get(path)
        if entry is None:
            return None
        if entry[0] != _version(path):
            self._forget(path)
            return None
        self._kept.move_to_end(path)
        return entry[1]

    def read(self, path: str) -> Awaitable[bytes]:
        """Read a file; whoever asks for the same one meanwhile waits for the same reading.

        Raises PlaySourceInvalid: not there, no WAV of 8 kHz mono with 16 bit or mu-law samples,
        larger than MAX_FILE_BYTES.
        """
        reading = self._reading.get(path)
        if reading is None:
            reading = asyncio.ensure_future(self._read(path))
            self._reading[path] = reading
            reading.add_done_callback(lambda _: self._reading.pop(path, None))
        return asyncio.shield(reading)

    async def _read(self, path: str) -> bytes:
        version, audio = await asyncio.to_thread(_load, path)
        self._forget(path)
        if len(audio) <= self._cache_bytes:
            self._kept[path] = (version, audio)
            self.bytes += len(audio)
            while self.bytes > self._cache_bytes:
                self._forget(next(iter(self._kept)))
        return audio

    def _forget(self, path: str) -> None:
        entry = self._kept.pop(path, None)
        if entry is not None:
            self.bytes -= len(entry[1])


def _version(path: str) -> _Version:
    try:
        status = os.stat(path)  # noqa: PTH116 - a fifth of the time of Path.stat, on the event loop
    except (OSError, ValueError):
        raise PlaySourceInvalid("the file cannot be read") from None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _load(path: str) -> tuple[_Version, bytes]:
    version = _version(path)
    if version[1] > MAX_FILE_BYTES:
        raise PlaySourceInvalid("the file is too large")
    try:
        data = Path(path).read_bytes()
        header = wav.parse(data)
    except (OSError, wav.WavError):
        raise PlaySourceInvalid("the file cannot be read as WAV") from None
    if (header.channels, header.rate) != (1, g711.RATE):
        raise PlaySourceInvalid("the file is not WAV, 8 kHz, mono")
    end = len(data) if header.data_bytes is None else header.data_start + header.data_bytes
    body = data[header.data_start : end]
    return version, _encode(body) if header.encoding is wav.Encoding.PCM16 else body


def _encode(body: bytes) -> bytes:
    samples = array("H")
    samples.frombytes(body[: len(body) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    pieces = []
    for start in range(0, len(samples), _PIECE):
        pieces.append(g711.encode_ulaw(samples[start : start + _PIECE]))
        time.sleep(0)  # lets the thread that moves packets go first
    return b"".join(pieces)
