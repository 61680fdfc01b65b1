"""The one clock of a worker's own audio: a tick each 20 ms at absolute deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FRAME_SECONDS = 0.02
_MAX_CATCH_UP = 5
"""Ticks made up for after a stall; a longer stall is a gap in the audio, not a burst."""

Ticked = Callable[[], None]


class FrameClock:
    """Calls each subscriber every 20 ms: tick n is due at start + n * 20 ms, so nothing drifts.

    The loop's timer only runs while someone is subscribed.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._tick = 0
        self._subscribers: dict[Ticked, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, subscriber: Ticked) -> None:
        """Call ``subscriber`` from the next tick on."""
        self._subscribers[subscriber] = None
        if self._timer is None:
            self._tick = int((self._loop.time() - self._start) / FRAME_SECONDS) + 1
            self._schedule()

    def remove(self, subscriber: Ticked) -> None:
        """Stop calling ``subscriber``; nothing happens when it is not subscribed."""
        self._subscribers.pop(subscriber, None)

    def stop(self) -> None:
        self._subscribers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = self._loop.call_at(self._start + self._tick * FRAME_SECONDS, self._run)

    def _run(self) -> None:
        elapsed = int((self._loop.time() - self._start) / FRAME_SECONDS)
        self._tick = max(self._tick, elapsed - _MAX_CATCH_UP + 1)
        while True:
            for subscriber in list(self._subscribers):
                subscriber()
            self._tick += 1
            if self._tick > elapsed or not self._subscribers:
                break
        if self._subscribers:
            self._schedule()
        else:
            self._timer = None
