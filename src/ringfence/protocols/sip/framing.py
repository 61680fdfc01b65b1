"""Cuts SIP messages out of a byte stream (RFC 3261 section 18.3; keep-alives of RFC 5626 4.4.1)."""

from __future__ import annotations

import re

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import MAX_MESSAGE

_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:(?:\r\n)?[ \t]*([0-9]{1,6})[ \t]*(?=\r\n)", re.IGNORECASE
)
PING = b"\r\n\r\n"
PONG = b"\r\n"


class StreamFramer:
    """Feed bytes, take whole messages. ``PING`` stands for a double-CRLF keep-alive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._total = 0

    @property
    def waits(self) -> bool:
        """Whether a message has begun that is not whole yet."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """Messages completed by ``data``, in order.

        Raises SipError when the stream cannot be framed further (no or absurd Content-Length,
        headers without end): the connection must be closed. Messages before the bad place are
        returned first; the error then comes with the next call.
        """
        self._buffer += data
        units: list[bytes] = []
        try:
            while (unit := self._next()) is not None:
                units.append(unit)
        except SipError:
            if not units:
                raise
        return units

    def _next(self) -> bytes | None:
        buffer = self._buffer
        while not self._total and buffer.startswith(PONG):
            if buffer.startswith(PING):
                return self._take(4)
            if PING.startswith(buffer):
                return None  # the other half of a ping, or a lone CRLF before a message
            del buffer[:2]
        if not self._total:
            self._measure()
        if not self._total or len(buffer) < self._total:
            return None
        return self._take(self._total)

    def _measure(self) -> None:
        """Find the length of the message that the buffer starts with, once its headers end."""
        buffer = self._buffer
        end = buffer.find(PING, self._scanned)
        if end < 0:
            if len(buffer) > MAX_MESSAGE:
                raise SipError("headers too long")
            self._scanned = max(0, len(buffer) - 3)
            return
        match = _LENGTH.search(buffer, 0, end + 2)
        if match is None:
            raise SipError("no Content-Length on a stream")
        total = end + 4 + int(match[1])
        if total > MAX_MESSAGE:
            raise SipError("message too long", 513)
        self._total = total

    def _take(self, count: int) -> bytes:
        unit = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._scanned = self._total = 0
        return unit
