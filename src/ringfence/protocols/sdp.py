"""Session descriptions (RFC 8866): bytes in, frozen values out, and back.

Reading is tolerant where the wire is: LF or CRLF, unknown lines skipped, missing ``s=`` or ``t=``
forgiven. Writing is strict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ringfence.kernel.errors import InvalidInput

MAX_BYTES = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
_ATTRIBUTE = re.compile(r"[!#$%&'*+\-./0-9A-Z^_`a-z{|}~]+")


class SdpError(InvalidInput):
    """The description cannot be read, or cannot be used here."""

    code = "sdp_invalid"


@dataclass(frozen=True, slots=True)
class Attribute:
    """``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """``c=IN IP4 host``; ``family`` is 4 or 6. The host may be a name."""

    host: str
    family: int = 4

    @property
    def unspecified(self) -> bool:
        """Whether this is the all-zero address, the old way to say "hold" (RFC 3264 8.4)."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=`` line: who made the description, and its version."""

    session_id: int
    version: int
    address: Address
    username: str = "-"


@dataclass(frozen=True, slots=True)
class Media:
    """One ``m=`` section."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: Address | None = None
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str) -> str | None:
        """Value of the first attribute of this name; "" when it has none, None when absent."""
        return _get(self.attributes, name)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description."""

    origin: Origin
    address: Address | None = None
    name: str = "-"
    attributes: tuple[Attribute, ...] = ()
    media: tuple[Media, ...] = ()

    def get(self, name: str) -> str | None:
        """Value of the first session-level attribute of this name, as Media.get."""
        return _get(self.attributes, name)

    def serialise(self) -> bytes:
        """The description on the wire, CRLF line ends."""
        lines = ["v=0", _origin_line(self.origin), f"s={self.name or '-'}"]
        if self.address is not None:
            lines.append(f"c={_address_text(self.address)}")
        lines.append("t=0 0")
        lines += [_attribute_line(item) for item in self.attributes]
        for media in self.media:
            formats = " ".join(media.formats)
            lines.append(f"m={media.kind} {media.port} {media.protocol} {formats}")
            if media.address is not None:
                lines.append(f"c={_address_text(media.address)}")
            lines += [_attribute_line(item) for item in media.attributes]
        return "".join(f"{line}\r\n" for line in lines).encode()


def _get(attributes: tuple[Attribute, ...], name: str) -> str | None:
    for attribute in attributes:
        if attribute.name == name:
            return attribute.value or ""
    return None


def _origin_line(origin: Origin) -> str:
    address = _address_text(origin.address)
    return f"o={origin.username} {origin.session_id} {origin.version} {address}"


def _address_text(address: Address) -> str:
    return f"IN IP{address.family} {address.host}"


def _attribute_line(attribute: Attribute) -> str:
    if attribute.value is None:
        return f"a={attribute.name}"
    return f"a={attribute.name}:{attribute.value}"


def parse(data: bytes) -> SessionDescription:
    """Read a description. Raises SdpError for anything that is none."""
    if len(data) > MAX_BYTES:
        raise SdpError("the session description is too long")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise SdpError("the session description is not UTF-8") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[0] != "v=0":
        raise SdpError("the session description does not start with v=0")
    origin: Origin | None = None
    name = "-"
    address: Address | None = None
    attributes: list[Attribute] = []
    sections: list[_Section] = []
    for line in lines[1:]:
        kind, value = line[:2], line[2:]
        if kind == "m=":
            sections.append(_Section(_parse_media(value)))
        elif kind == "a=":
            (sections[-1].attributes if sections else attributes).append(_parse_attribute(value))
        elif kind == "c=":
            if sections:
                sections[-1].address = sections[-1].address or _parse_address(value)
            else:
                address = _parse_address(value)
        elif kind == "o=" and not sections and origin is None:
            origin = _parse_origin(value)
        elif kind == "s=" and not sections:
            name = value.strip() or "-"
        elif line and line[1:2] != "=":
            raise SdpError("a line of the session description is not like x=value")
    if origin is None:
        raise SdpError("the session description has no o= line")
    media = tuple(section.value() for section in sections)
    return SessionDescription(origin, address, name, tuple(attributes), media)


class _Section:
    """An ``m=`` section while its lines are being read."""

    def __init__(self, media: Media) -> None:
        self.media = media
        self.address: Address | None = None
        self.attributes: list[Attribute] = []

    def value(self) -> Media:
        return replace(self.media, address=self.address, attributes=tuple(self.attributes))


def number(text: str, low: int, high: int, what: str) -> int:
    """A decimal number within bounds. Raises SdpError naming ``what``."""
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise SdpError(f"{what} is not a number")
    value = int(text)
    if not low <= value <= high:
        raise SdpError(f"{what} is out of range")
    return value


def _parse_origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6:
        raise SdpError("the o= line does not have six fields")
    session_id = number(parts[1], 0, 2**64 - 1, "the session id")
    version = number(parts[2], 0, 2**64 - 1, "the session version")
    return Origin(session_id, version, _parse_address(" ".join(parts[3:])), parts[0])


def _parse_address(value: str) -> Address:
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise SdpError("an address is not like IN IP4 192.0.2.1")
    return Address(parts[2].partition("/")[0], int(parts[1][2]))


def _parse_attribute(value: str) -> Attribute:
    name, colon, rest = value.partition(":")
    name = name.strip()
    if not _ATTRIBUTE.fullmatch(name):
        raise SdpError("an attribute has no valid name")
    return Attribute(name, rest.strip() if colon else None)


def _parse_media(value: str) -> Media:
    parts = value.split()
    if len(parts) < 4 or not _TOKEN.fullmatch(parts[0]):
        raise SdpError("an m= line does not have four fields")
    port = number(parts[1].partition("/")[0], 0, 65535, "a media port")
    return Media(parts[0], port, parts[2], tuple(parts[3:]))
