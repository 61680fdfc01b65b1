"""SIP messages as the demo phone reads and writes them (RFC 3261 section 7).

Written apart from the engine's parser on purpose: what checks the engine must not share its errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
}
_REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


class MalformedMessage(ValueError):
    """The bytes are no SIP message."""


@dataclass
class Message:
    """One request (``method``, ``uri``) or response (``status``, ``reason``)."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def is_request(self) -> bool:
        return not self.status

    def get(self, name: str) -> str:
        """First value of a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        """Every line of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method; (0, "") when missing or malformed."""
        match = re.match(r"(\d+)\s+(\S+)", self.get("cseq"))
        return (int(match[1]), match[2]) if match else (0, "")

    @property
    def branch(self) -> str:
        return parameter(split_values(self.get("via"))[0], "branch") if self.get("via") else ""

    def to_bytes(self) -> bytes:
        if self.is_request:
            lines = [f"{self.method} {self.uri} SIP/2.0"]
        else:
            lines = [f"SIP/2.0 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


def parse(data: bytes) -> Message:
    """One whole message. Raises MalformedMessage."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise MalformedMessage("no empty line after the headers")
    lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
    message = Message(body=body)
    response = re.fullmatch(r"SIP/2\.0 (\d{3}) ?(.*)", lines[0])
    request = re.fullmatch(r"([A-Z]+) (\S+) SIP/2\.0", lines[0])
    if response:
        message.status, message.reason = int(response[1]), response[2]
    elif request:
        message.method, message.uri = request[1], request[2]
    else:
        raise MalformedMessage("the first line is neither a request nor a response")
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedMessage("a header line without a colon")
        name = name.strip()
        message.headers.append((_COMPACT.get(name.lower(), name), value.strip()))
    length = message.get("content-length")
    if length:
        if not length.isdigit() or int(length) > len(body):
            raise MalformedMessage("the body is shorter than Content-Length")
        message.body = body[: int(length)]
    message.headers = [item for item in message.headers if item[0].lower() != "content-length"]
    return message


def split_stream(buffer: bytearray) -> list[bytes]:
    """Take the whole messages off the front of a TCP byte stream (RFC 3261 section 18.3)."""
    found: list[bytes] = []
    while True:
        while buffer[:2] == b"\r\n":  # keep-alive
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return found
        match = re.search(rb"\r\n(?:content-length|l)\s*:\s*(\d+)", buffer[:end], re.IGNORECASE)
        total = end + 4 + (int(match[1]) if match else 0)
        if len(buffer) < total:
            return found
        found.append(bytes(buffer[:total]))
        del buffer[:total]


def respond(request: Message, status: int, *, to_tag: str = "") -> Message:
    """The response to a request with the headers RFC 3261 section 8.2.6.2 copies."""
    response = Message(status=status, reason=_REASONS.get(status, "Unknown"))
    for name in ("Via", "Record-Route"):
        response.headers += [(name, value) for value in request.all(name)]
    to = request.get("to")
    if to_tag and not parameter(to, "tag"):
        to = f"{to};tag={to_tag}"
    response.headers += [
        ("From", request.get("from")),
        ("To", to),
        ("Call-ID", request.call_id),
        ("CSeq", request.get("cseq")),
    ]
    return response


def parameter(value: str, name: str) -> str:
    """A ``;name=value`` parameter of a header value, outside of ``<>``; empty when missing."""
    tail = value.rpartition(">")[2]
    match = re.search(rf";\s*{re.escape(name)}\s*=\s*\"?([^;,\s\"]*)", tail, re.IGNORECASE)
    return match[1] if match else ""


def address_uri(value: str) -> str:
    """The URI of a From, To, Contact or Route value."""
    match = re.search(r"<([^>]*)>", value)
    return match[1] if match else value.split(";")[0].strip()


def uri_parts(uri: str) -> tuple[str, str, int, str]:
    """User, host, port (5060 when absent) and transport of a sip URI."""
    match = re.match(r"sips?:(?:([^@;]*)@)?([^:;?>]+)(?::(\d+))?(.*)", uri)
    if not match:
        raise MalformedMessage("not a sip URI")
    transport = re.search(r";transport=(\w+)", match[4], re.IGNORECASE)
    return (
        match[1] or "",
        match[2],
        int(match[3] or 5060),
        transport[1].lower() if transport else "udp",
    )


def split_values(text: str) -> list[str]:
    """Split a header value at the commas that stand outside quotes and ``<>``."""
    parts = re.findall(r"(?:\"(?:\\.|[^\"])*\"|<[^>]*>|[^,\"<])+", text)
    return [part.strip() for part in parts] or [""]
