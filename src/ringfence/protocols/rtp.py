"""RTP packets and reception statistics (RFC 3550 section 5.1 and appendix A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
HEADER_BYTES = _HEADER.size
MAX_DROPOUT = 3000
"""A larger step of the sequence number is a new beginning, not loss (A.1)."""
MAX_MISORDER = 100
_MAX_TRANSIT_STEP = 1 << 24
"""A larger step is the first packet, or a timestamp that wrapped or was set anew: no jitter."""
_MOD = 1 << 16


class RtpError(ValueError):
    """Not an RTP packet."""


@dataclass(frozen=True, slots=True)
class Extension:
    """Header extension; ``data`` is a multiple of four octets."""

    profile: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet, padding removed."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False
    csrc: tuple[int, ...] = ()
    extension: Extension | None = None

    def serialise(self, *, padding: int = 0) -> bytes:
        """The packet on the wire with ``padding`` octets (0-255) at its end."""
        first = 0x80 | (padding > 0) << 5 | (self.extension is not None) << 4 | len(self.csrc)
        parts = [
            _HEADER.pack(
                first,
                self.marker << 7 | self.payload_type,
                self.sequence,
                self.timestamp,
                self.ssrc,
            ),
            struct.pack(f"!{len(self.csrc)}I", *self.csrc),
        ]
        if self.extension is not None:
            words = len(self.extension.data) // 4
            parts += [_EXTENSION.pack(self.extension.profile, words), self.extension.data]
        parts.append(self.payload)
        if padding:
            parts.append(bytes(padding - 1) + bytes([padding]))
        return b"".join(parts)


def payload_span(data: bytes | bytearray | memoryview, length: int) -> tuple[int, int]:
    """Where the payload of the packet ``data[:length]`` begins and ends.

    Raises RtpError when it is no RTP packet.
    """
    if length < HEADER_BYTES or data[0] >> 6 != 2:
        raise RtpError("not an RTP version 2 packet")
    first = data[0]
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        if length < start + _EXTENSION.size:
            raise RtpError("the header extension is cut off")
        start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, start)[1]
    end = length
    if first & 0x20:
        end -= data[length - 1]
        if end == length:
            raise RtpError("padding of length zero")
    if start > end:
        raise RtpError("the packet is shorter than its header says")
    return start, end


def parse(data: bytes) -> RtpPacket:
    """Read a packet. Raises RtpError."""
    start, end = payload_span(data, len(data))
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    count = first & 0x0F
    csrc = struct.unpack_from(f"!{count}I", data, HEADER_BYTES)
    extension = None
    if first & 0x10:
        at = HEADER_BYTES + 4 * count
        profile, words = _EXTENSION.unpack_from(data, at)
        at += _EXTENSION.size
        extension = Extension(profile, data[at : at + 4 * words])
    return RtpPacket(
        second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        data[start:end],
        bool(second & 0x80),
        csrc,
        extension,
    )


class ReceptionStats:
    """What one source's packets looked like: extended sequence, loss (A.3), jitter (A.8).

    For a packet that follows its predecessor without a wrap, a fast path may set ``sequence`` and
    count ``received`` itself instead of calling ``update``.
    """

    def __init__(self, sequence: int) -> None:
        self.base = sequence
        self.sequence = sequence
        """Highest sequence number seen, 16 bits."""
        self.cycles = 0
        self.received = 0
        self.jitter = 0.0
        """Interarrival jitter in timestamp units."""
        self._transit = 0.0
        self._bad = -1
        self._expected_prior = 0
        self._received_prior = 0

    def update(self, sequence: int) -> bool:
        """Count a packet. False: it lies so far off that it must not be used (A.1)."""
        delta = (sequence - self.sequence) & 0xFFFF
        if delta < MAX_DROPOUT:
            if sequence < self.sequence:
                self.cycles += _MOD
            self.sequence = sequence
        elif delta <= _MOD - MAX_MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) & 0xFFFF
                return False
            self._restart(sequence)  # two in a row: the source began anew
        self._bad = -1
        self.received += 1
        return True

    def _restart(self, sequence: int) -> None:
        """Go on counting from a new sequence number; what was lost before stays lost."""
        lost = self.lost
        self.cycles = 0
        self.sequence = sequence
        self.base = sequence - self.received - lost

    def arrived(self, timestamp: int, arrival: float) -> None:
        """Update the jitter (A.8); ``arrival`` in timestamp units on any steady clock."""
        transit = arrival - timestamp
        difference = abs(transit - self._transit)
        if difference < _MAX_TRANSIT_STEP:
            self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    @property
    def extended(self) -> int:
        """Extended highest sequence number received."""
        return self.cycles + self.sequence

    @property
    def expected(self) -> int:
        return self.extended - self.base + 1

    @property
    def lost(self) -> int:
        """Expected minus received; negative when there were duplicates."""
        return self.expected - self.received

    def fraction_lost(self) -> int:
        """Share lost since the last call, in 1/256 (A.3): what a report block says."""
        expected = self.expected - self._expected_prior
        received = self.received - self._received_prior
        self._expected_prior = self.expected
        self._received_prior = self.received
        lost = expected - received
        if expected <= 0 or lost <= 0:
            return 0
        return min((lost << 8) // expected, 255)
