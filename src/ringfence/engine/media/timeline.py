"""Where what a leg says stands in its track: packets placed by the time they were spoken.

A window of mu-law samples follows the clock: packets are written into it at the place that their
RTP timestamps name, so order, jitter, loss, duplicates and pauses of the sender need no buffer of
their own, and what nobody said is silence. What lies more than a second back leaves the window; no
packet is placed further than that from the clock, whatever its timestamp says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ringfence.engine.media.stream import RATE
from ringfence.protocols import g711

SLACK = RATE
"""Samples that a packet may lie off the clock, either way, before it is placed by its arrival."""
PIECE = 4096
"""Most samples that leave the window at once."""
LATE = 10 * RATE
"""Nothing is under way for longer: a packet further back has another clock, not a long way."""
_PATIENCE = RATE // 5
"""How long a sender must stay behind before that is what its clock says."""
_MASK32 = 0xFFFF_FFFF
_NEVER = 1 << 62
_SILENCE = bytes([g711.ULAW_SILENCE]) * RATE
_BURST = RATE // 5
_TONE = g711.encode_ulaw(g711.tone((440,), _BURST, level=0.03)) + _SILENCE[_BURST:]
"""A fifth of a second of a soft 440 Hz, then silence: one second of a gap that can be heard."""
_GAPS = {"silence": _SILENCE, "tone": _TONE}


class Timeline:
    """One track from its start on. Positions are samples since then."""

    def __init__(
        self, start: float, write: Callable[[bytes], None], gap: Literal["silence", "tone"]
    ) -> None:
        """``start`` on the clock that ``now`` is read from everywhere; ``write`` gets the samples
        in order, each once; ``gap`` fills what is paused."""
        self._start = start
        self._write = write
        self._gap = _GAPS[gap]
        self._filler = _SILENCE
        self._window = bytearray()
        self._begin = 0
        """Position of the window's first sample: all before it is written."""
        self._floor = 0
        """Packets before this position are not placed."""
        self._offset: int | None = None
        """What a timestamp lacks to its position, plus SLACK; None: the next packet tells."""
        self._resumed = 0
        self._lag = 0
        """How much later than by its first offset a sample may stand: it may be that much older."""
        self._late_since = self._late_last = -RATE

    @property
    def buffered(self) -> int:
        """Samples held in memory."""
        return len(self._window)

    def position(self, now: float) -> int:
        """Of the present moment."""
        return int((now - self._start) * RATE)

    def place(self, payload: bytes | bytearray, timestamp: int, now: float) -> None:
        """Put the newest packet of its source where it belongs.

        The first one, and one that strays from the clock by more than SLACK, ends now: where it
        stands tells where its successors do. One that may merely have been long under way is
        dropped, until its successors show that it is the sender's clock.
        """
        clock = int((now - self._start) * RATE)
        offset = self._offset
        if offset is None:
            ahead = SLACK - len(payload)
            self._offset = clock + ahead - timestamp
        elif (ahead := timestamp + offset - clock & _MASK32) > 2 * SLACK:
            if self._only_late(ahead, clock):
                return
            self._grow_lag(ahead)
            ahead = SLACK - len(payload)
            self._offset = clock + ahead - timestamp
        self._put(payload, clock - SLACK + ahead, clock)

    def place_late(self, payload: bytes | bytearray, timestamp: int, now: float) -> None:
        """Put a packet that a newer one has overtaken; one that strays is dropped."""
        if self._offset is None:
            return
        clock = int((now - self._start) * RATE)
        ahead = timestamp + self._offset - clock & _MASK32
        if ahead <= 2 * SLACK:
            self._put(payload, clock - SLACK + ahead, clock)

    def restart(self) -> None:
        """The source began a new stream, whose timestamps have nothing to do with the last."""
        self._offset = None

    def pause(self, now: float) -> None:
        """Place nothing that arrives from now on, and fill its place."""
        self._pad(self.position(now))
        self._filler = self._gap
        self._floor = _NEVER

    def resume(self, now: float) -> None:
        """Go on; what was spoken before now, however late it arrives, is not placed."""
        clock = self.position(now)
        self._pad(clock)
        self._filler = _SILENCE
        self._resumed = clock
        self._floor = clock + self._lag

    def advance(self, now: float) -> None:
        """Write what no packet can reach any more. To be called about twice a second."""
        self._release(self.position(now) - SLACK)

    def finish(self, now: float) -> int:
        """Write all up to now; how many samples the track has."""
        self._release(self.position(now))
        self._window.clear()
        return self._begin

    def _only_late(self, ahead: int, clock: int) -> bool:
        if -ahead & _MASK32 > LATE:
            return False
        if clock - self._late_last > _PATIENCE:
            self._late_since = clock
        self._late_last = clock
        return clock - self._late_since < _PATIENCE

    def _grow_lag(self, ahead: int) -> None:
        """A sender is put further back: nobody knows whether its clock or its way has changed, so
        what was spoken in a pause could now seem to come after it."""
        behind = -ahead & _MASK32
        if behind <= LATE:
            self._lag = min(self._lag + behind + SLACK, LATE)
            self._floor = max(self._floor, self._resumed + self._lag)

    def _put(self, payload: bytes | bytearray, position: int, clock: int) -> None:
        if position < self._floor:
            return
        window = self._window
        index = position - self._begin
        if index > len(window):
            self._release(clock - SLACK)
            self._pad(position)
            index = position - self._begin
        window[index : index + len(payload)] = payload

    def _pad(self, until: int) -> None:
        """Fill the window up to a position that lies beyond its end."""
        end = self._begin + len(self._window)
        while end < until:
            at = end % RATE
            piece = self._filler[at : at + until - end]
            self._window += piece
            end += len(piece)
            self._release(end - 2 * SLACK - PIECE)

    def _release(self, until: int) -> None:
        while self._begin < until:
            end = min(until, self._begin + PIECE)
            if self._begin + len(self._window) < end:
                self._pad(end)
            size = end - self._begin
            self._write(bytes(self._window[:size]))
            del self._window[:size]
            self._begin = end
        if self._floor < self._begin:
            self._floor = self._begin
