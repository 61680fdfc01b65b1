"""Offer and answer (RFC 3264) for one G.711 audio stream with telephone events.

What a peer's description means for us is a RemoteAudio; what we say is built from an AudioPlan.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ringfence.protocols.sdp import (
    Address,
    Attribute,
    Media,
    Origin,
    SdpError,
    SessionDescription,
    number,
)

EVENT = "telephone-event"
AUDIO_CODECS = ("PCMU", "PCMA")
_STATIC = {"0": "PCMU", "8": "PCMA"}
_PROFILE = "RTP/AVP"
FRAME_MS = 20


class NoCommonCodec(SdpError):
    """No audio stream that both sides can speak."""

    code = "no_common_codec"


class Direction(StrEnum):
    """Media direction (RFC 3264 5.1) from the point of view of whoever wrote it."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @staticmethod
    def of(*, sends: bool, receives: bool) -> Direction:
        """The direction that sends and receives so."""
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


_DIRECTIONS = frozenset(direction.value for direction in Direction)


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload format under its payload type number; all here have a clock of 8000 Hz."""

    name: str
    payload_type: int


DEFAULT_CODECS = (Codec("PCMU", 0), Codec("PCMA", 8), Codec(EVENT, 101))


@dataclass(frozen=True, slots=True)
class RemoteAudio:
    """The peer's audio stream, as far as we can speak it."""

    index: int
    """Which ``m=`` line it is."""
    host: str
    port: int
    rtcp_host: str
    rtcp_port: int
    rtcp_mux: bool
    codecs: tuple[Codec, ...]
    """In the peer's order, with the payload types that the peer wants to receive."""
    direction: Direction
    """As the peer wrote it, except that an all-zero address never receives."""

    @property
    def on_hold_address(self) -> bool:
        """Whether the address is all zero, so that it names nobody."""
        return Address(self.host).unspecified

    @property
    def audio(self) -> Codec:
        """The format to send: the peer's first."""
        return next(codec for codec in self.codecs if codec.name != EVENT)

    @property
    def event(self) -> Codec | None:
        """The format of telephone events, when the peer takes them."""
        return next((codec for codec in self.codecs if codec.name == EVENT), None)


@dataclass(frozen=True, slots=True)
class LocalAudio:
    """Our side of the stream."""

    address: Address
    port: int
    codecs: tuple[Codec, ...]
    direction: Direction = Direction.SENDRECV
    rtcp_mux: bool = False


def read_audio(description: SessionDescription) -> RemoteAudio:
    """The first audio stream of a description that we can speak.

    Raises NoCommonCodec when there is none, SdpError when its address or port cannot be used.
    """
    for index, media in enumerate(description.media):
        if media.kind != "audio" or media.port == 0 or media.protocol != _PROFILE:
            continue
        codecs = _codecs(media)
        if any(codec.name != EVENT for codec in codecs):
            return _remote(description, media, index, codecs)
    raise NoCommonCodec("no audio stream in PCMU or PCMA over RTP/AVP")


def _remote(
    description: SessionDescription, media: Media, index: int, codecs: tuple[Codec, ...]
) -> RemoteAudio:
    address = media.address or description.address
    if address is None:
        raise SdpError("the audio stream has no c= line")
    _require_ipv4(address)
    direction = _direction(description, media)
    if address.unspecified:
        direction = Direction.of(sends=direction.sends, receives=False)
    rtcp_host, rtcp_port = _rtcp(media, address)
    mux = media.get("rtcp-mux") is not None
    return RemoteAudio(
        index,
        address.host,
        media.port,
        rtcp_host,
        media.port if mux else rtcp_port,
        mux,
        codecs,
        direction,
    )


def _require_ipv4(address: Address) -> None:
    try:
        ipaddress.IPv4Address(address.host)
    except ValueError:
        raise SdpError("the audio stream's address is not an IPv4 address") from None


def _direction(description: SessionDescription, media: Media) -> Direction:
    for attributes in (media.attributes, description.attributes):
        for attribute in attributes:
            if attribute.name in _DIRECTIONS and attribute.value is None:
                return Direction(attribute.name)
    return Direction.SENDRECV


def _rtcp(media: Media, address: Address) -> tuple[str, int]:
    value = media.get("rtcp")
    if not value:
        return address.host, min(media.port + 1, 65535)
    parts = value.split()
    port = number(parts[0], 1, 65535, "the RTCP port")
    if len(parts) == 4:
        host = Address(parts[3])
        _require_ipv4(host)
        return host.host, port
    return address.host, port


def _codecs(media: Media) -> tuple[Codec, ...]:
    """The formats of a stream that we know, in its order."""
    mapped = dict(_STATIC)
    for attribute in media.attributes:
        if attribute.name == "rtpmap" and attribute.value:
            payload_type, _, encoding = attribute.value.partition(" ")
            mapped[payload_type] = _encoding_name(encoding)
    found: list[Codec] = []
    for item in media.formats:
        name = mapped.get(item)
        if name in (*AUDIO_CODECS, EVENT) and all(codec.name != name for codec in found):
            found.append(Codec(name, number(item, 0, 127, "a payload type")))
    return tuple(found)


def _encoding_name(encoding: str) -> str:
    name, _, rest = encoding.strip().partition("/")
    rate, _, channels = rest.partition("/")
    if rate != "8000" or channels not in ("", "1"):
        return ""
    return EVENT if name.lower() == EVENT else name.upper()


def common(ours: Sequence[Codec], theirs: Sequence[Codec]) -> tuple[Codec, ...]:
    """Their formats that we also take, in their order and with their payload types.

    Raises NoCommonCodec when no audio format is among them.
    """
    names = {codec.name for codec in ours}
    shared = tuple(codec for codec in theirs if codec.name in names)
    if all(codec.name == EVENT for codec in shared):
        raise NoCommonCodec("the peer offers none of the audio formats in use")
    return shared


def answer_direction(offered: Direction) -> Direction:
    """Our direction in the answer to an offer (RFC 3264 6.1): whatever the peer allows."""
    return Direction.of(sends=offered.receives, receives=offered.sends)


class DescriptionWriter:
    """Writes our descriptions of one stream; the version grows when, and only when, they change."""

    def __init__(self, session_id: int) -> None:
        self._session_id = session_id
        self._version = 1
        self._last: tuple[Address, tuple[Media, ...]] | None = None

    def write(self, local: LocalAudio, template: Sequence[Media] = (), index: int = 0) -> bytes:
        """Our stream at place ``index`` among the streams of ``template``, all others refused.

        The template is the offer that this answers, or for a re-offer the peer's last description
        (RFC 3264 section 8: streams keep their places); a first offer has none.
        """
        ours = _media(local)
        media = [_refused(item) for item in template] or [ours]
        media[index] = ours
        return self._write(local.address, tuple(media))

    def _write(self, address: Address, media: tuple[Media, ...]) -> bytes:
        content = (address, media)
        if self._last is not None and content != self._last:
            self._version += 1
        self._last = content
        origin = Origin(self._session_id, self._version, address)
        return SessionDescription(origin, address, media=media).serialise()


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats)


def _media(local: LocalAudio) -> Media:
    attributes = []
    for codec in local.codecs:
        attributes.append(Attribute("rtpmap", f"{codec.payload_type} {codec.name}/8000"))
        if codec.name == EVENT:
            attributes.append(Attribute("fmtp", f"{codec.payload_type} 0-15"))
    attributes.append(Attribute("ptime", str(FRAME_MS)))
    attributes.append(Attribute(local.direction.value))
    if local.rtcp_mux:
        attributes.append(Attribute("rtcp-mux"))
    formats = tuple(str(codec.payload_type) for codec in local.codecs)
    return Media("audio", local.port, _PROFILE, formats, None, tuple(attributes))
