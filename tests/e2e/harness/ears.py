"""RTP ends beside a SIPp, and a path between an end and the platform that loses and reorders."""

import asyncio
import contextlib
import random
import socket

from tests.e2e.harness.sipp import Sipp
from tests.e2e.harness.wait import happens

from ringfence.entry.phone import AudioStream, Pacer


class Ears:
    """Makes RTP ends; ``async with`` ends them all."""

    def __init__(self) -> None:
        self._pacer = Pacer()
        self._streams: list[AudioStream] = []
        self._paths: list[BadPath] = []

    async def __aenter__(self) -> "Ears":
        return self

    async def __aexit__(self, *exc: object) -> None:
        for stream in self._streams:
            stream.close()
        for path in self._paths:
            path.close()
        await self._pacer.close()

    def open(self, host: str, tone: int) -> AudioStream:
        """An end that will send a tone."""
        stream = AudioStream(self._pacer, host, tone=tone)
        self._streams.append(stream)
        return stream

    def bad_path(self, host: str, **faults: float) -> "BadPath":
        """A path with faults; see BadPath."""
        path = BadPath(host, **faults)
        self._paths.append(path)
        return path


async def bridge(
    caller: Sipp, caller_ear: AudioStream, callee: Sipp, callee_ear: AudioStream, number: str
) -> None:
    """Send both tones to where the SIPps' logs say that the platform wants them."""
    callee_ear.send_to(*await callee.rtp_target(number))
    caller_ear.send_to(*await caller.rtp_target(number))


async def listen(*streams: AudioStream, packets: int = 50, within: float = 10.0) -> None:
    """Forget what was heard, then hear so many packets on each."""
    for stream in streams:
        stream.forget()
    await happens(
        lambda: all(len(stream.recorder.packets) >= packets for stream in streams),
        within,
        what="audio",
    )


class BadPath:
    """Forwards datagrams between one RTP end and the platform, with faults on the way in.

    The platform sends to ``outer``; the end sends to ``inner``. ``loss`` is the share of the end's
    packets that is dropped, ``swap`` the share that is sent after its successor.
    """

    def __init__(self, host: str, *, loss: float = 0.0, swap: float = 0.0, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._loss, self._swap = loss, swap
        self._loop = asyncio.get_running_loop()
        self._inner, self._outer = (self._socket(host) for _ in range(2))
        self.inner: tuple[str, int] = self._inner.getsockname()
        self.outer: tuple[str, int] = self._outer.getsockname()
        self._end: tuple[str, int] | None = None
        self._platform: tuple[str, int] | None = None
        self._late: bytes | None = None
        self.forwarded = 0
        self.dropped = 0
        self.swapped = 0
        self._loop.add_reader(self._inner, self._from_end)
        self._loop.add_reader(self._outer, self._from_platform)

    @staticmethod
    def _socket(host: str) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((host, 0))
        one.setblocking(False)
        return one

    def lead_to(self, host: str, port: int) -> None:
        """Where the platform wants the end's audio."""
        self._platform = (host, port)

    def _from_end(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, self._end = self._inner.recvfrom(2048)
                if self._platform is None:
                    continue
                if self._random.random() < self._loss:
                    self.dropped += 1
                elif self._late is None and self._random.random() < self._swap:
                    self._late = data
                    self.swapped += 1
                else:
                    self._forward(data)
                    if self._late is not None:
                        late, self._late = self._late, None
                        self._forward(late)

    def _forward(self, data: bytes) -> None:
        assert self._platform is not None
        self.forwarded += 1
        self._outer.sendto(data, self._platform)

    def _from_platform(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = self._outer.recv(2048)
                if self._end is not None:
                    self._inner.sendto(data, self._end)

    def close(self) -> None:
        for one in (self._inner, self._outer):
            self._loop.remove_reader(one)
            one.close()
