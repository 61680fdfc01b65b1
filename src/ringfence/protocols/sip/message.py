"""SIP requests and responses as values, their parser and their serialiser (RFC 3261 section 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.values import (
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_via,
    split_list,
)

COMPACT = {
    "i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length",
    "c": "Content-Type", "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via",
    "o": "Event", "r": "Refer-To", "b": "Referred-By", "x": "Session-Expires", "y": "Identity",
    "u": "Allow-Events", "a": "Accept-Contact", "j": "Reject-Contact", "d": "Request-Disposition",
}  # fmt: skip
_USUAL = frozenset(
    (
        *COMPACT.values(), "Allow", "CSeq", "Max-Forwards", "Record-Route", "Route", "User-Agent",
    )
)  # fmt: skip
"""Names, as they are usually written, that need no look at their characters."""
METHODS = frozenset(
    (
        "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "MESSAGE", "INFO", "PRACK",
        "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH",
    )
)  # fmt: skip
"""Those that IANA has; a request with another is one that nobody implements."""
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_REQUEST_URI = re.compile(r"[^\s<>\"]+")
FOLD = re.compile(r"\r\n[ \t]+")
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\r\n")
_ONCE = frozenset(
    ("call-id", "content-length", "content-type", "cseq", "from", "max-forwards", "to")
)
MAX_HEADERS = 256
_MAX_HOPS = 70
MAX_MESSAGE = 65_535

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued",
    183: "Session Progress", 200: "OK", 202: "Accepted", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 491: "Request Pending", 493: "Undecipherable",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported",
    513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
    604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


class Headers:
    """Header fields in order; names compare without case, compact forms are expanded."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = [(n.lower(), n, v) for n, v in items]

    def get(self, name: str) -> str | None:
        """First value of this name, or None."""
        key = name.lower()
        for item in self._items:
            if item[0] == key:
                return item[2]
        return None

    def get_all(self, name: str) -> list[str]:
        """Every field value of this name as it was written, one entry a header line."""
        key = name.lower()
        return [item[2] for item in self._items if item[0] == key]

    def values(self, name: str) -> list[str]:
        """Every value of this name, comma lists split."""
        return [part for value in self.get_all(name) for part in split_list(value)]

    def add(self, name: str, value: str) -> None:
        self._items.append((name.lower(), name, value))

    def prepend(self, name: str, value: str) -> None:
        self._items.insert(0, (name.lower(), name, value))

    def replace_top(self, name: str, value: str) -> None:
        """Put ``value`` where the first value of this name stands, list mates left alone."""
        key = name.lower()
        for index, (found, written, old) in enumerate(self._items):
            if found == key:
                rest = split_list(old)[1:]
                self._items[index] = (key, written, ", ".join([value, *rest]))
                return

    def set(self, name: str, value: str) -> None:
        """Replace all fields of this name by one."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> None:
        key = name.lower()
        self._items = [item for item in self._items if item[0] != key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


class Message:
    """What requests and responses share. Parsed values are cached: edit headers before reading."""

    __slots__ = ("_cseq", "_from", "_to", "_via", "body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: tuple[int, str] | None = None

    def _required(self, name: str) -> str:
        value = self.headers.get(name)
        if value is None:
            raise SipError(f"missing {name}")
        return value

    @property
    def call_id(self) -> str:
        return self._required("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """(number, method)"""
        if self._cseq is None:
            self._cseq = parse_cseq(self._required("cseq"))
        return self._cseq

    @property
    def from_(self) -> NameAddr:
        if self._from is None:
            self._from = parse_name_addr(self._required("from"))
        return self._from

    @property
    def to(self) -> NameAddr:
        if self._to is None:
            self._to = parse_name_addr(self._required("to"))
        return self._to

    @property
    def via(self) -> Via:
        """The topmost Via."""
        if self._via is None:
            line = self._required("via")
            values = split_list(line) if "," in line else [line]
            if not 0 < len(values) <= _MAX_HOPS:
                raise SipError("malformed Via")
            self._via, *_ = [parse_via(value) for value in values]
        return self._via

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, or None."""
        values = self.headers.values("contact")
        return parse_name_addr(values[0]) if values else None

    def start_line(self) -> str:
        raise NotImplementedError

    def serialise(self) -> bytes:
        """The message as bytes; Content-Length is always written from the body.

        Raises SipError 500 when a value holds CR, LF or NUL: it would end the field and inject
        others.
        """
        lines = [self.start_line()]
        for key, name, value in self.headers._items:
            if key != "content-length":
                lines.append(f"{name}: {value}")
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        head = "\r\n".join(lines)
        ends = len(lines) + 1
        if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
            raise SipError("control character in a header value", 500)
        try:
            return head.encode("utf-8", "surrogateescape") + self.body
        except UnicodeEncodeError as error:
            raise SipError("header value cannot be encoded", 500) from error


class Request(Message):
    """A SIP request."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def response(self, status: int, reason: str = "", *, to_tag: str | None = None) -> Response:
        """A response with the fields that must be copied (8.2.6.2)."""
        headers = Headers()
        for value in self.headers.get_all("via"):
            headers.add("Via", value)
        headers.add("From", self._required("from"))
        to = self._required("to")
        if to_tag is not None and self.to.tag is None:
            to += f";tag={to_tag}"
        headers.add("To", to)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", self._required("cseq"))
        return Response(status, reason or REASONS.get(status, "Unknown"), headers)


class Response(Message):
    """A SIP response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


def parse_message(data: bytes) -> Request | Response:
    """Parse one whole message (a datagram, or one unit that framing cut from a stream).

    Raises SipError for syntax, and never anything else. Bytes beyond Content-Length are dropped, a
    shorter body is an error (18.3). The mandatory fields are present and well-formed afterwards,
    and those that may stand once stand once. Control characters are refused everywhere in the
    header, also as a quoted pair, where the grammar would let them pass: values go on to others.
    """
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise SipError("no end of headers")
    ends = head.count(b"\r\n")
    if head.count(b"\r") != ends or head.count(b"\n") != ends:
        raise SipError("line end inside a line")
    if len(head.translate(None, _CONTROLS)) != len(head):
        raise SipError("control character in the header")
    start, _, fields = head.decode("utf-8", "surrogateescape").partition("\r\n")
    headers = Headers(_parse_fields(fields))
    once = [key for key, _, _ in headers._items if key in _ONCE]
    if len(once) != len(set(once)):
        raise SipError("header field repeated")
    length_text = headers.get("content-length")
    if length_text is not None:
        if not (length_text.isascii() and length_text.isdigit()) or len(length_text) > 9:
            raise SipError("malformed Content-Length")
        length = int(length_text)
        if length > len(body):
            raise SipError("body shorter than Content-Length")
        body = body[:length]
    message = _parse_start(start, headers, body)
    number_method = message.cseq[1]
    if isinstance(message, Request) and number_method != message.method:
        raise SipError("CSeq method does not match")
    _ = message.call_id, message.from_, message.to, message.via
    return message


def _parse_fields(text: str) -> list[tuple[str, str]]:
    if text[:1] in (" ", "\t"):
        raise SipError("folded line without a field")
    if "\r\n " in text or "\r\n\t" in text:
        text = FOLD.sub(" ", text)
    fields: list[tuple[str, str]] = []
    for line in text.split("\r\n", MAX_HEADERS):
        name, colon, value = line.partition(":")
        if name not in _USUAL:
            name = name.rstrip(" \t")
            if not TOKEN.fullmatch(name):
                raise SipError("malformed header field")
            if len(name) == 1:
                name = COMPACT.get(name.lower(), name)
        if not colon:
            raise SipError("malformed header field")
        fields.append((name, value.strip(" \t")))
    if len(fields) > MAX_HEADERS:
        raise SipError("too many header fields")
    return fields


def _parse_start(start: str, headers: Headers, body: bytes) -> Request | Response:
    first, space, rest = start.partition(" ")
    if first.upper() == "SIP/2.0":
        code, _, reason = rest.partition(" ")
        if len(code) != 3 or not code.isascii() or not code.isdigit() or not 100 <= int(code) < 700:
            raise SipError("malformed status line")
        return Response(int(code), reason, headers, body)
    uri, space, version = rest.rpartition(" ")
    if not space or not TOKEN.fullmatch(first) or not _REQUEST_URI.fullmatch(uri):
        raise SipError("malformed request line")
    if version.upper() != "SIP/2.0":
        raise SipError("unsupported SIP version", 505 if version[:4].upper() == "SIP/" else 400)
    return Request(first, uri, headers, body)
