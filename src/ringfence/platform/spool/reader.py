"""Reader of a spool, in any process, also while the writer appends. Blocking."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ringfence.platform.spool.format import (
    FRAME_SIZE,
    HEADER_SIZE,
    MAX_RECORD,
    Position,
    SpoolCorrupt,
    decode_frame,
    decode_header,
    find_frame,
    segment_numbers,
    segment_path,
)

_CHUNK = 4 * (MAX_RECORD + FRAME_SIZE)


class SpoolReader:
    """Reads records in the order in which they were appended; holds at most one file open."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._number = 0
        self._fd: int | None = None
        self._salt = 0

    def read(self, position: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Up to ``limit`` records after ``position``, each with the position behind it.

        An empty list means that nothing more is there yet. Whatever is returned is on disk, even
        if its writer has not synced it yet. A segment's incomplete end, as a crash leaves it, is
        passed over once a later segment exists.

        Raises SpoolCorrupt at a damaged place that intact records follow; reading may go on at its
        ``resume``.
        """
        found: list[tuple[Position, bytes]] = []
        while len(found) < limit:
            numbers = segment_numbers(self.directory)  # before reading: all but the last are final
            number = next((n for n in numbers if n >= position.segment), None)
            if number is None:
                break
            offset = position.offset if number == position.segment else 0
            try:
                self._read_segment(Position(number, offset), limit, found)
            except SpoolCorrupt:
                if found:
                    break  # the next call, starting there, meets it again
                raise
            if number == numbers[-1]:
                break
            position = Position(number + 1, 0)
        return found

    def delete_before(self, position: Position) -> None:
        """Remove the segments that lie wholly before ``position``; never the newest one."""
        for number in segment_numbers(self.directory)[:-1]:
            if number < position.segment:
                with contextlib.suppress(FileNotFoundError):
                    segment_path(self.directory, number).unlink()

    def close(self) -> None:
        """Let go of the open file. Reading again opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read_segment(
        self, position: Position, limit: int, found: list[tuple[Position, bytes]]
    ) -> None:
        """Append the segment's records to ``found``, up to its end or the limit."""
        fd = self._open(position.segment)
        if fd is None:
            return
        offset = max(position.offset, HEADER_SIZE)
        start, at, data = offset, -1, b""
        while at != 0 and len(found) < limit:
            data = os.pread(fd, _CHUNK, offset)
            at = 0
            while len(found) < limit and (record := decode_frame(data, at, self._salt)) is not None:
                at += FRAME_SIZE + len(record)
                found.append((Position(position.segment, offset + at), record))
            offset += at
        if offset > start:
            os.fdatasync(fd)
        if data and at == 0:
            self._check_damage(fd, Position(position.segment, offset))

    def _check_damage(self, fd: int, position: Position) -> None:
        """Raise SpoolCorrupt unless nothing intact follows: then it is an incomplete end."""
        data = os.pread(fd, os.fstat(fd).st_size - position.offset, position.offset)
        at = find_frame(data, 0, self._salt)
        if at:  # 0: its writer has completed it meanwhile
            raise SpoolCorrupt(position, Position(position.segment, position.offset + at))

    def _open(self, number: int) -> int | None:
        if self._fd is not None and self._number == number:
            return self._fd
        self.close()
        try:
            fd = os.open(segment_path(self.directory, number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None  # deleted meanwhile
        salt = decode_header(os.pread(fd, HEADER_SIZE, 0))
        if salt is None:
            os.close(fd)
            raise SpoolCorrupt(Position(number, 0), Position(number + 1, 0))
        self._fd, self._number, self._salt = fd, number, salt
        return fd
