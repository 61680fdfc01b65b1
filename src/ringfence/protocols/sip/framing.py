"""Cuts SIP messages out of a byte stream (RFC 3261 section 18.3; keep-alives of RFC 5626 4.4.1)."""

from __future__ import annotations

import re

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import MAX_MESSAGE

_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*(?=\r\n)", re.IGNORECASE
)
PING = b"\r\n\r\n"
PONG = b"\r\n"


class StreamFramer:
    """Feed bytes, take whole messages. ``PING`` stands for a double-CRLF keep-alive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Messages completed by ``data``, in order.

        Raises SipError when the stream cannot be framed further (no or absurd Content-Length, headers
        without end): the connection must be closed.
        """
        buffer = self._buffer
        buffer += data
        units: list[bytes] = []
        while buffer:
            if buffer.startswith(b"\r\n"):
                if buffer.startswith(PING):
                    del buffer[:4]
                    units.append(PING)
                    continue
                if len(buffer) < 4 and bytes(buffer) in (b"\r\n", b"\r\n\r"):
                    break  # the other half of a ping, or a lone CRLF before a message
                del buffer[:2]
                continue
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_MESSAGE:
                    raise SipError("headers too long")
                break
            match = _LENGTH.search(buffer, 0, end + 2)
            if match is None:
                raise SipError("no Content-Length on a stream")
            total = end + 4 + int(match.group(1))
            if total > MAX_MESSAGE:
                raise SipError("message too long", 513)
            if len(buffer) < total:
                break
            units.append(bytes(buffer[:total]))
            del buffer[:total]
        return units
