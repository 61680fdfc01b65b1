"""Whether somebody is speaking, told from mu-law octets by how loud they are and how that changes.

Speech changes its level from one 20 ms frame to the next; tones (beeps, keys, dial tone) and the
noise of a line or of a comfort-noise generator keep it. So a frame counts when it is louder than
the floor of the noise, and speaks for speech when its level is not that of the frame before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ringfence.engine.media.timeline import Timeline

_MAGNITUDE = bytes((~code & 0x7F) for code in range(256))
"""Of a mu-law code, about logarithmic: 16 steps are 6 dB."""
_LOUD = 10
"""Mean magnitude below which nothing is speech: about -52 dBFS."""
_ABOVE_FLOOR = 12
"""Magnitudes, 4.5 dB."""
_FLOOR_RISE = 0.03
"""Magnitudes per frame: 0.6 dB a second."""
_CHANGE = 3.0
"""Magnitudes, 1.1 dB."""
_SPEECH = 10
_MOST = 16
_GAP_SECONDS = 0.4
"""Silence after which what was heard before says nothing about what comes."""


class Listener:
    """Notes when the peer last spoke, and tells once when that was long ago."""

    def __init__(self, now: float, quiet_seconds: float) -> None:
        self.spoken = False
        """Whether anything was said at all."""
        self.told = False
        """Whether ``quiet`` has said so."""
        self._quiet_seconds = quiet_seconds
        self._last = now
        """When something was last said; before that, the beginning."""
        self._heard = now
        """When the last loud frame came."""
        self._level = 0.0
        self._floor = 0.0
        self._score = 0

    def hear(self, payload: bytes | bytearray, now: float) -> None:
        """Take the octets of one packet."""
        level = sum(payload.translate(_MAGNITUDE)) / len(payload) if payload else 0.0
        change = abs(level - self._level)
        self._level = level
        floor = self._floor + _FLOOR_RISE
        self._floor = floor = level if level < floor else floor
        if level < _LOUD or level < floor + _ABOVE_FLOOR:
            return
        if now - self._heard > _GAP_SECONDS:
            self._score = 0
        self._heard = now
        if change < _CHANGE:
            self._score = max(self._score - 1, 0)
        else:
            self._score = min(self._score + 2, _MOST)
            if self._score >= _SPEECH:
                self.spoken = True
                self._last = now

    def quiet(self, now: float) -> bool:
        """True, once, when nothing has been said for so long."""
        if self.told or now - self._last < self._quiet_seconds:
            return False
        self.told = True
        return True


class AttentiveTimeline(Timeline):
    """A timeline whose packets are also listened to, paused or not."""

    def __init__(
        self,
        start: float,
        write: Callable[[bytes], None],
        gap: Literal["silence", "tone"],
        listener: Listener,
    ) -> None:
        super().__init__(start, write, gap)
        self._listener = listener

    def place(self, payload: bytes | bytearray, timestamp: int, now: float) -> None:
        self._listener.hear(payload, now)
        super().place(payload, timestamp, now)
