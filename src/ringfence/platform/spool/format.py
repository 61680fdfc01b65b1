"""What a spool directory looks like on disk.

Segments are files ``%020d.seg``, counting on across restarts; a segment under construction is
``%020d.tmp``. A segment starts with a header: magic, version, the writer's random salt and the
CRC-32 of these. Then records follow: u32 length, u32 CRC-32 of the payload seeded with the salt,
payload of 1 to MAX_RECORD bytes. All integers are big-endian. The salt makes sure that no bytes
inside a payload, and no left-over of another file, can pass for a record.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from ringfence.kernel.errors import RingfenceError

MAX_RECORD = 256 * 1024
"""Largest payload of one record, in bytes."""

_HEADER = struct.Struct(">6sHI")
_CRC = struct.Struct(">I")
_FRAME = struct.Struct(">II")
_MAGIC, _VERSION = b"RFSPOL", 1
HEADER_SIZE = _HEADER.size + _CRC.size
FRAME_SIZE = _FRAME.size


class Position(NamedTuple):
    """A place between two records: segment number and byte offset in it. (0, 0) is the start."""

    segment: int
    offset: int


class SpoolError(RingfenceError):
    """The disk refused: what was appended is not durable yet."""

    code = "spool_write_failed"
    http_status = 503


class SpoolCorrupt(RingfenceError):
    """Bytes at ``position`` are no record although records follow; these start at ``resume``."""

    code = "spool_corrupt"

    def __init__(self, position: Position, resume: Position) -> None:
        super().__init__(
            f"spool segment {position.segment} is damaged at byte {position.offset}",
            details={"position": list(position), "resume": list(resume)},
        )
        self.position = position
        self.resume = resume


def segment_path(directory: Path, number: int, suffix: str = "seg") -> Path:
    return directory / f"{number:020d}.{suffix}"


def segment_numbers(directory: Path) -> list[int]:
    """Numbers of the complete segments, ascending; empty when the directory does not exist."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:20]) for name in names if len(name) == 24 and name.endswith(".seg"))


def encode_header(salt: int) -> bytes:
    header = _HEADER.pack(_MAGIC, _VERSION, salt)
    return header + _CRC.pack(crc32(header))


def decode_header(data: bytes) -> int | None:
    """The salt of a segment's first HEADER_SIZE bytes, or None when they are no header."""
    if len(data) < HEADER_SIZE or data[_HEADER.size : HEADER_SIZE] != _CRC.pack(
        crc32(data[: _HEADER.size])
    ):
        return None
    magic, version, salt = _HEADER.unpack_from(data)
    return int(salt) if (magic, version) == (_MAGIC, _VERSION) else None


def encode_frame(record: bytes, salt: int) -> bytes:
    """A record as it stands in a segment. Raises ValueError for a length it cannot have."""
    if not 0 < len(record) <= MAX_RECORD:
        raise ValueError(f"a spool record has 1 to {MAX_RECORD} bytes, not {len(record)}")
    return _FRAME.pack(len(record), crc32(record, salt)) + record


def decode_frame(data: bytes, at: int, salt: int) -> bytes | None:
    """The payload of the record that starts at ``at``, or None when none stands there in full."""
    if len(data) - at < FRAME_SIZE:
        return None
    length, crc = _FRAME.unpack_from(data, at)
    end = at + FRAME_SIZE + length
    if not 0 < length <= MAX_RECORD or end > len(data):
        return None
    payload = data[at + FRAME_SIZE : end]
    return payload if crc32(payload, salt) == crc else None


def find_frame(data: bytes, start: int, salt: int) -> int | None:
    """Offset of the first intact record at or after ``start``, or None."""
    for at in range(start, len(data) - FRAME_SIZE):
        if decode_frame(data, at, salt) is not None:
            return at
    return None
