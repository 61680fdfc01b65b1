"""Structured header values: name-addr, Via, CSeq, lists (RFC 3261 sections 20 and 25.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import (
    SipUri,
    format_params,
    parse_hostport,
    parse_params,
    parse_uri,
    unquote_pairs,
)

BRANCH_COOKIE = "z9hG4bK"
_ADDRESS = re.compile(r"[^\s<>]+")
_SENT = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+(\S.*)", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,20})\s+([A-Za-z0-9\-.!%*_+`'~]+)")


def split_list(value: str) -> list[str]:
    """Split a comma-separated header value; commas in quotes or angle brackets do not count."""
    if "," not in value:
        value = value.strip()
        return [value] if value else []
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
        display = unquote_pairs(text[1:index])
        text = text[index + 1 :].lstrip()
        if not text.startswith("<"):
            raise SipError("display name without <uri>")
    if "<" in text:
        before, _, rest = text.partition("<")
        uri, close, params = rest.partition(">")
        if not close:
            raise SipError("unterminated <uri>")
        if uri != uri.strip():
            raise SipError("white space around a URI")
        params = params.lstrip()
        if params and not params.startswith(";"):
            raise SipError("text after <uri>")
        params, display = params[1:], display or before.strip()
    else:
        uri, _, params = text.partition(";")
        if "?" in uri:
            raise SipError("address with ? needs angle brackets")
    uri = uri.strip()
    if not _ADDRESS.fullmatch(uri):
        raise SipError("malformed address")
    return NameAddr(display, uri, parse_params(params) if params else {})


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
        return text + format_params(self.params)


def parse_via(text: str) -> Via:
    """Raises SipError. White space may stand around the slashes (25.1)."""
    head, _, params = text.partition(";")
    sent = _SENT.fullmatch(head.strip())
    if sent is None:
        raise SipError("malformed Via")
    host, port = parse_hostport(sent[2])
    return Via(sent[1].upper(), host, port, parse_params(params))


def parse_cseq(text: str) -> tuple[int, str]:
    """``(number, method)``. Raises SipError; the number must be below 2**31 (8.1.1.5)."""
    found = _CSEQ.fullmatch(text)
    if found is None:
        raise SipError("malformed CSeq")
    number = int(found[1])
    if number >= 1 << 31:
        raise SipError("CSeq number out of range")
    return number, found[2]
