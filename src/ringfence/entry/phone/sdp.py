"""The few lines of SDP that the demo phone speaks (RFC 8866, RFC 3264): one G.711 audio stream."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
TELEPHONE_EVENT = 101
_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True)
class Session:
    """Where one side wants its audio, what it can decode, and which way it flows."""

    host: str
    port: int
    codecs: tuple[str, ...]
    direction: str = "sendrecv"
    events: int | None = TELEPHONE_EVENT
    """Payload type of telephone-event; None when not offered."""


def build(session: Session, version: int, session_id: int) -> bytes:
    """The SDP text. ``version`` rises with every change (RFC 3264 section 8)."""
    types = [str(PAYLOAD_TYPES[codec]) for codec in session.codecs]
    lines = [f"a=rtpmap:{PAYLOAD_TYPES[codec]} {codec}/8000" for codec in session.codecs]
    if session.events is not None:
        types.append(str(session.events))
        lines.append(f"a=rtpmap:{session.events} telephone-event/8000")
        lines.append(f"a=fmtp:{session.events} 0-16")
    head = [
        "v=0",
        f"o=phone {session_id} {version} IN IP4 {session.host}",
        "s=-",
        f"c=IN IP4 {session.host}",
        "t=0 0",
        f"m=audio {session.port} RTP/AVP {' '.join(types)}",
    ]
    return "\r\n".join([*head, *lines, "a=ptime:20", f"a={session.direction}", ""]).encode()


def parse(body: bytes) -> Session | None:
    """The audio stream of an offer or answer; None when there is none or it is refused."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    media = re.search(r"^m=audio (\d+) RTP/AVP ([\d ]+)$", text, re.MULTILINE)
    connections = re.findall(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    if not media or not connections or media[1] == "0":
        return None
    by_number = {0: "PCMU", 8: "PCMA"}
    offered = [int(number) for number in media[2].split()]
    event = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", text, re.MULTILINE)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", text, re.MULTILINE)
    return Session(
        host=connections[-1],
        port=int(media[1]),
        codecs=tuple(by_number[number] for number in offered if number in by_number),
        direction=direction[1] if direction else "sendrecv",
        events=int(event[1]) if event else None,
    )


def mirrored(direction: str) -> str:
    """The answer's direction to an offer's (RFC 3264 section 6.1)."""
    return _MIRROR.get(direction, "sendrecv")
