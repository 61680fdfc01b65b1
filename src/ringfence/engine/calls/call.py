"""The actor of one call: a back-to-back user agent that runs the call's verbs.

Everything that happens comes through the mailbox and is handled one after the other; what may
happen in which state stands in TRANSITIONS at the end of the file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from ringfence.engine.calls import events as ev
from ringfence.engine.calls.callee import CalleeLeg
from ringfence.engine.calls.caller import CallerLeg
from ringfence.engine.calls.leg import Leg
from ringfence.engine.calls.party import caller_of, target_of
from ringfence.engine.calls.record import CallRecord
from ringfence.engine.calls.recording import Recording
from ringfence.engine.media.client import MediaLost
from ringfence.engine.ports import RouteDecision, RouteRequest, SessionStats, TrunkConfig
from ringfence.engine.signalling import causes
from ringfence.engine.signalling.causes import Cause
from ringfence.engine.signalling.transactions import ServerTransaction
from ringfence.engine.signalling.transport import Flow, TransportError
from ringfence.engine.verbs.hunt import Hunt
from ringfence.engine.verbs.model import Dial, DialTarget, Reject
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EndReason, EventKind
from ringfence.kernel.ids import uuid7
from ringfence.platform.rpc import RpcError
from ringfence.platform.spool import SpoolError

if TYPE_CHECKING:
    from ringfence.engine.calls.manager import CallManager

_log = logging.getLogger("ringfence.call")
RETRY_AFTER = 5


class State(Enum):
    ROUTING = auto()
    DIALLING = auto()
    CONNECTED = auto()
    ENDING = auto()
    """Hung up and journaled; some leg's BYE or CANCEL is still on the wire."""
    ENDED = auto()


class Call:
    """One call from its INVITE to the last answer to its last BYE.

    Raises SipError, with nothing begun, for an INVITE whose target cannot be read.
    """

    def __init__(
        self, manager: CallManager, transaction: ServerTransaction, flow: Flow, trunk: TrunkConfig
    ) -> None:
        self.manager = manager
        clock = manager.clock
        self.id = uuid7(clock)
        self.arrived = clock.micros()
        self.state = State.ROUTING
        self.trunk = trunk
        self.caller_number, self.caller_text = caller_of(transaction.request, trunk.format)
        self.called = target_of(transaction.request, trunk.format)
        self.log = manager.journal.open(self.id)
        self.record = CallRecord(self, self.log)
        self.recording = Recording(self)
        self.caller = CallerLeg(manager.agent, self, uuid7(clock), trunk, flow, transaction)
        self.legs: list[Leg] = [self.caller]
        self.callee: CalleeLeg | None = None
        self._mailbox: asyncio.Queue[ev.CallEventIn] = asyncio.Queue()
        self._verbs: list[Dial | Reject] = []
        self._hunt: Hunt | None = None
        self._target: DialTarget | None = None
        self._caller_sdp = b""
        self._ring_timer: asyncio.TimerHandle | None = None
        self._max_timer: asyncio.TimerHandle | None = None
        self._max_seconds = manager.max_call_seconds
        self._connected_at = 0.0
        self._last_cause: Cause | None = None

    def post(self, event: ev.CallEventIn) -> None:
        """Put something into the mailbox."""
        self._mailbox.put_nowait(event)

    async def run(self) -> None:
        """The actor's life. Whatever goes wrong inside ends this call and no other."""
        await self._guarded(self._route())
        while self.state is not State.ENDED:
            event = await self._mailbox.get()
            handler = TRANSITIONS.get((self.state, type(event)))
            if handler is not None:
                await self._guarded(handler(self, event))

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except RingfenceError as error:
            _log.warning("call failed", extra={"kv": {"call": self.id.hex, "code": error.code}})
            lost = error.code == MediaLost.code
            reason = EndReason.MEDIA_LOST if lost else EndReason.FAILED
            await self._end(reason, "system", status=503, q850=41)
        except Exception:
            _log.exception("call failed", extra={"kv": {"call": self.id.hex}})
            await self._end(EndReason.FAILED, "system", status=500, q850=41)

    # --- routing ----------------------------------------------------------------------------------

    async def _route(self) -> None:
        request = RouteRequest(
            self.id, self.trunk.id, self.caller_number, self.called, self.arrived
        )
        decision: RouteDecision | None
        try:
            decision = await self.manager.control.route(request)
        except RingfenceError as error:
            _log.warning("no routing decision", extra={"kv": {"code": error.code}})
            decision = None
        self.log.tenant = decision.tenant if decision is not None else self.trunk.tenant
        known = await self._resolve(decision)
        self.record.started()
        self.record.leg_created(self.caller)
        if decision is None or not (known or decision.emergency):
            await self._end(
                EndReason.FAILED, "system", status=503, q850=41, retry_after=RETRY_AFTER
            )
            return
        self.log.event(
            EventKind.CALL_ROUTED,
            number=decision.number.hex if decision.number is not None else None,
            verbs=[type(n.verb).__name__.lower() for n in decision.program.nodes.values()],
        )
        self._verbs = [
            node.verb
            for node in decision.program.nodes.values()
            if isinstance(node.verb, Dial | Reject)
        ]
        if not decision.emergency:
            self.recording.plan = decision.recording
        if decision.max_seconds is not None:
            self._max_seconds = min(self._max_seconds, decision.max_seconds)
        self.state = State.DIALLING
        self.post(ev.Proceed())

    async def _resolve(self, decision: RouteDecision | None) -> bool:
        """Whether the parties could be told apart and sealed; nobody is recorded otherwise."""
        try:
            await self.record.resolve(decision)
        except RingfenceError as error:
            _log.error("parties cannot be sealed", extra={"kv": {"code": error.code}})
            return False
        return True

    # --- dialling ---------------------------------------------------------------------------------

    async def _proceed(self, event: ev.CallEventIn) -> None:
        """Run the verbs up to the next one that waits."""
        while self.caller.cancelled is False:
            if self._hunt is None:
                if not self._verbs:
                    await self._give_up()
                    return
                verb = self._verbs.pop(0)
                if isinstance(verb, Reject):
                    reason = EndReason.UNROUTABLE if verb.status == 404 else EndReason.REJECTED
                    q850 = causes.cause_of(verb.status).q850
                    await self._end(reason, "system", status=verb.status, q850=q850)
                    return
                self._hunt = Hunt(verb)
            target = self._hunt.next()
            if target is None:
                self._last_cause = self._hunt.outcome or self._last_cause
                self._hunt = None
                continue
            cause = await self._dial(target, self._hunt.dial)
            if cause is None:
                return
            self._hunt.failed(target, cause)

    async def _give_up(self) -> None:
        cause = self._last_cause
        if cause is None:
            await self._end(EndReason.UNROUTABLE, "system", status=404, q850=1)
            return
        by = "system" if cause is causes.LIMIT else "callee"
        await self._end(cause.reason, by, status=cause.status, q850=cause.q850)

    async def _dial(self, target: DialTarget, dial: Dial) -> Cause | None:
        """Ring one target; the cause when that is not even possible."""
        place = self.manager.place(target)
        if place is None:
            return causes.TRANSPORT_FAILED
        trunk = place.trunk
        if trunk is not None and not self.manager.gate.take(trunk):
            return causes.LIMIT
        try:
            flow = await self.manager.agent.transports.resolve(
                place.host, place.port, place.transport
            )
        except TransportError:
            self._release(trunk)
            return causes.TRANSPORT_FAILED
        leg = CalleeLeg(self.manager.agent, self, self.record.leg_id(target), trunk, flow)
        try:
            sdp = await self._prepare_media(leg)
        except BaseException:
            self._release(trunk)
            raise
        if sdp is None or self.caller.cancelled:
            self._release(trunk)
            return None
        self._target, self.callee, leg.target = target, leg, target
        self.legs.append(leg)
        leg.invite(
            uri=place.uri,
            caller=place.present(dial.caller_id or self.caller_text),
            sdp=sdp,
            max_forwards=int(self.caller.request.headers.get("max-forwards") or 70) - 1,
        )
        self.record.leg_created(leg)
        seconds = min(dial.timeout_seconds, self.manager.ring_seconds)
        self._ring_timer = self.manager.loop.call_later(seconds, self.post, ev.RingTimeout(leg))
        return None

    def _release(self, trunk: TrunkConfig | None) -> None:
        if trunk is not None:
            self.manager.gate.release(trunk)

    async def _prepare_media(self, leg: CalleeLeg) -> bytes | None:
        """Our offer to a target, already connected to the caller's leg.

        The caller's own offer is answered once, before anybody is rung; the call ends and None is
        returned when it cannot be met. What does not depend on a reply goes out together.
        """
        media, offer = self.manager.media, self.caller.request.body
        if not offer:
            return await media.offer(self.id, leg.id)
        work: list[Awaitable[Any]] = [
            media.offer(self.id, leg.id, like=self.caller.id),
            media.connect(self.id, self.caller.id, leg.id),
        ]
        first = not self._caller_sdp
        if first:
            work.insert(0, media.answer(self.id, self.caller.id, offer, "offer"))
        results = await asyncio.gather(*work, return_exceptions=True)
        if first and isinstance(results[0], RpcError):
            status = 503 if results[0].code == "no_ports" else 488
            await self._end(EndReason.FAILED, "system", status=status, q850=79)
            return None
        for result in results:
            if isinstance(result, BaseException):
                raise result
        *answer, ours, _ = cast(list[Any], results)
        if answer:
            self._caller_sdp = answer[0]
        return cast(bytes, ours)

    async def _on_progress(self, event: ev.Progress) -> None:
        leg = event.leg
        if leg is not self.callee:
            return
        early = bool(event.sdp) and bool(self._caller_sdp)
        self.log.event(
            EventKind.LEG_PROGRESS, leg=leg.id.hex, status=event.status, early_media=early
        )
        if not early:
            self.caller.progress(event.status if event.status in (180, 183) else 180)
            return
        await self._apply_answer(leg, event.sdp)
        self.caller.progress(183, self._caller_sdp)

    async def _apply_answer(self, leg: CalleeLeg, sdp: bytes) -> None:
        if sdp and sdp != leg.media_sdp:
            await self.manager.media.answer(self.id, leg.id, sdp, "answer")
            leg.media_sdp = sdp

    async def _on_answered(self, event: ev.Answered) -> None:
        leg = event.leg
        if leg is not self.callee or self.caller.cancelled:
            leg.hang_up(16)
            return
        self._stop_ring_timer()
        if not event.sdp and not leg.media_sdp:
            await self._end(EndReason.FAILED, "system", status=503, q850=79)
            return
        await self._apply_answer(leg, event.sdp)
        our_offer = not self._caller_sdp
        if our_offer:
            self._caller_sdp = await self.manager.media.offer(self.id, self.caller.id, like=leg.id)
            await self.manager.media.connect(self.id, self.caller.id, leg.id)
        if self.caller.cancelled:
            return
        self.log.event(EventKind.LEG_ANSWERED, leg=leg.id.hex)
        self.log.event(EventKind.CALL_ANSWERED, leg=leg.id.hex)
        self.caller.save_answering()
        await self.log.durable()
        self.caller.answer(self._caller_sdp, our_offer=our_offer)
        self.state = State.CONNECTED
        self._connected_at = self.manager.clock.monotonic()
        self._max_timer = self.manager.loop.call_later(
            self._max_seconds, self.post, ev.MaxDuration()
        )

    async def _on_failed(self, event: ev.Failed) -> None:
        if event.leg is not self.callee:
            return
        await self._target_failed(event.leg, event.cause)

    async def _on_ring_timeout(self, event: ev.RingTimeout) -> None:
        if event.leg is not self.callee or event.leg.answered:
            return
        cause = causes.NO_ANSWER if event.leg.rang else causes.NO_RESPONSE
        event.leg.cancel(cause.q850)
        await self._target_failed(event.leg, cause)

    async def _target_failed(self, leg: CalleeLeg, cause: Cause) -> None:
        self._stop_ring_timer()
        self.callee = None
        stats = await self._delete_media(leg.id)
        self.record.leg_ended(leg, stats.legs.get(leg.id))
        assert self._hunt is not None and self._target is not None
        self._hunt.failed(self._target, cause)
        self.post(ev.Proceed())

    async def _on_cancelled(self, event: ev.Cancelled) -> None:
        await self._end(EndReason.CALLER_CANCEL, "caller", status=487, q850=16)

    # --- connected --------------------------------------------------------------------------------

    async def _on_hung_up(self, event: ev.HungUp) -> None:
        if event.leg not in (self.caller, self.callee):
            return  # a target given up, whose answer crossed our CANCEL
        caller = event.leg is self.caller
        reason = EndReason.CALLER_HANGUP if caller else EndReason.CALLEE_HANGUP
        await self._end(reason, event.leg.role, status=480, q850=event.q850 or 16)

    async def _on_late_answer(self, event: ev.LateAnswer) -> None:
        if not event.sdp:
            await self._end(EndReason.FAILED, "system", status=488, q850=79)
            return
        await self.manager.media.answer(self.id, event.leg.id, event.sdp, "answer")
        event.leg.note_hold(event.sdp)

    async def _on_acknowledged(self, event: ev.Acknowledged) -> None:
        if event.leg is self.caller:  # who may not have the answer yet hears no prompt
            self.recording.begin()

    async def _on_reoffer(self, event: ev.Reoffer) -> None:
        leg = event.leg
        if self.state is not State.CONNECTED:
            leg.reject_reoffer(event.transaction, 491)
            return
        media = self.manager.media
        try:
            if event.sdp:
                sdp = await media.answer(self.id, leg.id, event.sdp, "offer")
            else:
                sdp = await media.offer(self.id, leg.id)
        except RpcError:
            leg.reject_reoffer(event.transaction, 488)
            return
        leg.send_success(event.transaction, sdp, our_offer=not event.sdp)
        if event.sdp:
            leg.note_hold(event.sdp)

    async def _on_no_ack(self, event: ev.NoAck) -> None:
        await self._end(EndReason.ACK_MISSING, "system", status=480, q850=102)

    async def _on_max_duration(self, event: ev.MaxDuration) -> None:
        await self._end(EndReason.MAX_DURATION, "system", status=480, q850=102)

    async def _on_media_silent(self, event: ev.MediaSilent) -> None:
        if self.manager.clock.monotonic() - self._connected_at < event.seconds:
            return  # part of that silence was ringing
        await self._end(EndReason.MEDIA_TIMEOUT, "system", status=480, q850=41)

    async def _on_played(self, event: ev.Played) -> None:
        self.recording.on_played(event.leg)

    async def _on_track_failed(self, event: ev.TrackFailed) -> None:
        self.recording.on_track_failed(event.track)

    async def _on_command(self, event: ev.Command) -> None:
        self.recording.command(event)

    async def _on_media_gone(self, event: ev.MediaGone) -> None:
        await self._end(EndReason.MEDIA_LOST, "system", status=503, q850=41)

    async def _on_shutdown(self, event: ev.Shutdown) -> None:
        await self._end(EndReason.SHUTDOWN, "system", status=503, q850=41)

    # --- the end ----------------------------------------------------------------------------------

    async def _end(
        self,
        reason: EndReason,
        by: str,
        *,
        status: int,
        q850: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Hang everything up and write the call's end; ``status`` goes to an unanswered caller."""
        if self.state in (State.ENDING, State.ENDED):
            return
        self.state = State.ENDING
        ended_at = self.manager.clock.micros()
        self._stop_ring_timer()
        if self._max_timer is not None:
            self._max_timer.cancel()
        answered = self.caller.answered
        if answered:
            self.caller.bye(q850)
        elif self.caller.cancelled:  # whatever else went wrong meanwhile, the caller was first
            reason, by, status, q850 = EndReason.CALLER_CANCEL, "caller", 487, 16
            self.caller.reject(status, q850=q850)
        else:
            self.caller.reject(status, q850=q850, retry_after=retry_after)
        for leg in self.legs:
            if isinstance(leg, CalleeLeg):
                leg.hang_up(q850)
        await self.recording.close()
        stats = await self._delete_media(None)
        try:
            self.recording.completed(stats.tracks)
            for leg in self.legs:
                self.record.leg_ended(leg, stats.legs.get(leg.id), at=ended_at)
            final = None if answered else status
            self.record.ended(reason, by, at=ended_at, status=final, q850=q850)
        except SpoolError:
            _log.error("end of call could not be recorded", extra={"kv": {"call": self.id.hex}})
        self._check_over()

    async def _delete_media(self, leg: UUID | None) -> SessionStats:
        try:
            return await self.manager.media.delete(self.id, leg)
        except RingfenceError:
            return SessionStats()  # the worker is gone, and its ports with it

    async def _on_leg_over(self, event: ev.LegOver) -> None:
        self._release(event.leg.trunk)
        self._check_over()

    def _check_over(self) -> None:
        if self.state is State.ENDING and all(leg.over for leg in self.legs):
            self.state = State.ENDED
            while not self._mailbox.empty():
                late = self._mailbox.get_nowait()
                if isinstance(late, ev.LegOver):
                    self._release(late.leg.trunk)
            self.log.close()
            self.manager.forget(self)

    def _stop_ring_timer(self) -> None:
        if self._ring_timer is not None:
            self._ring_timer.cancel()
            self._ring_timer = None


_S = State
Handler = Callable[[Call, Any], Awaitable[None]]
_ALIVE: tuple[tuple[type, Handler], ...] = (
    (ev.MediaGone, Call._on_media_gone),
    (ev.Shutdown, Call._on_shutdown),
    (ev.LegOver, Call._on_leg_over),
)
TRANSITIONS: dict[tuple[State, type], Handler] = {
    (_S.DIALLING, ev.Proceed): Call._proceed,
    (_S.DIALLING, ev.Progress): Call._on_progress,
    (_S.DIALLING, ev.Answered): Call._on_answered,
    (_S.DIALLING, ev.Failed): Call._on_failed,
    (_S.DIALLING, ev.RingTimeout): Call._on_ring_timeout,
    (_S.DIALLING, ev.Cancelled): Call._on_cancelled,
    (_S.DIALLING, ev.HungUp): Call._on_hung_up,
    (_S.DIALLING, ev.Reoffer): Call._on_reoffer,
    (_S.CONNECTED, ev.HungUp): Call._on_hung_up,
    (_S.CONNECTED, ev.Reoffer): Call._on_reoffer,
    (_S.CONNECTED, ev.LateAnswer): Call._on_late_answer,
    (_S.CONNECTED, ev.Acknowledged): Call._on_acknowledged,
    (_S.CONNECTED, ev.NoAck): Call._on_no_ack,
    (_S.CONNECTED, ev.MaxDuration): Call._on_max_duration,
    (_S.CONNECTED, ev.MediaSilent): Call._on_media_silent,
    (_S.CONNECTED, ev.Played): Call._on_played,
    (_S.CONNECTED, ev.TrackFailed): Call._on_track_failed,
    (_S.CONNECTED, ev.Command): Call._on_command,
    (_S.ENDING, ev.Command): Call._on_command,
    (_S.ENDING, ev.LegOver): Call._on_leg_over,
    **{(state, event): run for state in (_S.DIALLING, _S.CONNECTED) for event, run in _ALIVE},
}
