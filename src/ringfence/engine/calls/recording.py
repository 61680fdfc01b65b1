"""The recording of one call: both parties hear the prompt to its end before anything is recorded.

WAITING    -> ANNOUNCING (a prompt is asked for) or RECORDING
ANNOUNCING -> RECORDING  (played to both legs)
RECORDING <-> PAUSED
any        -> OVER       (stopped, the call ended, or it could not be begun)
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

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


class Recording:
    """One per call. Without a plan nothing is ever recorded; a failure never ends the call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.plan: RecordingPlan | None = None
        self.id = uuid7(call.manager.clock)
        self.phase = Phase.WAITING
        self._unheard: set[UUID] = set()
        self._tracks: dict[UUID, Leg] = {}
        self._began = 0.0

    async def begin(self) -> None:
        """The call was answered: announce, or record at once where no prompt is asked for."""
        call, plan = self._call, self.plan
        if plan is None:
            self.phase = Phase.OVER
            return
        if plan.prompt is None:
            await self._record(plan)
            return
        self.phase = Phase.ANNOUNCING
        legs = self._legs()
        self._unheard = {leg.id for leg in legs}
        plays = (call.manager.media.play(call.id, leg.id, plan.prompt) for leg in legs)
        await self._attempt(*plays)

    async def on_played(self, leg: UUID) -> None:
        """A leg has heard all of the prompt."""
        self._unheard.discard(leg)
        if self.phase is not Phase.ANNOUNCING or self._unheard or self.plan is None:
            return
        if any(leg.held for leg in self._legs()):
            self.phase = Phase.OVER  # who is on hold did not hear it
            kv = {"call": self._call.id.hex, "code": "on_hold"}
            _log.error("call is not recorded", extra={"kv": kv})
        else:
            self._event(EventKind.RECORDING_ANNOUNCED, basis=self.plan.basis)
            await self._record(self.plan)

    async def command(self, action: str) -> None:
        """Pause, resume or stop. Raises CallState, MediaLost."""
        if action == "pause_recording":
            await self._switch(Phase.RECORDING, Phase.PAUSED, "pause", EventKind.RECORDING_PAUSED)
        elif action == "resume_recording":
            await self._switch(Phase.PAUSED, Phase.RECORDING, "resume", EventKind.RECORDING_RESUMED)
        else:
            await self._stop()

    async def on_track_failed(self, track: UUID) -> None:
        """Half a recording would mislead: what is not complete ends."""
        if track in self._tracks and self.phase in (Phase.RECORDING, Phase.PAUSED):
            _log.error("recording ended early", extra={"kv": {"call": self._call.id.hex}})
            await self._stop()

    def completed(self, stats: dict[UUID, TrackStats]) -> None:
        """The call's media is gone: say what became of the tracks."""
        if self.phase in (Phase.RECORDING, Phase.PAUSED):
            length = self._offset_ms()
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
            self._event(EventKind.RECORDING_COMPLETED, duration_ms=length, tracks=tracks)
        self.phase = Phase.OVER

    # --- inside -----------------------------------------------------------------------------------

    def _legs(self) -> tuple[Leg, Leg]:
        assert self._call.callee is not None
        return self._call.caller, self._call.callee

    async def _record(self, plan: RecordingPlan) -> None:
        call, record = self._call, self._call.record
        seals, tenant = record.seals, record.log.tenant
        if seals is None or tenant is None:
            self.phase = Phase.OVER
            return
        self._tracks = {uuid7(call.manager.clock): leg for leg in self._legs()}
        requests = (
            TrackRequest(
                call.id, leg.id, track, tenant, record.person(leg), seals.day, plan.rule, plan.gap,
                plan.customer_keys,
            )
            for track, leg in self._tracks.items()
        )  # fmt: skip
        if not await self._attempt(*map(call.manager.media.subscribe, requests)):
            await self._drop_tracks()
            return
        self.phase = Phase.RECORDING
        self._began = call.manager.clock.monotonic()
        self._event(
            EventKind.RECORDING_STARTED, basis=plan.basis, rule=plan.rule, day=seals.day,
            gap=plan.gap, customer_keys=[_key_id(pem) for pem in plan.customer_keys],
            tracks=[
                {
                    "track": track.hex, "leg": leg.id.hex, "role": leg.role,
                    "person": record.person(leg).hex,
                }
                for track, leg in self._tracks.items()
            ],
        )  # fmt: skip

    async def _attempt(self, *work: object) -> bool:
        results = await asyncio.gather(*work, return_exceptions=True)  # type: ignore[call-overload]
        for result in results:
            if isinstance(result, RingfenceError):
                kv = {"call": self._call.id.hex, "code": result.code}
                _log.error("call is not recorded", extra={"kv": kv})
                self.phase = Phase.OVER
                return False
            if isinstance(result, BaseException):
                raise result
        return True

    async def _drop_tracks(self) -> None:
        for track in self._tracks:
            await self._track(track, "stop")

    async def _switch(
        self, before: Phase, after: Phase, action: Literal["pause", "resume"], kind: EventKind
    ) -> None:
        if self.phase is after:
            return
        if self.phase is not before:
            raise CallState("the call is not being recorded")
        for track in self._tracks:
            await self._call.manager.media.track(self._call.id, track, action)
        self.phase = after
        self._event(kind, offset_ms=self._offset_ms())

    async def _stop(self) -> None:
        if self.phase not in (Phase.RECORDING, Phase.PAUSED):
            self.phase = Phase.OVER
            return
        found = {track: await self._track(track, "stop") for track in self._tracks}
        self.completed({track: stats for track, stats in found.items() if stats is not None})

    async def _track(self, track: UUID, action: Literal["stop"]) -> TrackStats | None:
        try:
            return await self._call.manager.media.track(self._call.id, track, action)
        except RingfenceError:
            return None  # it never was, or its worker is gone

    def _offset_ms(self) -> int:
        return round((self._call.manager.clock.monotonic() - self._began) * 1000)

    def _event(self, kind: EventKind, **data: Any) -> None:
        self._call.record.log.event(kind, recording=self.id.hex, **data)


def _key_id(pem: str) -> str:
    return objects.customer_key_id(objects.customer_key(pem.encode())).hex()
