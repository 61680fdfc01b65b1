"""What a phone hears, judged while it is heard: voice, tones, quiet."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ringfence.entry.phone import AudioStream, Heard
from ringfence.entry.phone.recorder import Packet, Recorder
from ringfence.entry.phone.sound import decode

_LOUD = 120.0
"""Root mean square from which a frame of 20 ms counts as sound."""
_FRAME_SECONDS = 0.02
_POLL_SECONDS = 0.02
_CODECS = {0: "PCMU", 8: "PCMA"}


class NotHeard(Exception):
    """What was waited for did not come in time."""


class Ear:
    """Listens to one phone's audio. A place is a number of packets, from the start of the call."""

    def __init__(self, audio: AudioStream) -> None:
        self._packets = audio.recorder.packets
        self._loud: list[bool] = []

    @property
    def place(self) -> int:
        """Where the audio is now."""
        return len(self._packets)

    def between(self, start: int, end: int | None = None) -> Heard:
        """The tones of a stretch."""
        recorder = Recorder()
        recorder.packets = self._packets[start:end]
        return recorder.heard(max_windows=20)

    def loud(self, start: int, end: int | None = None) -> list[Packet]:
        """The frames of a stretch that are not quiet."""
        self._measure()
        chosen = zip(self._packets[start:end], self._loud[start:end], strict=False)
        return [packet for packet, loud in chosen if loud]

    def seconds(self, start: int, end: int | None = None) -> float:
        """How much of a stretch is not quiet."""
        return len(self.loud(start, end)) * _FRAME_SECONDS

    async def speech(
        self, start: int, *, at_least: float, quiet: float = 0.6, within: float = 20.0
    ) -> int:
        """Wait for so much sound followed by so much quiet; the place where it ended.

        Raises NotHeard.
        """
        loop = asyncio.get_running_loop()

        def over() -> bool:
            sound = self.loud(start)
            heard = len(sound) * _FRAME_SECONDS
            return heard >= at_least and loop.time() - sound[-1].at >= quiet

        await until(over, within, lambda: f"{self.seconds(start):.1f} s of sound")
        return self.place

    async def tones(self, start: int, *wanted: int, within: float = 10.0) -> Heard:
        """Wait until these tones, and no other, fill windows of a stretch. Raises NotHeard."""
        heard = self.between(start)

        def there() -> bool:
            nonlocal heard
            heard = self.between(start)
            return heard.tones.keys() == set(wanted)

        await until(there, within, lambda: described(heard), poll=0.25)
        return heard

    def _measure(self) -> None:
        for packet in self._packets[len(self._loud) :]:
            codec = _CODECS.get(packet.payload_type)
            samples = decode(packet.payload, codec) if codec else []
            energy = sum(sample * sample for sample in samples)
            self._loud.append(bool(samples) and math.sqrt(energy / len(samples)) >= _LOUD)


async def until(
    condition: Callable[[], bool],
    within: float,
    seen: Callable[[], str],
    poll: float = _POLL_SECONDS,
) -> None:
    """Raises NotHeard, which tells what was ``seen`` instead."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not condition():
        if loop.time() > deadline:
            raise NotHeard(f"{seen()} in {within:.0f} s")
        await asyncio.sleep(poll)


def described(heard: Heard) -> str:
    """Tones in words."""
    return " + ".join(f"{hertz} Hz" for hertz in heard.tones) or "silence"


def same_frames(one: list[Packet], other: list[Packet]) -> float:
    """The share (0..1) of frames of one side that the other side heard too, byte for byte."""
    theirs = {packet.payload for packet in other}
    return sum(packet.payload in theirs for packet in one) / len(one) if one else 0.0
