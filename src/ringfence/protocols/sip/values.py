"""Structured header values: name-addr, Via, CSeq, lists (RFC 3261 sections 20 and 25.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import SipUri, parse_hostport, parse_params, parse_uri

BRANCH_COOKIE = "z9hG4bK"


def split_list(value: str) -> list[str]:
    """Split a comma-separated header value; commas in quotes or angle brackets do not count."""
    if "," not in value:
        return [value.strip()]
    parts: list[str] = []
    start, quoted, angle, escaped = 0, False, False, False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            if char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            angle = True
        elif char == ">":
            angle = False
        elif char == "," and not angle:
            parts.append(value[start:index].strip())
            start = index + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


@dataclass(frozen=True)
class NameAddr:
    """``"Display" <uri>;params`` of From, To, Contact, Route, Record-Route."""

    display: str
    uri_text: str
    params: dict[str, str | None] = field(default_factory=dict)

    @cached_property
    def uri(self) -> SipUri:
        """Parsed on first use. Raises SipError."""
        return parse_uri(self.uri_text)

    @property
    def tag(self) -> str | None:
        return self.params.get("tag")


def parse_name_addr(text: str) -> NameAddr:
    """Raises SipError. Without angle brackets, parameters belong to the header (20.10)."""
    text = text.strip()
    display = ""
    if text.startswith('"'):
        index, escaped = 1, False
        while index < len(text) and (escaped or text[index] != '"'):
            escaped = not escaped and text[index] == "\\"
            index += 1
        if index >= len(text):
            raise SipError("unterminated display name")
        display = text[1:index].replace('\\"', '"').replace("\\\\", "\\")
        text = text[index + 1 :].lstrip()
        if not text.startswith("<"):
            raise SipError("display name without <uri>")
    if "<" in text:
        before, _, rest = text.partition("<")
        uri, close, params = rest.partition(">")
        if not close:
            raise SipError("unterminated <uri>")
        params = params.lstrip()
        if params and not params.startswith(";"):
            raise SipError("text after <uri>")
        return NameAddr(
            display or before.strip(), uri.strip(), parse_params(params[1:]) if params else {}
        )
    uri, _, params = text.partition(";")
    if not uri:
        raise SipError("empty address")
    return NameAddr(display, uri.strip(), parse_params(params) if params else {})


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value."""

    transport: str
    host: str
    port: int | None
    params: dict[str, str | None]

    @property
    def branch(self) -> str | None:
        return self.params.get("branch")

    def __str__(self) -> str:
        text = f"SIP/2.0/{self.transport} {self.host}"
        if self.port is not None:
            text += f":{self.port}"
        for name, value in self.params.items():
            text += f";{name}" if value is None else f";{name}={value}"
        return text


def parse_via(text: str) -> Via:
    """Raises SipError."""
    head, _, params = text.partition(";")
    protocol, _, sent_by = head.strip().partition(" ")
    if not sent_by:
        # white space may stand around the slashes (25.1)
        compact = head.replace(" /", "/").replace("/ ", "/").replace("\t", " ").strip()
        protocol, _, sent_by = compact.partition(" ")
    pieces = protocol.split("/")
    if len(pieces) != 3:
        pieces = [piece.strip() for piece in head.split("/")]
        if len(pieces) != 3:
            raise SipError("malformed Via")
        transport, _, sent_by = pieces[2].partition(" ")
        pieces[2] = transport
    if pieces[0].strip().upper() != "SIP" or pieces[1].strip() != "2.0" or not sent_by.strip():
        raise SipError("malformed Via")
    host, port = parse_hostport(sent_by)
    return Via(pieces[2].strip().upper(), host, port, parse_params(params))


def parse_cseq(text: str) -> tuple[int, str]:
    """``(number, method)``. Raises SipError; the number must be below 2**31 (8.1.1.5)."""
    parts = text.split()
    if len(parts) != 2 or not (parts[0].isascii() and parts[0].isdigit()):
        raise SipError("malformed CSeq")
    number = int(parts[0])
    if number >= 1 << 31:
        raise SipError("CSeq number out of range")
    return number, parts[1]
