"""WAV headers of telephone audio (Microsoft RIFF, "Multimedia Data Standards Update" 1994).

A stream's header is written before its length is known: sizes are 0xFFFFFFFF, which players read as
"until the end of the file".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

UNKNOWN = 0xFFFF_FFFF
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_MAX_HEADER = 1 << 16
"""Whoever puts more in front of the samples is not read."""


class Encoding(IntEnum):
    """Format tags."""

    PCM16 = 1
    """Linear, signed, 16 bit, little-endian."""
    ULAW = 7
    """G.711 mu-law, 8 bit."""

    @property
    def sample_bytes(self) -> int:
        return 2 if self is Encoding.PCM16 else 1


class WavError(ValueError):
    """Not a WAV file that can be read here."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What stands in front of the samples."""

    encoding: Encoding
    channels: int
    rate: int
    """Samples a second and channel."""
    data_start: int
    """Where the samples begin, in bytes from the start of the file."""
    data_bytes: int | None
    """None: until the end."""


def header(
    encoding: Encoding, data_bytes: int | None, *, channels: int = 1, rate: int = 8000
) -> bytes:
    """The header of ``data_bytes`` bytes of samples; None for a stream.

    An odd number of bytes is to be followed by one zero byte. Raises WavError for more than a RIFF
    file holds (4 GiB).
    """
    frame = channels * encoding.sample_bytes
    fields = _FORMAT.pack(encoding, channels, rate, rate * frame, frame, 8 * encoding.sample_bytes)
    if encoding is Encoding.PCM16:
        body = _chunk(b"fmt ", fields)
    else:  # any other encoding has an extension size and states its number of samples
        samples = UNKNOWN if data_bytes is None else data_bytes // frame
        body = _chunk(b"fmt ", fields + b"\0\0") + _chunk(b"fact", samples.to_bytes(4, "little"))
    if data_bytes is None:
        size = data_bytes = UNKNOWN
    else:
        size = 4 + len(body) + _CHUNK.size + data_bytes + data_bytes % 2
        if size >= UNKNOWN:
            raise WavError("too long for a WAV file")
    return _RIFF.pack(b"RIFF", size, b"WAVE") + body + _CHUNK.pack(b"data", data_bytes)


def parse(data: bytes) -> WavHeader:
    """Read the header at the start of ``data``, which need not be the whole file.

    Raises WavError.
    """
    if len(data) < _RIFF.size:
        raise WavError("the header is cut off")
    riff, _, wave = _RIFF.unpack_from(data)
    if (riff, wave) != (b"RIFF", b"WAVE"):
        raise WavError("not a WAV file")
    found: tuple[Encoding, int, int] | None = None
    at = _RIFF.size
    while at <= min(len(data) - _CHUNK.size, _MAX_HEADER):
        name, size = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if name == b"data":
            if found is None:
                raise WavError("samples without a format")
            return WavHeader(*found, at, None if size == UNKNOWN else size)
        if name == b"fmt ":
            found = _format(data[at : at + size])
        at += size + size % 2
    raise WavError("the header is cut off")


def _chunk(name: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(name, len(body)) + body


def _format(data: bytes) -> tuple[Encoding, int, int]:
    if len(data) < _FORMAT.size:
        raise WavError("the format is cut off")
    tag, channels, rate, _, _, bits = _FORMAT.unpack_from(data)
    if tag not in (Encoding.PCM16, Encoding.ULAW):
        raise WavError("neither linear PCM nor mu-law")
    encoding = Encoding(tag)
    if bits != 8 * encoding.sample_bytes or not channels or not rate:
        raise WavError("not of a sample size, rate or number of channels that is read here")
    return encoding, channels, rate


ULAW_STREAM = header(Encoding.ULAW, None)
"""What a recorded track begins with: G.711 mu-law, 8 kHz, mono, length unknown."""
