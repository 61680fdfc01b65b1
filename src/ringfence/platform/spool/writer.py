"""Writer of a spool: appends at once in memory, syncs in groups in one small thread."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ringfence.platform.spool.format import (
    SpoolError,
    encode_frame,
    encode_header,
    segment_numbers,
)
from ringfence.platform.spool.segment import Segment

_RETRY_SECONDS = 0.5
_MAX_BUFFERED = 64 << 20


class SpoolWriter:
    """The only writer of a directory, for use inside one event loop.

    ``checkpoint`` gives the records that make all earlier segments dispensable. It is asked, in
    the event loop, whenever a segment begins: with the first record of this writer, after
    ``segment_bytes``, and after a disk error. Its records and the new segment appear on disk
    together or not at all, so a reader that sees a segment may drop the ones before it.

    Raises SpoolError (code ``spool_in_use``) when another process writes the directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        checkpoint: Callable[[], Iterable[bytes]] = tuple,
        segment_bytes: int = 16 << 20,
        max_delay: float = 0.02,
    ) -> None:
        self.directory = directory
        self._checkpoint = checkpoint
        self._segment_bytes = segment_bytes
        self._max_delay = max_delay
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(directory)
        for leftover in directory.glob("*.tmp"):
            leftover.unlink()
        self._salt = int.from_bytes(os.urandom(4), "big")
        self._next_number = max(segment_numbers(directory), default=0) + 1
        self._segment: Segment | None = None
        self._buffer = bytearray()
        self._cut: tuple[int, bytes] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._flying: list[asyncio.Future[None]] = []
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="spool")

    def append(self, record: bytes) -> None:
        """Take a record; it is on disk within ``max_delay`` plus one sync. Never blocks.

        Raises SpoolError when a failing disk has left more than 64 MiB unwritten, ValueError for
        an empty record or one above MAX_RECORD.
        """
        if len(self._buffer) > _MAX_BUFFERED:
            raise SpoolError("the spool cannot be written and its buffer is full")
        self._buffer += encode_frame(record, self._salt)
        if self._timer is None and not self._busy:
            self._flush_after(self._max_delay)

    async def durable(self) -> None:
        """Return when everything appended before is on disk. Raises SpoolError when it is not.

        What could not be written is kept and tried again, also without another call.
        """
        if not self._buffer:
            if not self._busy:
                return
            waiters = self._flying
        else:
            waiters = self._waiters
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        if not self._busy:
            self._flush()
        await waiter

    async def rotate(self, checkpoint: Iterable[bytes]) -> None:
        """Begin a new segment with ``checkpoint``. Raises SpoolError when the disk refuses.

        Records appended before stay in the earlier segment, later ones follow the checkpoint.
        """
        self._cut = len(self._buffer), self._frames(checkpoint)
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if not self._busy:
            self._flush()
        await waiter

    async def close(self) -> None:
        """Write what is left and let go of the directory. Raises SpoolError when it cannot."""
        try:
            await self.durable()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await asyncio.get_running_loop().run_in_executor(self._executor, self._release)
            self._executor.shutdown(wait=False)

    def _release(self) -> None:
        if self._segment is not None:
            self._segment.close()
        os.close(self._lock)

    def _frames(self, records: Iterable[bytes]) -> bytes:
        return b"".join(encode_frame(record, self._salt) for record in records)

    def _flush_after(self, delay: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._cut is None and (
            self._segment is None or self._segment.size >= self._segment_bytes
        ):
            self._cut = len(self._buffer), self._frames(self._checkpoint())
        content, cut = bytes(self._buffer), self._cut
        self._buffer.clear()
        self._cut = None
        self._flying, self._waiters = self._waiters, []
        self._busy = True
        done = asyncio.get_running_loop().run_in_executor(self._executor, self._write, content, cut)
        done.add_done_callback(lambda future: self._written(content, future))

    def _written(self, content: bytes, done: asyncio.Future[None]) -> None:
        self._busy = False
        waiters, self._flying = self._flying, []
        error = done.exception()
        if error is not None:
            self._buffer[:0] = content
            if self._cut is not None:
                self._cut = self._cut[0] + len(content), self._cut[1]
        for waiter in waiters:
            if not waiter.done():
                if error is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(SpoolError(f"spool write failed: {error}"))
        if self._waiters:
            self._flush()
        elif self._buffer:
            self._flush_after(_RETRY_SECONDS if error else self._max_delay)

    def _write(self, content: bytes, cut: tuple[int, bytes] | None) -> None:
        """In the thread: make ``content`` durable, changing segments at the cut if any."""
        segment, self._segment = self._segment, None
        if cut is None:
            assert segment is not None
            segment.append(content)
            self._segment = segment
            return
        at, checkpoint = cut
        head, rest = content[:at], checkpoint + content[at:]
        if segment is not None:
            if head:
                segment.append(head)
                head = b""
            segment.close()
        self._segment = Segment.create(
            self.directory, self._next_number, encode_header(self._salt) + head + rest
        )
        self._next_number += 1


def _lock(directory: Path) -> int:
    fd = os.open(directory / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        error = SpoolError(f"another process writes the spool {directory}")
        error.code = "spool_in_use"
        raise error from None
    return fd
