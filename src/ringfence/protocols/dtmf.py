"""Telephone events (RFC 4733): a receiver that reports each digit once, and a sender."""

from __future__ import annotations

import struct
from dataclasses import dataclass

DIGITS = "0123456789*#ABCD"
_CODES = {digit: code for code, digit in enumerate(DIGITS)}
_EVENT = struct.Struct("!BBH")
END_PACKETS = 3
"""An event's last packet is sent three times (RFC 4733 2.5.1.4)."""
DEFAULT_VOLUME = 10
"""dBm0 below zero."""


class DtmfError(ValueError):
    """Not an event payload, or not a digit."""


@dataclass(frozen=True, slots=True)
class EventPayload:
    """One RFC 4733 payload; ``duration`` in timestamp units."""

    event: int
    end: bool
    volume: int
    duration: int

    def serialise(self) -> bytes:
        return _EVENT.pack(self.event, self.end << 7 | self.volume & 0x3F, self.duration)


def parse(payload: bytes | memoryview) -> EventPayload:
    """Read the first event of a payload. Raises DtmfError when it is too short."""
    if len(payload) < _EVENT.size:
        raise DtmfError("an event payload has at least four octets")
    event, flags, duration = _EVENT.unpack_from(payload)
    return EventPayload(event, bool(flags & 0x80), flags & 0x3F, duration)


def digit_code(digit: str) -> int:
    """Event code of a digit (0-9, *, #, A-D). Raises DtmfError for anything else."""
    code = _CODES.get(digit.upper())
    if code is None:
        raise DtmfError("not a DTMF digit")
    return code


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that was pressed; ``duration`` in timestamp units."""

    digit: str
    duration: int


class DtmfReceiver:
    """Turns event packets into digits, each reported once when it ends.

    A digit ends with its first end packet; when all of those are lost, with the first packet of
    another event or with ``flush`` (called when no packet of the event came for a while).
    """

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._event = 0
        self._duration = 0
        self._open = False

    @property
    def pending(self) -> bool:
        """Whether a digit has begun and not ended."""
        return self._open

    def feed(self, timestamp: int, payload: EventPayload) -> list[Digit]:
        """Digits completed by a packet with this RTP timestamp."""
        done: list[Digit] = []
        if timestamp != self._timestamp:
            if self._timestamp is not None and (timestamp - self._timestamp) & 0x8000_0000:
                return done  # a late packet of an event before the current one
            done += self.flush()
            self._timestamp = timestamp
            self._event = payload.event
            self._duration = 0
            self._open = payload.event < len(DIGITS)
        elif payload.event != self._event:
            return done
        self._duration = max(self._duration, payload.duration)
        if payload.end:
            done += self.flush()
        return done

    def flush(self) -> list[Digit]:
        """End a digit whose end packets were lost."""
        if not self._open:
            return []
        self._open = False
        return [Digit(DIGITS[self._event], self._duration)]

    def reset(self) -> None:
        """Forget the timestamps seen: the next packet belongs to another RTP stream."""
        self._timestamp = None
        self._open = False


class DtmfSender:
    """The packets of one digit, one per packet interval; every one has the same RTP timestamp.

    ``next`` gives the payload to send in this interval, None when the digit is over. The RTP
    marker belongs on the first one.
    """

    def __init__(self, digit: str, duration: int, *, interval: int = 160) -> None:
        """``duration`` and ``interval`` in timestamp units. Raises DtmfError for a bad digit."""
        self._code = digit_code(digit)
        self._total = min(max(duration, interval), 0xFFFF)
        self._interval = interval
        self._sent = 0
        self._ends = 0

    @property
    def duration(self) -> int:
        """Length of the whole event in timestamp units."""
        return self._total

    @property
    def started(self) -> bool:
        """Whether a packet has been taken."""
        return self._sent > 0

    def next(self) -> EventPayload | None:
        if self._ends == END_PACKETS:
            return None
        self._sent = min(self._sent + self._interval, self._total)
        end = self._sent == self._total
        self._ends += end
        return EventPayload(self._code, end, DEFAULT_VOLUME, self._sent)
