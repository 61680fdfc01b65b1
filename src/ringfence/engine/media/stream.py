"""What a leg hears: one RTP stream, unbroken whatever feeds it, and the relay that feeds it."""

from __future__ import annotations

import secrets
import socket
import struct

from ringfence.engine.media.latch import Source
from ringfence.protocols import g711
from ringfence.protocols.offer_answer import EVENT, Codec, RemoteAudio

HEADER = struct.Struct("!BBHII")
RATE = 8000
FRAME_SAMPLES = 160
_MASK32 = 0xFFFF_FFFF
_TRANSLATION = {("PCMU", "PCMA"): g711.ULAW_TO_ALAW, ("PCMA", "PCMU"): g711.ALAW_TO_ULAW}

BUFFER = bytearray(2048)
"""The one packet under way in this process: received into, rewritten, sent from."""
VIEWS = [memoryview(BUFFER)[:length] for length in range(len(BUFFER) + 1)]
"""``BUFFER[:n]`` for each n, so that sending allocates nothing."""

Route = tuple[int, bytes | None]
"""Outgoing payload type, and the table that translates the payload."""


class OutStream:
    """The RTP stream towards one leg: own SSRC, sequence and timestamps that go on across feeders.

    Exactly one feeder writes at a time. A new one starts one sequence number after the last packet
    and at the timestamp that wall time asks for, with the marker set.
    """

    def __init__(self, endpoint: socket.socket) -> None:
        self._send = endpoint.sendto
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        """Of the newest packet sent."""
        self.timestamp = secrets.randbits(32)
        self.samples = 0
        """Length of the newest packet, in timestamp units."""
        self.packets = 0
        self.octets = 0
        self.sent_at = 0.0
        self.target: Source | None = None
        """Where packets go; None while the leg must not be sent to."""
        self.audio = Codec("PCMU", 0)
        self.event: Codec | None = None
        self.feeder: object | None = None
        """Whoever sent the newest packet; None makes the next one start anew."""
        self.player: object | None = None
        """While set, nobody else may feed."""
        self._anchor: tuple[float, int] | None = None

    def configure(self, remote: RemoteAudio, target: Source | None) -> None:
        """Speak what the peer asked for from now on."""
        self.audio = remote.audio
        self.event = remote.event
        if target is None:
            self.feeder = None
        self.target = target

    def start(self, feeder: object, now: float) -> int:
        """Make ``feeder`` the one that writes; its first timestamp."""
        self.feeder = feeder
        if self._anchor is None:
            self._anchor = (now, self.timestamp)
            return self.timestamp
        began, first = self._anchor
        wall = first + int((now - began) * RATE) & _MASK32
        following = self.timestamp + self.samples & _MASK32
        return following if (wall - following) & 0x8000_0000 else wall

    def send_payload(
        self,
        codec: Codec,
        payload: bytes,
        timestamp: int,
        *,
        marker: bool,
        samples: int,
        now: float,
    ) -> None:
        """Send a packet that this process made, as the next in sequence."""
        if self.target is None:
            return
        self.sequence = sequence = self.sequence + 1 & 0xFFFF
        self.timestamp = timestamp & _MASK32
        self.samples = samples
        second = marker << 7 | codec.payload_type
        header = HEADER.pack(0x80, second, sequence, self.timestamp, self.ssrc)
        self.send(header + payload, now)

    def send(self, packet: bytes | memoryview, now: float) -> None:
        """Put a whole packet on the wire and count it; ``target`` must be set."""
        self.packets += 1
        self.octets += len(packet) - 12
        self.sent_at = now
        try:
            self._send(packet, self.target)  # type: ignore[arg-type]
        except OSError:  # unreachable, or the send buffer is full: RTP bears the loss
            return


class Relay:
    """Forwards one leg's packets into another leg's stream.

    Loss and reordering at the input stay visible as gaps and disorder of the output's sequence.
    """

    def __init__(self, out: OutStream, routes: dict[int, Route]) -> None:
        self._out = out
        self._routes = routes
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._first = 0
        self._marker = 0

    def forward(self, length: int, second: int, sequence: int, timestamp: int, now: float) -> None:
        """Forward the packet in BUFFER (12-byte header), the newest of its source."""
        out = self._out
        if out.feeder is not self and not self._take_over(sequence, timestamp, now):
            return
        route = self._routes.get(second & 0x7F)
        if route is None:
            self._sequence_offset -= 1  # left out on purpose: not a loss
            return
        payload_type, table = route
        if table is not None:
            BUFFER[12:length] = BUFFER[12:length].translate(table)
        second = second & 0x80 | self._marker | payload_type
        self._marker = 0
        out.sequence = sequence = sequence + self._sequence_offset & 0xFFFF
        out.timestamp = timestamp = timestamp + self._timestamp_offset & _MASK32
        out.samples = length - 12
        HEADER.pack_into(BUFFER, 0, 0x80, second, sequence, timestamp, out.ssrc)
        out.send(VIEWS[length], now)

    def forward_late(self, length: int, second: int, sequence: int, timestamp: int) -> None:
        """Forward a packet that a newer one of its source has overtaken."""
        out = self._out
        route = self._routes.get(second & 0x7F)
        if out.feeder is not self or route is None or (sequence - self._first) & 0x8000:
            return
        payload_type, table = route
        if table is not None:
            BUFFER[12:length] = BUFFER[12:length].translate(table)
        HEADER.pack_into(
            BUFFER,
            0,
            0x80,
            second & 0x80 | payload_type,
            sequence + self._sequence_offset & 0xFFFF,
            timestamp + self._timestamp_offset & _MASK32,
            out.ssrc,
        )
        out.send(VIEWS[length], out.sent_at)

    def restart(self) -> None:
        """The source began a new stream: its next packet continues ours as a new feeder's would."""
        if self._out.feeder is self:
            self._out.feeder = None

    def _take_over(self, sequence: int, timestamp: int, now: float) -> bool:
        out = self._out
        if out.player is not None or out.target is None:
            return False
        self._first = sequence
        self._sequence_offset = out.sequence + 1 - sequence
        self._timestamp_offset = out.start(self, now) - timestamp
        self._marker = 0x80
        return True


def routes(codecs: dict[int, str], out: OutStream) -> dict[int, Route]:
    """How packets of a leg that sends ``codecs`` (by payload type) enter a stream.

    Payload types without an entry are left out: events that the other side does not take.
    """
    table: dict[int, Route] = {}
    for payload_type, name in codecs.items():
        if name != EVENT:
            translation = _TRANSLATION.get((name, out.audio.name))
            table[payload_type] = (out.audio.payload_type, translation)
        elif out.event is not None:
            table[payload_type] = (out.event.payload_type, None)
    return table
