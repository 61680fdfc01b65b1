"""What an ear heard and when: stretches of tones and of voice, to the packet (20 ms)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from tests.e2e.harness.wait import happens

from ringfence.entry.phone import AudioStream

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

_FRAME, _SECONDS = 160, 0.02
_LATE = 0.4
"""How long a machine under load may hold packets back."""
_QUIET = 60.0
"""Root mean square below which nothing is heard."""
_SHARE = 0.8
"""Of a frame's energy that makes it a tone's."""


@dataclass(frozen=True)
class Spell:
    """A stretch; times are the event loop's, ``seconds`` is the audio that came in it."""

    start: float
    end: float
    seconds: float


class Hearing:
    """What a stream received since it was opened, or last told to forget."""

    def __init__(self, stream: AudioStream, last: int | None = None) -> None:
        """``last``: judge only so many packets from the end."""
        packets = [p for p in stream.recorder.packets if p.payload_type in (0, 8)]
        packets = packets if last is None else packets[-last:]
        self._times = [packet.at for packet in packets]
        self._frames = [_samples(packet.payload, packet.payload_type) for packet in packets]

    def tone(self, *hertz: int, gap: float = 0.1) -> list[Spell]:
        """Stretches in which these tones sounded together and nothing else did."""
        return self._spells([self._is_tone(frame, hertz) for frame in self._frames], gap)

    def sound(self, gap: float = 0.6) -> list[Spell]:
        """Stretches in which anything was heard, with pauses up to ``gap``."""
        return self._spells([_loudness(frame) >= _QUIET for frame in self._frames], gap)

    def is_tone(self, *hertz: int) -> bool:
        """Whether there are packets, and these tones are in every one of them."""
        return bool(self._frames) and all(self._is_tone(frame, hertz) for frame in self._frames)

    def is_silent(self) -> bool:
        """Whether nothing was heard; also when nothing was sent."""
        return not self.sound()

    @staticmethod
    def _is_tone(frame: npt.NDArray[np.float64], hertz: tuple[int, ...]) -> bool:
        energy = float(frame @ frame)
        if len(frame) != _FRAME or energy < _QUIET**2 * _FRAME:
            return False
        basis = _basis(hertz)
        weights = basis.T @ frame
        return float(weights @ weights) / energy >= _SHARE

    def _spells(self, hits: list[bool], gap: float) -> list[Spell]:
        found: list[Spell] = []
        unbroken = False
        for at, hit in zip(self._times, hits, strict=True):
            if not hit:
                unbroken = False
                continue
            # Packets that came late and in a row, with nothing else between, are one stretch.
            late, unbroken = _LATE if unbroken else 0.0, True
            if found and at - found[-1].end < max(gap, late):
                last = found[-1]
                found[-1] = Spell(last.start, at + _SECONDS, last.seconds + _SECONDS)
            else:
                found.append(Spell(at, at + _SECONDS, _SECONDS))
        return found


def _samples(payload: bytes, payload_type: int) -> npt.NDArray[np.float64]:
    law = audioop.ulaw2lin if payload_type == 0 else audioop.alaw2lin
    return np.frombuffer(law(payload, 2), "<i2").astype(float)


def _loudness(frame: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(frame**2))) if len(frame) else 0.0


@lru_cache(maxsize=64)
def _basis(hertz: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Orthonormal: what these tones can look like within one frame."""
    at = 2 * np.pi * np.arange(_FRAME) / 8000
    waves = [wave(one * at) for one in hertz for wave in (np.sin, np.cos)]
    return np.linalg.qr(np.stack(waves, axis=1))[0]


async def hears(stream: AudioStream, *hertz: int, within: float = 8.0) -> None:
    """Wait until these tones, and nothing else, have been heard for the last 100 ms."""
    await happens(
        lambda: len(stream.recorder.packets) >= 5 and Hearing(stream, last=5).is_tone(*hertz),
        within,
        what=f"hearing {hertz}",
    )


async def hears_sound(stream: AudioStream, within: float = 8.0) -> None:
    """Wait until anything has been heard since the last ``forget``."""
    await happens(lambda: bool(Hearing(stream, last=10).sound()), within, what="hearing anything")
