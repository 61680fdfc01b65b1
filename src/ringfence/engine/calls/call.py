"""The actor of one call: a back-to-back user agent that performs the call's program.

Everything that happens comes through the mailbox and is handled one after the other; what may
happen in which state stands in TRANSITIONS (engine.calls.table). What the call does for its program
at a moment is its ``doing``: engine.calls.{speaking,gathering,message,dialling,fetching}.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ringfence.engine.calls import events as ev
from ringfence.engine.calls.announcement import Announcement
from ringfence.engine.calls.callee import CalleeLeg
from ringfence.engine.calls.caller import CallerLeg
from ringfence.engine.calls.leg import Leg
from ringfence.engine.calls.record import CallRecord
from ringfence.engine.calls.recording import CallState, Recording
from ringfence.engine.calls.states import State
from ringfence.engine.media.client import MediaLost
from ringfence.engine.ports import RecordingPlan, SessionStats, TrunkConfig
from ringfence.engine.signalling import causes
from ringfence.engine.signalling.causes import Cause
from ringfence.engine.verbs.interpreter import FlowLoop, Interpreter, Step
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EndReason, EventKind
from ringfence.platform.rpc import RpcError
from ringfence.platform.spool import SpoolError

if TYPE_CHECKING:
    from ringfence.engine.calls.activity import Activity
    from ringfence.engine.calls.manager import CallManager

_log = logging.getLogger("ringfence.call")


class Call:
    """One call from its first INVITE to the last answer to its last BYE."""

    primary: Leg
    """The leg that the program acts on: the caller's, or the first one of an originated call."""

    def __init__(self, manager: CallManager, call_id: UUID, arrived: int) -> None:
        self.manager = manager
        self.id = call_id
        self.arrived = arrived
        """Microseconds since the Unix epoch."""
        self.state = State.ROUTING
        self.caller_number = ""
        """E.164, or empty."""
        self.caller_text = ""
        """What may be shown of the caller, or empty."""
        self.called = ""
        self.log = manager.journal.open(call_id)
        self.record = CallRecord(self, self.log)
        self.emergency = False
        self.recording_plan: RecordingPlan | None = None
        """Of conversations."""
        self.later_plan: RecordingPlan | None = None
        """Of conversations with whom a later program names."""
        self.message_plan: RecordingPlan | None = None
        self.recording: Recording | None = None
        self.interpreter: Interpreter | None = None
        self.step: Step | None = None
        self.doing: Activity | None = None
        self.peer: CalleeLeg | None = None
        """Whom the primary leg talks to."""
        self.legs: list[Leg] = []
        self.max_forwards = 70
        self.announcements: set[Announcement] = set()
        self.sdp = b""
        """Our description to the primary leg, once there is one."""
        self.max_seconds = manager.max_call_seconds
        self.last_cause: Cause | None = None
        """Why the last target could not be reached."""
        self.redirects: set[ev.Command] = set()
        """Whose programs are asked for."""
        self.parameters: dict[str, str] = {}
        """What the server of the next document is told of the verb before."""
        self._traced = False
        self._mailbox: asyncio.Queue[ev.CallEventIn] = asyncio.Queue()
        self._plays = itertools.count(1)
        self._timers: dict[object, tuple[ev.Elapsed, asyncio.TimerHandle]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._answered_at: float | None = None
        self._failed = False

    @property
    def trunk(self) -> TrunkConfig | None:
        """That the call came through, or first went out through."""
        return self.primary.trunk

    @property
    def inbound(self) -> bool:
        return isinstance(self.primary, CallerLeg)

    @property
    def gone(self) -> bool:
        """The caller gave up before an answer."""
        primary = self.primary
        return isinstance(primary, CallerLeg) and primary.cancelled and not primary.answered

    @property
    def going(self) -> bool:
        """Neither over nor given up."""
        return not self.gone and self.state not in (State.ENDING, State.ENDED)

    def post(self, event: ev.CallEventIn) -> None:
        """Put something into the mailbox."""
        self._mailbox.put_nowait(event)

    async def run(self, begin: Awaitable[None]) -> None:
        """The actor's life. Whatever goes wrong inside ends this call and no other."""
        from ringfence.engine.calls.table import TRANSITIONS  # it names what happens here

        await self._guarded(begin)
        while self.state is not State.ENDED:
            event = await self._mailbox.get()
            handler = TRANSITIONS.get((self.state, type(event)))
            if handler is not None:
                await self._guarded(handler(self, event))

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except FlowLoop as error:
            _log.warning("flow failed", extra={"kv": {"call": self.id.hex, "why": error.message}})
            await self.end(EndReason.FLOW_FAILED, "system", status=500, q850=41)
        except RingfenceError as error:
            _log.warning("call failed", extra={"kv": {"call": self.id.hex, "code": error.code}})
            lost = error.code == MediaLost.code
            reason = EndReason.MEDIA_LOST if lost else EndReason.FAILED
            await self.end(reason, "system", status=503, q850=41)
        except Exception:
            _log.exception("call failed", extra={"kv": {"call": self.id.hex}})
            await self.end(EndReason.FAILED, "system", status=500, q850=41)

    # --- time, tasks, sound -----------------------------------------------------------------------

    def after(self, seconds: float, timer: object) -> None:
        """Post Elapsed with ``timer`` unless it is stopped before; one already set starts anew."""
        self.stop_timer(timer)
        event = ev.Elapsed(timer)
        self._timers[timer] = event, self.manager.loop.call_later(seconds, self.post, event)

    def due(self, event: ev.Elapsed) -> bool:
        """Whether that time is up: its timer was not stopped or set anew before this came."""
        newest, _ = self._timers.get(event.timer, (None, None))
        if newest is not event:
            return False
        del self._timers[event.timer]
        return True

    def stop_timer(self, timer: object) -> None:
        _, handle = self._timers.pop(timer, (None, None))
        if handle is not None:
            handle.cancel()

    def errand(self, work: Awaitable[None]) -> None:
        """Do something beside the call; what is not done when it ends is dropped."""
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def next_play(self) -> int:
        return next(self._plays)

    async def silence(self, leg: Leg) -> None:
        """End whatever plays to a leg."""
        try:
            await self.manager.media.play(self.id, leg.id, "stop")
        except RpcError:
            return  # it is gone already

    # --- the program ------------------------------------------------------------------------------

    def load(self, interpreter: Interpreter) -> None:
        """Take a program that is to be performed from its start."""
        self.interpreter = interpreter
        self.step = None
        program = interpreter.program
        self._traced = program.flow is not None or len(program.nodes) > 1

    async def proceed(self, outcome: str | None) -> None:
        """The verb before came out so: perform the next ones, up to one that takes time."""
        from ringfence.engine.calls.perform import perform

        assert self.interpreter is not None
        self.doing = None
        while self.going:
            self.over(outcome)
            step = self.interpreter.step(outcome, self.manager.clock.micros())
            if step is None:
                await self.finish()
                return
            self.step = step
            self._trace(EventKind.VERB_STARTED)
            outcome = await perform(self, step)
            if outcome is None:
                return

    def over(self, outcome: str | None) -> None:
        """The present verb came out so."""
        if self.step is not None and outcome is not None:
            self._trace(EventKind.VERB_ENDED, outcome=outcome)
            self._failed = outcome == "failed"
        self.step = None

    def _trace(self, kind: EventKind, **data: Any) -> None:
        if self._traced and self.step is not None:
            flow, _, node = self.step.node.rpartition("/")
            verb = type(self.step.verb).__name__.lower()
            self.log.event(kind, node=node, flow=flow or None, verb=verb, **data)

    async def finish(self) -> None:
        """The program is over."""
        cause = self.last_cause
        if self.primary.answered:
            reason = EndReason.FLOW_FAILED if self._failed else EndReason.COMPLETED
            await self.end(reason, "system", status=480, q850=16)
        elif cause is None:
            await self.end(EndReason.UNROUTABLE, "system", status=404, q850=1)
        else:
            by = "system" if cause in causes.OURS else "callee"
            await self.end(cause.reason, by, status=cause.status, q850=cause.q850)

    async def abandon(self) -> None:
        """Stop what is being done: something else is to be done instead."""
        doing, self.doing = self.doing, None
        for announcement in list(self.announcements):
            await announcement.stop()
        if doing is not None:
            await doing.abandon()

    # --- the answer -------------------------------------------------------------------------------

    async def answer(self, leg: Leg) -> None:
        """Answer the caller; ``leg`` is whose answer that is. Raises MediaLost, RpcError."""
        primary = self.primary
        assert isinstance(primary, CallerLeg)
        our_offer = not primary.request.body
        if not self.sdp:
            self.sdp = await self.describe()
        if self.gone:
            return
        self.log.event(EventKind.LEG_ANSWERED, leg=primary.id.hex)
        self.log.event(EventKind.CALL_ANSWERED, leg=leg.id.hex)
        primary.save_answering()
        await self.log.durable()
        primary.answer(self.sdp, our_offer=our_offer)
        self.note_answered()

    async def describe(self) -> bytes:
        """Our description to the caller, who offered or wants our offer. Raises RpcError."""
        assert isinstance(self.primary, CallerLeg)
        offer, media = self.primary.request.body, self.manager.media
        if offer:
            return await media.answer(self.id, self.primary.id, offer, "offer")
        like = self.peer.id if self.peer is not None else None
        return await media.offer(self.id, self.primary.id, like=like)

    def note_answered(self) -> None:
        """The call is answered: from now on it costs, and may only last so long."""
        self._answered_at = self.manager.clock.monotonic()
        self.after(self.max_seconds, EndReason.MAX_DURATION)

    def answered_for(self) -> float:
        """Seconds since the answer; 0 before."""
        if self._answered_at is None:
            return 0.0
        return self.manager.clock.monotonic() - self._answered_at

    # --- the end ----------------------------------------------------------------------------------

    async def end(
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
        self.cancel()
        answered = self.primary.answered
        if self.gone:  # whatever else went wrong, the caller was first
            reason, by, status, q850 = EndReason.CALLER_CANCEL, "caller", 487, 16
            retry_after = None
        for leg in self.legs:
            if isinstance(leg, CallerLeg):
                leg.hang_up(status, q850=q850, retry_after=retry_after)
            elif isinstance(leg, CalleeLeg):
                leg.hang_up(q850)
        if self.recording is not None:
            await self.recording.close()
        stats = await self.delete_media(None)
        try:
            if self.recording is not None:
                self.recording.completed(stats.tracks, at=ended_at)
            for leg in self.legs:
                self.record.leg_ended(leg, stats.legs.get(leg.id), at=ended_at)
            final = None if answered else status
            self.record.ended(reason, by, at=ended_at, status=final, q850=q850)
        except SpoolError:
            _log.error("end of call could not be recorded", extra={"kv": {"call": self.id.hex}})
        self.check_over()

    def cancel(self) -> None:
        """Nothing of what is under way comes to anything any more."""
        for _, handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        for command in self.redirects:
            command.fail(CallState("the call is over"))
        for announcement in list(self.announcements):
            announcement.cancel()
        for task in self._errands:
            task.cancel()

    async def delete_media(self, leg: UUID | None) -> SessionStats:
        try:
            return await self.manager.media.delete(self.id, leg)
        except RingfenceError:
            return SessionStats()  # the worker is gone, and its ports with it

    def release(self, leg: Leg) -> None:
        """Give back the channel that a leg took of its trunk."""
        if leg.trunk is not None:
            self.manager.gate.release(leg.trunk)

    def check_over(self) -> None:
        if self.state is State.ENDING and all(leg.over for leg in self.legs):
            self.state = State.ENDED
            while not self._mailbox.empty():
                late = self._mailbox.get_nowait()
                if isinstance(late, ev.LegOver):
                    self.release(late.leg)
                elif isinstance(late, ev.Command):
                    late.fail(CallState("the call is over"))
            self.log.close()
            self.manager.forget(self)
