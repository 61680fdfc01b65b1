"""Dial: targets ring, the first that takes the call is bridged to the primary leg."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ringfence.engine.calls import events as ev
from ringfence.engine.calls.announcement import Announcement
from ringfence.engine.calls.callee import CalleeLeg
from ringfence.engine.calls.caller import CallerLeg
from ringfence.engine.calls.leg import Leg
from ringfence.engine.calls.party import Place
from ringfence.engine.calls.recording import Recording
from ringfence.engine.calls.states import State
from ringfence.engine.signalling import causes
from ringfence.engine.signalling.causes import Cause
from ringfence.engine.signalling.transport import TransportError
from ringfence.engine.verbs.hunt import Hunt
from ringfence.engine.verbs.model import DeviceTarget, Dial, DialTarget, Pause
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EndReason, EventKind
from ringfence.kernel.ids import uuid7
from ringfence.platform.rpc import RpcError

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_log = logging.getLogger("ringfence.call")
_OUTCOMES = {
    EndReason.BUSY: "busy",
    EndReason.NO_ANSWER: "no_answer",
    EndReason.REJECTED: "rejected",
}
_STATUS = {
    "answered": "completed",
    "busy": "busy",
    "no_answer": "no-answer",
}
"""Outcomes by the names that servers of documents know."""
_NOT_CONFIRMED = causes.NO_ANSWER
_WHISPER_SECONDS = 120.0
"""Longest: who calls must not wait for one that never ends."""
_ELSEWHERE = 26
"""Q.850: non-selected user clearing."""


@dataclass(eq=False)
class Attempt:
    """One leg to a target: it rings, then perhaps decides."""

    leg: CalleeLeg
    target: DialTarget
    screening: Announcement | None = None
    deciding: bool = False
    """It has answered, and is asked."""


class Dialling:
    """From the first INVITE to the end of the conversation."""

    def __init__(self, call: Call, dial: Dial, *, personal: bool) -> None:
        self._call = call
        self._dial = dial
        self._personal = personal
        self._hunt = Hunt(dial)
        self._attempts: dict[Leg, Attempt] = {}
        self._bridged_at = 0.0
        self._ringing_back = False
        self._connected: Leg | None = None
        """Whom the primary leg may hear already."""

    @property
    def _emergency(self) -> bool:
        return self._call.emergency or self._dial.emergency

    # --- ringing ----------------------------------------------------------------------------------

    async def start(self) -> str | None:
        """The outcome when there is nobody to wait for."""
        call = self._call
        call.state, call.doing = State.RINGING, self
        if not await self._know():
            call.last_cause = causes.NOT_SEALED
            return self._outcome("failed")
        if call.primary.answered and self._dial.ringback:
            await self._ring_back()
        return await self._ring_next()

    async def _know(self) -> bool:
        """The targets are persons: nobody is rung who cannot be sealed, but in an emergency."""
        try:
            await self._call.record.know(self._dial.targets)
        except RingfenceError as error:
            if not self._emergency:
                _log.error("targets cannot be sealed", extra={"kv": {"code": error.code}})
                return False
        return True

    async def _ring_back(self) -> None:
        call = self._call
        try:
            await call.manager.media.play(call.id, call.primary.id, self._dial.ringback, loop=0)
        except RpcError as error:
            _log.warning("no ringback", extra={"kv": {"code": error.code}})
        self._ringing_back = True

    async def _ring_next(self) -> str | None:
        """Ring the next target, in parallel all; the outcome when nobody is left."""
        parallel = self._dial.mode == "parallel"
        while (parallel or not self._attempts) and self._call.going:
            target = self._hunt.next()
            if target is None:
                break
            cause = await self._ring(target)
            if cause is not None:
                self._hunt.failed(target, cause)
        if self._attempts or not self._call.going:
            return None
        cause = self._hunt.outcome
        self._call.last_cause = cause or self._call.last_cause
        await self._stop_ring_back()
        return self._outcome(_OUTCOMES.get(cause.reason, "failed") if cause else "failed")

    def _outcome(self, outcome: str) -> str:
        self._call.parameters = {"DialCallStatus": _STATUS.get(outcome, "failed")}
        if outcome == "answered":
            seconds = self._call.manager.clock.monotonic() - self._bridged_at
            self._call.parameters["DialCallDuration"] = str(round(seconds))
        return outcome

    async def _ring(self, target: DialTarget) -> Cause | None:
        """Ring one target wherever it is; the cause when that is not even possible."""
        places = self._call.manager.places(target)
        problem: Cause | None = None
        if not places:
            device = isinstance(target, DeviceTarget)
            problem = causes.UNREGISTERED if device else causes.TRANSPORT_FAILED
        for place in places:
            if self._call.going:
                problem = await self._invite(target, place) or problem
        return None if any(a.target == target for a in self._attempts.values()) else problem

    async def _invite(self, target: DialTarget, place: Place) -> Cause | None:
        call, dial, trunk = self._call, self._dial, place.trunk
        if trunk is not None and not call.manager.gate.take(trunk):
            return causes.LIMIT
        try:
            flow = await call.manager.way_to(place, call.log.tenant)
            leg_id = await call.record.new_leg(target)
        except TransportError:
            self._release(place)
            return causes.TRANSPORT_FAILED
        except RingfenceError:
            if not self._emergency:
                self._release(place)
                return causes.NOT_SEALED
            leg_id = uuid7(call.manager.clock)
        leg = CalleeLeg(call.manager.agent, call, leg_id, trunk, flow)
        try:
            sdp = await self._offer(leg)
        except BaseException:
            self._release(place)
            raise
        if sdp is None or not call.going:
            self._release(place)
            return None
        leg.target = target
        self._attempts[leg] = Attempt(leg, target)
        call.legs.append(leg)
        leg.invite(
            uri=place.uri,
            caller=place.present(dial.caller_id or call.caller_text),
            sdp=sdp,
            max_forwards=call.max_forwards - 1,
        )
        call.record.leg_created(leg)
        call.after(min(dial.timeout_seconds, call.manager.ring_seconds), leg)
        return None

    def _release(self, place: Place) -> None:
        if place.trunk is not None:
            self._call.manager.gate.release(place.trunk)

    @property
    def _passes_early_media(self) -> bool:
        """Whether what the one target says before it answers may reach a waiting caller."""
        dial = self._dial
        alone = dial.mode == "sequential" and len(self._attempts) <= 1
        return alone and not dial.whisper and not dial.confirm and not self._call.primary.answered

    async def _offer(self, leg: CalleeLeg) -> bytes | None:
        """Our offer to a target, already connected to the caller's leg where it may be heard.

        The caller's own offer is answered once, before anybody is rung; the call ends and None is
        returned when it cannot be met. What does not depend on a reply goes out together.
        """
        call, media, primary = self._call, self._call.manager.media, self._call.primary
        if isinstance(primary, CallerLeg) and not call.sdp and not primary.request.body:
            return await media.offer(call.id, leg.id)
        work: list[Awaitable[Any]] = [media.offer(call.id, leg.id, like=primary.id)]
        if self._passes_early_media:
            work.append(media.connect(call.id, primary.id, leg.id))
            self._connected = leg
        first = not call.sdp and isinstance(primary, CallerLeg)
        if first:
            work.insert(0, call.describe())
        results: list[Any] = await asyncio.gather(*work, return_exceptions=True)
        if first and isinstance(results[0], RpcError):
            status = 503 if results[0].code == "no_ports" else 488
            await call.end(EndReason.FAILED, "system", status=status, q850=79)
            return None
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if first:
            call.sdp = results.pop(0)
        return cast(bytes, results[0])

    async def on_progress(self, event: ev.Progress) -> None:
        call, leg = self._call, event.leg
        if leg not in self._attempts:
            return
        early = bool(event.sdp) and bool(call.sdp) and self._passes_early_media
        early = early and await self._is_heard(leg, event.sdp)
        call.log.event(
            EventKind.LEG_PROGRESS, leg=leg.id.hex, status=event.status, early_media=early
        )
        if call.primary.answered or not isinstance(call.primary, CallerLeg):
            return
        if not early:
            call.primary.progress(event.status if event.status in (180, 183) else 180)
            return
        call.primary.progress(183, call.sdp)

    async def _is_heard(self, leg: CalleeLeg, sdp: bytes) -> bool:
        """Let the caller hear what a target says before it answers; False when that cannot be."""
        try:
            await self._apply_answer(leg, sdp)
        except RpcError:
            return False
        await self._connect(leg)
        return True

    async def _connect(self, leg: CalleeLeg) -> None:
        if self._connected is not leg:
            await self._call.manager.media.connect(self._call.id, self._call.primary.id, leg.id)
            self._connected = leg

    async def _apply_answer(self, leg: CalleeLeg, sdp: bytes) -> None:
        if sdp and sdp != leg.media_sdp:
            await self._call.manager.media.answer(self._call.id, leg.id, sdp, "answer")
            leg.media_sdp = sdp

    # --- answered ---------------------------------------------------------------------------------

    async def on_answered(self, event: ev.Answered) -> None:
        leg = event.leg
        attempt = self._attempts.get(leg)
        if attempt is None or self._call.gone:
            leg.hang_up(_ELSEWHERE if attempt is None else 16)
            return
        self._call.stop_timer(leg)
        if not event.sdp and not leg.media_sdp:
            leg.hang_up(79)
            await self._failed(attempt, causes.NO_MEDIA)
            return
        try:
            await self._apply_answer(leg, event.sdp)
        except RpcError:
            leg.hang_up(79)
            await self._failed(attempt, causes.NO_MEDIA)
            return
        self._call.log.event(EventKind.LEG_ANSWERED, leg=leg.id.hex)
        if not self._dial.whisper and not self._dial.confirm:
            await self._bridge(attempt)
            return
        attempt.deciding = True
        whisper = self._dial.whisper or (Pause(0),)
        attempt.screening = Announcement(self._call, leg, whisper, personal=self._personal)
        self._call.after(_WHISPER_SECONDS, leg)

    async def on_spoken(self, event: ev.Spoken) -> None:
        """A whisper is over."""
        for attempt in self._attempts.values():
            if attempt.screening is event.announcement:
                attempt.screening = None
                if self._dial.confirm:
                    self._call.after(self._dial.confirm_seconds, attempt.leg)
                else:
                    await self._bridge(attempt)
                return

    async def on_pressed(self, event: ev.Pressed) -> None:
        for attempt in self._attempts.values():
            if attempt.leg.id == event.leg and attempt.deciding:
                if event.digit == self._dial.confirm:
                    await self._bridge(attempt)
                return

    async def _bridge(self, attempt: Attempt) -> None:
        """This one it is: all others end, and the two talk."""
        call, leg = self._call, attempt.leg
        if leg.over and attempt.deciding:
            return  # it hung up: that comes next
        del self._attempts[leg]
        await self._drop_attempts(_ELSEWHERE)
        call.stop_timer(leg)
        if attempt.screening is not None:
            await attempt.screening.stop()
        await self._stop_ring_back()
        call.peer = leg
        if not call.sdp:
            call.sdp = await call.describe()
        await self._connect(leg)
        if not call.primary.answered:
            await call.answer(leg)
            if not call.primary.answered:
                return  # given up at this moment
        call.log.event(EventKind.LEG_BRIDGED, leg=leg.id.hex)
        call.state = State.BRIDGED
        self._bridged_at = call.manager.clock.monotonic()
        if self._dial.max_seconds is not None:
            call.after(self._dial.max_seconds, self)
        plan = None if self._emergency else call.recording_plan
        call.recording = Recording(call, plan, (call.primary, leg))
        if not call.primary.unacknowledged:  # who may not have the answer yet hears no prompt
            call.recording.begin()

    async def _stop_ring_back(self) -> None:
        if self._ringing_back:
            self._ringing_back = False
            await self._call.silence(self._call.primary)

    async def on_hung_up(self, event: ev.HungUp) -> None:
        """By whom the primary leg talks to, or who was still deciding."""
        attempt = self._attempts.get(event.leg)
        if attempt is not None:
            await self._failed(attempt, _NOT_CONFIRMED)
        elif event.leg is self._call.peer:
            await self._on_peer_hung_up(event)

    async def _on_peer_hung_up(self, event: ev.HungUp) -> None:
        call, outcome = self._call, self._outcome("answered")
        assert call.interpreter is not None
        if call.interpreter.last(outcome):
            call.over(outcome)
            await call.end(EndReason.CALLEE_HANGUP, "callee", status=480, q850=event.q850 or 16)
        else:
            await self._part()
            await call.proceed(outcome)

    # --- not answered -----------------------------------------------------------------------------

    async def on_failed(self, event: ev.Failed) -> None:
        attempt = self._attempts.get(event.leg)
        if attempt is not None:
            await self._failed(attempt, event.cause)

    async def on_elapsed(self, event: ev.Elapsed) -> None:
        if event.timer is self:
            await self._part(q850=102)
            await self._call.proceed(self._outcome("answered"))
            return
        attempt = self._attempts.get(cast(Leg, event.timer))
        if attempt is None:
            return
        leg = attempt.leg
        if attempt.deciding:
            leg.hang_up(_NOT_CONFIRMED.q850)
            await self._failed(attempt, _NOT_CONFIRMED)
        elif not leg.answered:
            cause = causes.NO_ANSWER if leg.rang else causes.NO_RESPONSE
            leg.cancel(cause.q850)
            await self._failed(attempt, cause)

    async def _failed(self, attempt: Attempt, cause: Cause) -> None:
        del self._attempts[attempt.leg]
        self._hunt.failed(attempt.target, cause)
        await self._let_go(attempt)
        if not self._attempts:
            outcome = await self._ring_next()
            if outcome is not None:
                await self._call.proceed(outcome)

    async def _let_go(self, attempt: Attempt) -> None:
        """A leg that is over, or on its way to be: its ports and its figures."""
        self._call.stop_timer(attempt.leg)
        if attempt.screening is not None:
            attempt.screening.cancel()
        await self._close(attempt.leg)

    async def _close(self, leg: CalleeLeg) -> None:
        stats = await self._call.delete_media(leg.id)
        self._call.record.leg_ended(leg, stats.legs.get(leg.id))

    async def _drop_attempts(self, q850: int) -> None:
        attempts, self._attempts = list(self._attempts.values()), {}
        for attempt in attempts:
            attempt.leg.hang_up(q850)
        for attempt in attempts:
            await self._let_go(attempt)

    # --- the end of the conversation --------------------------------------------------------------

    async def _part(self, q850: int = 16) -> None:
        """The two do not talk any more; the primary leg stays."""
        call, peer = self._call, self._call.peer
        call.stop_timer(self)
        recording, call.recording = call.recording, None
        if recording is not None:
            await recording.finish()
        if peer is not None:
            peer.hang_up(q850)
            await self._close(peer)
            call.peer = None
        await call.silence(call.primary)

    async def abandon(self) -> None:
        await self._drop_attempts(16)
        await self._stop_ring_back()
        if self._call.peer is not None:
            await self._part()

    async def on_held(self, leg: Leg, held: bool) -> None:
        """One side put the other on hold, or took it back."""
        call = self._call
        other = call.peer if leg is call.primary else call.primary
        if not self._dial.music or call.state is not State.BRIDGED or other is None:
            return
        try:
            source = self._dial.music if held else "stop"
            await call.manager.media.play(call.id, other.id, source, loop=0)
        except RpcError as error:
            _log.warning("no music", extra={"kv": {"code": error.code}})
