"""What a worker sends to one leg on the frame clock: audio, and digits before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ringfence.engine.media.clock import FrameClock
from ringfence.engine.media.latch import Source
from ringfence.engine.media.sources import Frames, Sound
from ringfence.engine.media.stream import FRAME_SAMPLES, OutStream
from ringfence.kernel.clock import Clock
from ringfence.protocols.dtmf import DtmfSender

_PAUSE_FRAMES = 4
"""Between digits: 80 ms, enough for a receiver that decodes them from regenerated tones."""


class Player:
    """Feeds an OutStream. While it has something to send, nothing else enters the stream."""

    def __init__(
        self, out: OutStream, ticker: FrameClock, clock: Clock, on_done: Callable[[int], None]
    ) -> None:
        """``on_done`` gets the number of what came to its own end."""
        self._out = out
        self._ticker = ticker
        self._clock = clock
        self._on_done = on_done
        self._open: Sound | None = None
        self._number = 0
        self._frames: Frames | None = None
        self._codec = ""
        self._listener: Source | None = None
        self._digits: deque[DtmfSender] = deque()
        self._pause = 0
        self._timestamp = 0

    def play(self, sound: Sound, number: int) -> None:
        """Send audio from now on, instead of any other, whose end is then never told."""
        self._open = sound
        self._number = number
        self._frames = None
        self._begin()

    def stop(self) -> None:
        """End the audio; digits that are queued are still sent."""
        self._open = self._frames = None
        self._finish_if_idle()

    def send_digits(self, digits: list[DtmfSender]) -> None:
        """Queue digits; audio waits until they are sent."""
        self._digits += digits
        self._begin()

    def close(self) -> None:
        self._open = self._frames = None
        self._digits.clear()
        self._pause = 0
        self._finish_if_idle()

    def _begin(self) -> None:
        self._out.player = self
        self._ticker.add(self._tick)

    def _finish_if_idle(self) -> None:
        if self._open is None and not self._digits and not self._pause:
            self._ticker.remove(self._tick)
            self._out.player = None

    def _tick(self) -> None:
        if self._pause:
            self._pause -= 1
            self._finish_if_idle()
        elif self._digits:
            self._send_event()
        else:
            self._send_audio()

    def _send_event(self) -> None:
        out = self._out
        now = self._clock.monotonic()
        sender = self._digits[0]
        first = not sender.started
        payload = sender.next()
        if payload is None or out.event is None:
            self._digits.popleft()
            self._pause = _PAUSE_FRAMES
            out.feeder = None  # what follows takes its timestamp from the time that passed
            return
        if first:
            self._timestamp = out.start(self, now)
        out.send_payload(
            out.event, payload.serialise(), self._timestamp, marker=first, samples=0, now=now
        )
        if payload.end:
            out.samples = sender.duration

    def _send_audio(self) -> None:
        out = self._out
        if out.target is None:
            return  # what nobody can hear waits: who is told that it was played relies on that
        payload = self._next_frame(out.target)
        if payload is None:
            self.stop()
            self._on_done(self._number)
            return
        now = self._clock.monotonic()
        marker = out.feeder is not self
        if marker:
            self._timestamp = out.start(self, now)
        out.send_payload(
            out.audio, payload, self._timestamp, marker=marker, samples=FRAME_SAMPLES, now=now
        )
        self._timestamp += FRAME_SAMPLES

    def _next_frame(self, listener: Source) -> bytes | None:
        if self._open is None:
            return None
        audio = self._out.audio.name
        if self._frames is None or (self._codec, self._listener) != (audio, listener):
            self._codec, self._listener = audio, listener  # from its beginning where it goes now
            self._frames = self._open(self._codec)
        return next(self._frames, None)
