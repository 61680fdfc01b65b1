"""A phone's media made of raw sockets, and the adapters of the media port to hold it against.

Nothing here uses the product's RTP, RTCP, SDP or G.711 code.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ringfence.engine.media.client import MediaClient
from ringfence.engine.media.track_keys import track_place
from ringfence.engine.ports import MediaEvent, MediaPort, TrackRequest
from ringfence.kernel.clock import SystemClock
from ringfence.platform.keys.connect import key_client
from ringfence.platform.keys.names import LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.settings import MediaSettings, NodeSettings, Settings

PATIENCE = 8.0
SILENCE_SECONDS = 1
LATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Rtp:
    """A received packet with a plain 12-byte header."""

    at: float
    source: tuple[str, int]
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def linear_of(law: str, code: int) -> int:
    """ITU-T G.711 decoding, written out."""
    if law == "PCMU":
        code = ~code & 0xFF
        value = ((((code & 15) << 3) + 132) << (code >> 4 & 7)) - 132
        return -value if code & 0x80 else value
    code ^= 0x55
    segment, value = code >> 4 & 7, ((code & 15) << 4) + 8
    value = value if segment == 0 else (value + 256) << (segment - 1)
    return value if code & 0x80 else -value


TABLES = {law: [linear_of(law, code) for code in range(256)] for law in ("PCMU", "PCMA")}


def encode(law: str, sample: int) -> int:
    """The code whose value lies nearest."""
    return min(range(256), key=lambda code: abs(TABLES[law][code] - sample))


def tone_payloads(law: str, hertz: int) -> list[bytes]:
    """A tenth of a second of a tone (a multiple of 10 Hz) in five frames."""
    samples = [int(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(800)]
    codes = {value: encode(law, value) for value in set(samples)}
    data = bytes(codes[value] for value in samples)
    return [data[n : n + 160] for n in range(0, 800, 160)]


def goertzel(samples: list[int], hertz: float) -> float:
    """Share of the energy that lies at one frequency, 0-1."""
    coefficient = 2 * math.cos(2 * math.pi * hertz / 8000)
    one = two = 0.0
    for sample in samples:
        one, two = sample + coefficient * one - two, one
    power = one * one + two * two - coefficient * one * two
    energy = sum(sample * sample for sample in samples)
    return 2 * power / (energy * len(samples)) if energy else 0.0


class Peer:
    """A phone: two UDP sockets, what came in, and a sender of a tone."""

    def __init__(self, host: str = "127.0.0.1", law: str = "PCMU") -> None:
        self.host = host
        self.law = law
        self.rtp, self.rtcp = _pair(host)
        self.port = self.rtp.getsockname()[1]
        self.packets: list[Rtp] = []
        self.reports: list[bytes] = []
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self.timestamp = secrets.randbits(32)
        self.event_type = 101
        self.target: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self.rtp, self._read_rtp)
        loop.add_reader(self.rtcp, self._read_rtcp)

    def _read_rtp(self) -> None:
        data, source = self.rtp.recvfrom(2048)
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        assert first == 0x80
        self.packets.append(
            Rtp(
                time.monotonic(),
                source,
                second & 0x7F,
                second >= 0x80,
                sequence,
                timestamp,
                ssrc,
                data[12:],
            )
        )

    def _read_rtcp(self) -> None:
        self.reports.append(self.rtcp.recvfrom(2048)[0])

    def sdp(
        self,
        direction: str = "sendrecv",
        *,
        formats: str | None = None,
        host: str | None = None,
        port: int | None = None,
        version: int = 1,
        extra: str = "",
    ) -> bytes:
        audio = "0" if self.law == "PCMU" else "8"
        return (
            f"v=0\r\no=- 7 {version} IN IP4 {self.host}\r\ns=-\r\n"
            f"c=IN IP4 {host or self.host}\r\nt=0 0\r\n"
            f"m=audio {port or self.port} RTP/AVP {formats or f'{audio} {self.event_type}'}\r\n"
            f"a=rtpmap:{self.event_type} telephone-event/8000\r\n"
            f"a=fmtp:{self.event_type} 0-15\r\na={direction}\r\n{extra}"
        ).encode()

    def aim(self, sdp: bytes) -> None:
        """Send to the address in the other side's description."""
        text = sdp.decode()
        host = re.search(r"^c=IN IP4 (\S+)", text, re.M)
        port = re.search(r"^m=audio (\d+)", text, re.M)
        assert host and port
        self.target = (host[1], int(port[1]))

    def send(
        self, payload: bytes, *, payload_type: int | None = None, marker: bool = False
    ) -> None:
        """One packet, the next in sequence."""
        self.sequence = self.sequence + 1 & 0xFFFF
        kind = payload_type if payload_type is not None else 0 if self.law == "PCMU" else 8
        header = struct.pack(
            "!BBHII", 0x80, marker << 7 | kind, self.sequence, self.timestamp, self.ssrc
        )
        assert self.target is not None
        self.rtp.sendto(header + payload, self.target)

    def talk(self, hertz: int) -> None:
        """Send a tone from now on."""
        self.hush()
        self._task = asyncio.ensure_future(self._talk(tone_payloads(self.law, hertz)))

    async def _talk(self, frames: list[bytes]) -> None:
        start = time.monotonic()
        count = 0
        while True:
            self.send(frames[count % len(frames)])
            self.timestamp = self.timestamp + 160 & 0xFFFFFFFF
            count += 1
            await asyncio.sleep(max(0.0, start + 0.02 * count - time.monotonic()))

    def hush(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def press(self, code: int, *, ends: int = 3, updates: int = 4) -> None:
        """One digit: packets of growing duration, then the end packets."""
        start = self.timestamp
        for n in range(1, updates + 1):
            payload = struct.pack("!BBH", code, 10, 160 * n)
            self.send(payload, payload_type=self.event_type, marker=n == 1)
        for _ in range(ends):
            payload = struct.pack("!BBH", code, 0x8A, 160 * (updates + 1))
            self.send(payload, payload_type=self.event_type)
        self.timestamp = start + 160 * (updates + 1) & 0xFFFFFFFF

    def audio(self) -> list[Rtp]:
        """Audio packets received, in order of arrival."""
        return [packet for packet in self.packets if packet.payload_type in (0, 8)]

    def events(self) -> list[Rtp]:
        return [packet for packet in self.packets if packet.payload_type == self.event_type]

    def hears(self, hertz: int, law: str | None = None) -> bool:
        """Whether the last fifth of a second is this tone."""
        last = self.audio()[-10:]
        if len(last) < 10:
            return False
        table = TABLES[law or self.law]
        samples = [table[code] for packet in last for code in packet.payload]
        return goertzel(samples, hertz) > 0.9

    def close(self) -> None:
        self.hush()
        loop = asyncio.get_running_loop()
        for endpoint in (self.rtp, self.rtcp):
            loop.remove_reader(endpoint)
            endpoint.close()


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            second = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            first.bind((host, 0))
            port = first.getsockname()[1]
            if port % 2:
                continue
            try:
                second.bind((host, port + 1))
            except OSError:
                continue
            first.setblocking(False)
            second.setblocking(False)
            stack.pop_all()
            return first, second
    raise AssertionError("no free pair of ports")


@dataclass
class Rig:
    """The port under test and what it reported."""

    port: MediaPort
    events: list[MediaEvent] = field(default_factory=list)
    lost: list[set[UUID]] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    worker: Any = None

    def peer(self, host: str = "127.0.0.1", law: str = "PCMU") -> Peer:
        peer = Peer(host, law)
        self.peers.append(peer)
        return peer

    def track(self, session: UUID, leg: UUID, **fields: Any) -> TrackRequest:
        """A request to record a leg."""
        today = day_number(SystemClock().now())
        return TrackRequest(session, leg, uuid4(), uuid4(), uuid4(), today, **fields)

    def track_path(self, request: TrackRequest) -> Path:
        directory: Path = self.worker.settings.track_dir
        return directory / request.tenant.hex / request.track.hex

    async def track_leaf(self, request: TrackRequest) -> Leaf:
        """What opens a track, asked of the keys as whoever plays it would."""
        client = key_client(self.worker.settings, "worker", SystemClock(), lambda _: None)
        client.start()
        try:
            place = track_place(request)
            ref = LeafRef(place.bucket, items=(request.track,))
            return await client.object_leaf(request.tenant, "service", ref, place, actor="test")
        finally:
            await client.stop()

    async def recorded(self, request: TrackRequest) -> bytes:
        """The mu-law samples of a complete track."""
        leaf = await self.track_leaf(request)
        stream = b"".join(open_object([self.track_path(request).read_bytes()], leaf))
        assert stream[:4] == b"RIFF" and stream[20:22] == b"\x07\x00"
        header, samples = stream[:58], stream[58:]
        assert header[-8:] == b"data\xff\xff\xff\xff"
        return samples

    async def offered(self, session: UUID, peer: Peer, **sdp: Any) -> UUID:
        """A leg whose peer sent us an offer."""
        leg = uuid4()
        peer.aim(await self.port.answer(session, leg, peer.sdp(**sdp), "offer"))
        return leg

    async def answered(self, session: UUID, peer: Peer, like: UUID | None = None) -> UUID:
        """A leg whose peer answered our offer."""
        leg = uuid4()
        peer.aim(await self.port.offer(session, leg, like=like))
        assert await self.port.answer(session, leg, peer.sdp(), "answer") == b""
        return leg

    async def bridge(self, a: Peer, b: Peer) -> tuple[UUID, UUID, UUID]:
        """A call between two peers: session and both legs."""
        session = uuid4()
        first = await self.offered(session, a)
        second = await self.answered(session, b)
        await self.port.connect(session, first, second)
        return session, first, second

    def of(self, leg: UUID, kind: str) -> list[MediaEvent]:
        return [event for event in self.events if event.leg == leg and event.kind == kind]

    @staticmethod
    async def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until ``condition()`` is true; its value."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, "the condition did not come true in time"
            await asyncio.sleep(0.005)
        return value


class ProductProcess:
    """A real process of the product."""

    def __init__(self, settings: Settings, name: str, arguments: str = "") -> None:
        self.settings = settings
        self._code = (
            f"import sys; from ringfence.entry.{name} import main;"
            "from ringfence.platform.settings import Settings;"
            f"main(Settings.model_validate_json(sys.argv[1]){arguments})"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        arguments = [sys.executable, "-c", self._code, self.settings.model_dump_json()]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RINGFENCE_")}
        self._process = subprocess.Popen(arguments, env=environment)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End the process; its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(10)


class WorkerProcess(ProductProcess):
    """A media process, and the process ``keys`` for those who want it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "media", ", 0")
        self.path = settings.media_socket(0)
        self.keys = ProductProcess(settings, "keys")

    def client(self, epoch: str, rig: Rig) -> MediaClient:
        return MediaClient([self.path], epoch, rig.events.append, rig.lost.append)


@contextlib.contextmanager
def worker_process(run_dir: Path, **media: Any) -> Iterator[WorkerProcess]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        low = min(probe.getsockname()[1] & ~1, 65000)
    defaults: dict[str, Any] = {
        "workers": 1,
        "bind_address": "127.0.0.1",
        "rtp_port_min": low,
        "rtp_port_max": low + 199,
        "silence_seconds": SILENCE_SECONDS,
        "latch_seconds": LATCH_SECONDS,
    }
    settings = Settings(
        node=NodeSettings(data_dir=run_dir / "data", run_dir=run_dir),
        media=MediaSettings(**(defaults | media)),
    )
    process = WorkerProcess(settings)
    process.start()
    try:
        yield process
    finally:
        process.kill()


@contextlib.asynccontextmanager
async def workers_rig(run_dir: Path, **media: Any) -> AsyncIterator[Rig]:
    with worker_process(run_dir, **media) as process:
        rig = Rig(port=None, worker=process)  # type: ignore[arg-type]
        client = process.client(secrets.token_hex(4), rig)
        rig.port = client
        client.start()
        try:
            await client.wait_connected(15)
            yield rig
        finally:
            for peer in rig.peers:
                peer.close()
            await client.stop()


@pytest.fixture
def keys(rig: Rig) -> Iterator[ProductProcess]:
    """Without it, nobody answers for keys."""
    process: ProductProcess = rig.worker.keys
    process.start()
    try:
        yield process
    finally:
        process.kill()


ADAPTERS = {"workers": workers_rig}


@pytest.fixture(params=sorted(ADAPTERS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with ADAPTERS[request.param](tmp_path) as value:
        yield value
