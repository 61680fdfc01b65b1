"""RTP of the demo phone: a paced tone out, a recorder in (RFC 3550, RFC 3551, RFC 4733)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
from collections import deque

from ringfence.entry.phone import sound
from ringfence.entry.phone.recorder import Heard, Recorder, event_payloads, read_packet
from ringfence.entry.phone.sdp import PAYLOAD_TYPES

_PERIOD = 0.02
_FIRST_PORT, _LAST_PORT = 30000, 59998
_DRAIN = 64
_VOICE = (1.0, 0.3, 0.7, 0.15)
"""Levels of a voice, 20 ms each."""


class Pacer:
    """One clock for all streams of a phone: every 20 ms by absolute deadline."""

    def __init__(self) -> None:
        self.streams: set[AudioStream] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, stream: AudioStream) -> None:
        self.streams.add(stream)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for stream in tuple(self.streams):
                stream.send_frame()
            due += _PERIOD
            await asyncio.sleep(max(0.0, due - loop.time()))


def _open_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the odd one above it for RTCP. Raises OSError after many tries."""
    for _ in range(200):
        port = _FIRST_PORT + 2 * secrets.randbelow((_LAST_PORT - _FIRST_PORT) // 2)
        sockets: list[socket.socket] = []
        try:
            for offset in (0, 1):
                one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sockets.append(one)
                one.setblocking(False)
                one.bind((host, port + offset))
        except OSError:
            for one in sockets:
                one.close()
            continue
        return sockets[0], sockets[1]
    raise OSError("no free pair of RTP ports")


class AudioStream:
    """Both directions of one call's audio. Usable alone, beside a SIPp that does the signalling."""

    def __init__(self, pacer: Pacer, host: str, *, tone: int = 440, codec: str = "PCMU") -> None:
        self.recorder = Recorder()
        self.codec = codec
        self.muted = False
        """True: sends no packets at all, as a dead or held phone."""
        self.speaks = False
        """True: the tone rises and falls as a voice does; a steady one is no speech."""
        self.sent = 0
        self.events: int | None = None
        """Payload type of telephone-event agreed on."""
        self._pacer = pacer
        self._loop = asyncio.get_running_loop()
        self._rtp, self._rtcp = _open_pair(host)
        self._loop.add_reader(self._rtp, self._read_rtp)
        self._loop.add_reader(self._rtcp, self._read_rtcp)
        self.address: tuple[str, int] = self._rtp.getsockname()
        self.target: tuple[str, int] | None = None
        """Where audio is sent."""
        self._ssrc = secrets.randbits(32)
        self._seq = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._frame = 0
        self._digits: deque[tuple[bytes, bool, int]] = deque()
        self._event_start = 0
        self._tone = tone

    @property
    def tone(self) -> int:
        """Hz of the tone that is sent; may be changed at any time."""
        return self._tone

    @tone.setter
    def tone(self, hertz: int) -> None:
        sound.tone_frames(hertz, self.codec)
        self._tone = hertz

    def send_to(self, host: str, port: int) -> None:
        """Start sending there, or move there."""
        self.target = (host, port)
        sound.tone_frames(self._tone, self.codec)
        self._pacer.add(self)

    def forget(self) -> None:
        """Let what was heard so far not count in ``heard``."""
        self.recorder.forget()

    def heard(self) -> Heard:
        """What was received since the start or the last ``forget``."""
        return self.recorder.heard()

    def digits(self) -> str:
        """DTMF digits received since the start or the last ``forget``."""
        return self.recorder.digits(self.events) if self.events is not None else ""

    def press(self, digits: str, *, frames: int = 5) -> None:
        """Queue digits as RFC 4733 events of ``frames`` x 20 ms with pauses between them.

        Raises ValueError when the peer did not agree to telephone-event.
        """
        if self.events is None:
            raise ValueError("the peer takes no telephone-event")
        for digit in digits:
            for index, payload in enumerate(event_payloads(digit, frames)):
                self._digits.append((payload, index == 0, self.events))
            self._digits.extend([(b"", False, self.events)] * 3)

    def send_frame(self) -> None:
        """Send the next 20 ms."""
        if self.target is None or self.muted:
            return
        payload, marker, kind = self._next_payload()
        if payload:
            stamp = self._event_start if kind == self.events else self._timestamp
            first = 0x80 if marker or not self.sent else 0
            head = struct.pack(
                "!BBHII", 0x80, first | kind, self._seq, stamp & 0xFFFFFFFF, self._ssrc
            )
            with contextlib.suppress(OSError):  # ICMP of an earlier packet, or a full buffer
                self._rtp.sendto(head + payload, self.target)
            self._seq = self._seq + 1 & 0xFFFF
            self.sent += 1
        self._timestamp = self._timestamp + sound.FRAME & 0xFFFFFFFF

    def _next_payload(self) -> tuple[bytes, bool, int]:
        if self._digits:
            payload, begins, kind = self._digits.popleft()
            if begins:
                self._event_start = self._timestamp
            if payload:
                return payload, begins, kind
        self._frame += 1
        level = _VOICE[self._frame % len(_VOICE)] if self.speaks else 1.0
        frames = sound.tone_frames(self._tone, self.codec, level)
        return frames[self._frame % len(frames)], False, PAYLOAD_TYPES[self.codec]

    def _read_rtp(self) -> None:
        for _ in range(_DRAIN):
            try:
                data = self._rtp.recv(2048)
            except BlockingIOError:
                return
            except OSError:  # ICMP: the peer's port is closed
                continue
            packet = read_packet(data, self._loop.time())
            if packet is not None:
                self.recorder.packets.append(packet)

    def _read_rtcp(self) -> None:
        for _ in range(_DRAIN):
            try:
                self.recorder.rtcp.append(self._rtcp.recv(2048))
            except BlockingIOError:
                return
            except OSError:
                continue

    def close(self) -> None:
        """Stop sending and receiving; what was recorded stays readable."""
        self._pacer.streams.discard(self)
        for one in (self._rtp, self._rtcp):
            if one.fileno() >= 0:
                self._loop.remove_reader(one)
                one.close()
