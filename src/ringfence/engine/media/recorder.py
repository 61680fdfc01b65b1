"""The tracks of one media process: begun, paused, completed, and what becomes of a full disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from ringfence.engine.media.errors import TrackExists, UnknownTrack
from ringfence.engine.media.listener import AttentiveTimeline, Listener
from ringfence.engine.media.timeline import Timeline
from ringfence.engine.media.track import TrackFile, track_path
from ringfence.engine.ports import TrackRequest, TrackStats
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys.objects import Leaf

_log = logging.getLogger("ringfence.media.recorder")
Tap = Callable[[Timeline | None], None]
"""Puts a timeline into what a leg receives, or takes it out."""


OnQuiet = Callable[["Track", bool], None]
"""The peer of a track says nothing; whether it said anything before."""


class LeafSource(Protocol):
    """Who makes and gives the key of a track."""

    async def leaf(self, request: TrackRequest) -> Leaf: ...


class Track:
    """One track of a leg, from its first frame on."""

    def __init__(
        self,
        request: TrackRequest,
        file: TrackFile,
        tap: Tap,
        clock: Clock,
        on_failed: Callable[[Track], None],
        on_quiet: OnQuiet,
    ) -> None:
        self.id = request.track
        self.session = request.session
        self.leg = request.leg
        self.completion: asyncio.Task[TrackStats] | None = None
        """Set when it was told to end."""
        self._file = file
        self._tap = tap
        self._clock = clock
        self._on_failed = on_failed
        self._on_quiet = on_quiet
        self._paused = False
        self._failed = False
        self._samples: int | None = None
        now = clock.monotonic()
        self._listener: Listener | None = None
        self._timeline = Timeline(now, self._write, request.gap)
        if request.quiet_seconds > 0:
            self._listener = Listener(now, request.quiet_seconds)
            self._timeline = AttentiveTimeline(now, self._write, request.gap, self._listener)
        tap(self._timeline)

    def command(self, action: Literal["pause", "resume"]) -> TrackStats:
        """Pause or resume; nothing changes when it is so already, or has ended."""
        paused = action == "pause"
        if paused != self._paused and self.live:
            self._paused = paused
            change = self._timeline.pause if paused else self._timeline.resume
            change(self._clock.monotonic())
        return self._stats(complete=False)

    def advance(self, now: float) -> None:
        """Let go of what no packet can change any more; say when the peer says nothing."""
        if self.live:
            self._timeline.advance(now)
            if self._listener is not None and self._listener.quiet(now):
                self._on_quiet(self, self._listener.spoken)

    @property
    def live(self) -> bool:
        """Whether the leg is still heard."""
        return self._samples is None

    def end(self, now: float) -> asyncio.Task[TrackStats]:
        """Take nothing more; the task ends when the file is complete and durable."""
        if self.completion is None:
            if self.live:
                self._tap(None)
                self._samples = self._timeline.finish(now)
            self.completion = asyncio.ensure_future(self._complete())
        return self.completion

    async def _complete(self) -> TrackStats:
        if not self._failed:
            try:
                await asyncio.to_thread(self._file.finish)
            except OSError as error:
                self._fail(error)
        return self._stats(complete=not self._failed)

    def _write(self, samples: bytes) -> None:
        if self._failed:
            return
        try:
            self._file.write(samples)
        except OSError as error:
            self._file.close()
            self._tap(None)
            self._samples = self._timeline.position(self._clock.monotonic())
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._failed = True
        _log.error("track failed", extra={"kv": {"track": self.id.hex, "errno": error.errno}})
        self._on_failed(self)

    def _stats(self, *, complete: bool) -> TrackStats:
        samples = self._samples
        if samples is None:
            samples = self._timeline.position(self._clock.monotonic())
        return TrackStats(samples // 8, self._file.bytes, complete)


class Recorder:
    """Every track of this process, by session."""

    def __init__(
        self,
        directory: Path,
        keys: LeafSource,
        clock: Clock,
        on_failed: Callable[[Track], None],
        on_quiet: OnQuiet,
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._clock = clock
        self._on_failed = on_failed
        self._on_quiet = on_quiet
        self._tracks: dict[UUID, dict[UUID, Track]] = {}
        self._beginning: set[UUID] = set()
        self._completing: set[asyncio.Task[TrackStats]] = set()

    async def begin(self, request: TrackRequest, tap_of: Callable[[], Tap]) -> None:
        """Begin a track; ``tap_of`` finds the leg, now and when the key has come.

        The item's key is made also where the customer alone opens the track: whoever may not be
        recorded is refused there, and its end is the track's. Raises what ``tap_of`` raises,
        TrackExists, TrackUnwritable, KeysUnavailable, the errors of the keys, and UnknownTrack when
        it was told to stop before it began.
        """
        tap_of()
        self._refuse_second(request)
        if request.track in self._beginning:
            raise TrackExists("the track is about to begin")
        self._beginning.add(request.track)
        try:
            leaf = await self._keys.leaf(request)
            file = await self._file(request, None if request.custody == "customer" else leaf)
            try:
                tap = tap_of()
                self._refuse_second(request)
                if request.track not in self._beginning:
                    raise UnknownTrack("the track was told to stop before it began")
            except RingfenceError:
                file.discard()
                raise
        finally:
            self._beginning.discard(request.track)
        track = Track(request, file, tap, self._clock, self._on_failed, self._on_quiet)
        self._tracks.setdefault(request.session, {})[request.track] = track

    def command(self, session: UUID, id_: UUID, action: Literal["pause", "resume"]) -> TrackStats:
        """Pause or resume. Raises UnknownTrack."""
        return self._track(session, id_).command(action)

    def stop(self, session: UUID, id_: UUID) -> asyncio.Task[TrackStats]:
        """Complete one track. Raises UnknownTrack, also when it is about to begin: it will not."""
        self._beginning.discard(id_)
        return self._end(self._track(session, id_), self._clock.monotonic())

    def end(self, session: UUID, leg: UUID | None = None) -> list[Track]:
        """Complete what is not yet of a session, or of one leg; those tracks."""
        now = self._clock.monotonic()
        ending = [
            track
            for track in self._tracks.get(session, {}).values()
            if track.completion is None and leg in (None, track.leg)
        ]
        for track in ending:
            self._end(track, now)
        return ending

    def forget(self, session: UUID) -> None:
        """The session is gone; what it still completes goes on."""
        self._tracks.pop(session, None)

    def advance(self) -> None:
        """Seal what has come. To be called about twice a second."""
        now = self._clock.monotonic()
        for tracks in self._tracks.values():
            for track in tracks.values():
                track.advance(now)

    async def settle(self) -> None:
        """Return when every track that was told to end is durable."""
        if self._completing:
            await asyncio.wait(self._completing)

    def _end(self, track: Track, now: float) -> asyncio.Task[TrackStats]:
        task = track.end(now)
        if not task.done():
            self._completing.add(task)
            task.add_done_callback(self._completing.discard)
        return task

    def _track(self, session: UUID, id_: UUID) -> Track:
        track = self._tracks.get(session, {}).get(id_)
        if track is None:
            raise UnknownTrack("the session has no such track")
        return track

    def _refuse_second(self, request: TrackRequest) -> None:
        tracks = self._tracks.get(request.session, {})
        recorded = any(track.live and track.leg == request.leg for track in tracks.values())
        if request.track in tracks or recorded:
            raise TrackExists("the track was begun, or the leg is being recorded")

    async def _file(self, request: TrackRequest, leaf: Leaf | None) -> TrackFile:
        path = track_path(self._directory, request.tenant, request.track)
        making = asyncio.ensure_future(
            asyncio.to_thread(TrackFile, path, leaf, request.customer_keys)
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:  # whoever asked has stopped waiting
            making.add_done_callback(_discard)
            raise


def _discard(making: asyncio.Task[TrackFile]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().discard()
