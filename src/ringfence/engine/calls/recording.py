"""A recording: all who are recorded hear the prompt to its end before anything is recorded.

WAITING    -> ANNOUNCING (a prompt is asked for) or RECORDING
ANNOUNCING -> RECORDING  (played to both legs)
RECORDING <-> PAUSED
any        -> OVER       (stopped, the call ended, or it could not be begun)

What takes time is done beside the call, one thing after the other: a hang-up never waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from ringfence.engine.calls.events import Command, Recorded
from ringfence.engine.calls.leg import Leg
from ringfence.engine.ports import RecordingPlan, TrackRequest, TrackStats
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import uuid7
from ringfence.platform.keys import objects

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_log = logging.getLogger("ringfence.call")


class CallState(RingfenceError):
    """The call, or its recording, is not in a state for that."""

    code = "call_state"
    http_status = 409


class Phase(Enum):
    WAITING = auto()
    ANNOUNCING = auto()
    RECORDING = auto()
    PAUSED = auto()
    OVER = auto()


_LIVE = (Phase.RECORDING, Phase.PAUSED)


class Recording:
    """One per conversation or message. Without a plan nothing is ever recorded; a failure never
    ends the call."""

    def __init__(
        self,
        call: Call,
        plan: RecordingPlan | None,
        legs: tuple[Leg, ...],
        *,
        quiet_seconds: float = 0.0,
    ) -> None:
        """``legs``: who is recorded, one alone who leaves a message; ``quiet_seconds``: Quiet is
        posted when they have said nothing for so long."""
        self._call = call
        self.plan = plan
        self.id = uuid7(call.manager.clock)
        self.phase = Phase.WAITING
        self._legs = legs
        self._quiet_seconds = quiet_seconds
        self._unheard: set[int] = set()
        self.seconds = 0
        """How long it was, once it is completed."""
        self._tracks: dict[UUID, Leg] = {}
        self._began = 0.0
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """The caller has the answer: announce, or record at once where no prompt is asked for."""
        if self.phase is not Phase.WAITING:
            return
        if self.plan is None:
            self.phase = Phase.OVER
        elif self.plan.refused:
            self.phase = Phase.OVER
            self._call.record.log.event(EventKind.RECORDING_REFUSED, code=self.plan.refused)
            self._call.post(Recorded(self, began=False))
        elif self.plan.prompt is None:
            self._do(self._record, self._beginning)
        else:
            self.phase = Phase.ANNOUNCING
            self._do(self._announce, self._beginning)

    def on_played(self, play: int) -> None:
        """A leg has heard all of the prompt."""
        if self.phase is not Phase.ANNOUNCING or play not in self._unheard:
            return
        self._unheard.discard(play)
        if not self._unheard:
            self._do(self._record, self._beginning)

    def command(self, event: Command) -> None:
        """Pause, resume, stop or bar. Fails with CallState, MediaLost, Unavailable."""

        async def obey() -> None:
            try:
                await self._obey(event)
            except RingfenceError as error:
                event.fail(error)
            else:
                event.succeed()

        self._do(obey)

    def has(self, track: UUID) -> bool:
        return track in self._tracks

    def on_track_failed(self, track: UUID) -> None:
        """Half a recording would mislead: what is not complete ends."""
        if track in self._tracks and self.phase in _LIVE:
            _log.error("recording ended early", extra={"kv": {"call": self._call.id.hex}})
            self._do(self._stop)

    async def finish(self) -> None:
        """It is over, and the call goes on: when this returns nobody is recorded any more."""
        if self.phase not in _LIVE:
            self.phase = Phase.OVER
        async with self._turn:
            await self._stop()

    async def close(self) -> None:
        """The call ends: nothing begins any more, and what is under way is settled."""
        if self.phase not in _LIVE:
            self.phase = Phase.OVER
        for task in self._beginning:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def completed(self, stats: dict[UUID, TrackStats], *, at: int | None = None) -> None:
        """The tracks take nothing more since ``at`` (else now): say what became of them."""
        live, self.phase = self.phase in _LIVE, Phase.OVER
        if not live:
            return
        length = self._offset_ms()
        self.seconds = round(length / 1000)
        tracks = []
        for track in self._tracks:
            item = stats.get(track) or TrackStats(length, 0, complete=False)
            tracks.append(
                {
                    "track": track.hex,
                    "duration_ms": item.duration_ms,
                    "bytes": item.bytes,
                    "complete": item.complete,
                }
            )
        self._event(EventKind.RECORDING_COMPLETED, at=at, duration_ms=length, tracks=tracks)

    # --- inside -----------------------------------------------------------------------------------

    def _do(
        self, work: Callable[[], Awaitable[None]], among: set[asyncio.Task[None]] | None = None
    ) -> None:
        """Do it when what was asked for before is done."""

        async def turn() -> None:
            async with self._turn:
                try:
                    await work()
                except RingfenceError as error:
                    self._failed(error.code)
                    await self._drop_tracks()
                except Exception:
                    _log.exception("call is not recorded")
                    self._failed("internal_error")
                    await self._drop_tracks()

        task = asyncio.ensure_future(turn())
        for tasks in (self._tasks, *([] if among is None else [among])):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def _failed(self, code: str) -> None:
        self.phase = Phase.OVER
        self._call.post(Recorded(self, began=False))
        _log.error("call is not recorded", extra={"kv": {"call": self._call.id.hex, "code": code}})

    async def _announce(self) -> None:
        plan, call = self.plan, self._call
        assert plan is not None and plan.prompt is not None
        plays = {call.next_play(): leg for leg in self._legs}
        self._unheard = set(plays)
        await _all(
            call.manager.media.play(call.id, leg.id, plan.prompt, play=play)
            for play, leg in plays.items()
        )

    async def _record(self) -> None:
        plan, call, record = self.plan, self._call, self._call.record
        if plan is None or self.phase not in (Phase.WAITING, Phase.ANNOUNCING):
            return
        seals, tenant = record.seals, record.log.tenant
        if seals is None or tenant is None:
            self._failed("not_sealed")
            return
        if self.phase is Phase.ANNOUNCING:
            if any(leg.held for leg in self._legs):
                self._failed("on_hold")  # who is on hold did not hear it
                return
            self._event(EventKind.RECORDING_ANNOUNCED, basis=plan.basis)
        self._tracks = {uuid7(call.manager.clock): leg for leg in self._legs}
        requests = (
            TrackRequest(
                call.id, leg.id, track, tenant, record.person(leg), seals.day, plan.rule, plan.gap,
                plan.customer_keys, plan.custody, self._quiet_seconds,
            )
            for track, leg in self._tracks.items()
        )  # fmt: skip
        await _all(map(call.manager.media.subscribe, requests))
        if self._is_over():  # finished while it began
            await self._drop_tracks()
            return
        self.phase = Phase.RECORDING
        self._began = call.manager.clock.monotonic()
        self._event(
            EventKind.RECORDING_STARTED, basis=plan.basis, rule=plan.rule, day=seals.day,
            gap=plan.gap, message=True if len(self._legs) == 1 else None,
            customer_keys=[_key_id(pem) for pem in plan.customer_keys],
            custody=None if plan.custody == "platform" else plan.custody,
            tracks=[
                {
                    "track": track.hex, "leg": leg.id.hex, "role": leg.role,
                    "person": record.person(leg).hex,
                }
                for track, leg in self._tracks.items()
            ],
        )  # fmt: skip
        call.post(Recorded(self, began=True))

    def _is_over(self) -> bool:
        return self.phase is Phase.OVER

    async def _drop_tracks(self) -> None:
        for track in self._tracks:
            await self._end(track)

    async def _obey(self, event: Command) -> None:
        if event.action == "pause_recording":
            await self._pause()
        elif event.action in ("stop_recording", "bar_recording"):
            await self._stop()
        elif not event.done.cancelled():  # else its tenant was told that it stays paused
            await self._switch(Phase.PAUSED, Phase.RECORDING, "resume", EventKind.RECORDING_RESUMED)
            if event.done.cancelled():
                await self._pause()

    async def _pause(self) -> None:
        await self._switch(Phase.RECORDING, Phase.PAUSED, "pause", EventKind.RECORDING_PAUSED)

    async def _switch(
        self, before: Phase, after: Phase, action: Literal["pause", "resume"], kind: EventKind
    ) -> None:
        if self.phase is after:
            return
        if self.phase is not before:
            raise CallState("the call is not being recorded")
        media, call = self._call.manager.media, self._call.id
        try:
            await _all(media.track(call, track, action) for track in self._tracks)
        except RingfenceError:
            await self._stop()  # one may be paused and the other not
            raise
        self.phase = after
        self._event(kind, offset_ms=self._offset_ms())

    async def _stop(self) -> None:
        if self.phase not in _LIVE:
            self.phase = Phase.OVER
            return
        found = {track: await self._end(track) for track in self._tracks}
        self.completed({track: stats for track, stats in found.items() if stats is not None})

    async def _end(self, track: UUID) -> TrackStats | None:
        try:
            return await self._call.manager.media.track(self._call.id, track, "stop")
        except RingfenceError:
            return None  # it never was, or its worker is gone

    def _offset_ms(self) -> int:
        return round((self._call.manager.clock.monotonic() - self._began) * 1000)

    def _event(self, kind: EventKind, **data: Any) -> None:
        self._call.record.log.event(kind, recording=self.id.hex, **data)


async def _all(work: Any) -> None:
    """Wait for all of it, also when one fails. Raises the first error."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _key_id(pem: str) -> str:
    return objects.customer_key_id(objects.customer_key(pem.encode())).hex()
