"""How a call begins: one that came in is routed, one that a tenant wants is placed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ringfence.engine.calls import events as ev
from ringfence.engine.calls.callee import CalleeLeg
from ringfence.engine.calls.states import State
from ringfence.engine.ports import OriginateRequest, RouteDecision, RouteRequest
from ringfence.engine.signalling import causes
from ringfence.engine.signalling.causes import Cause
from ringfence.engine.signalling.transport import TransportError
from ringfence.engine.verbs.interpreter import Interpreter
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.events import EndReason, EventKind
from ringfence.platform.rpc import RpcError

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_log = logging.getLogger("ringfence.call")
RETRY_AFTER = 5


async def route(call: Call) -> None:
    """Ask what is to happen to a call that came in, and begin with it."""
    assert call.trunk is not None
    request = RouteRequest(call.id, call.trunk.id, call.caller_number, call.called, call.arrived)
    decision: RouteDecision | None
    try:
        decision = await call.manager.control.route(request)
    except RingfenceError as error:
        _log.warning("no routing decision", extra={"kv": {"code": error.code}})
        decision = None
    call.log.tenant = decision.tenant if decision is not None else call.trunk.tenant
    known = await _resolve(call, decision)
    call.record.started()
    call.record.leg_created(call.primary)
    if decision is None or not (known or decision.emergency):
        await call.end(EndReason.FAILED, "system", status=503, q850=41, retry_after=RETRY_AFTER)
        return
    await _begin(call, decision)


async def _begin(call: Call, decision: RouteDecision) -> None:
    """Take the decision, and perform its program."""
    take(call, decision)
    call.state = State.FETCHING
    await call.proceed(None)


def take(call: Call, decision: RouteDecision) -> None:
    """Keep what was decided of a call."""
    program = decision.program
    call.log.event(
        EventKind.CALL_ROUTED,
        number=decision.number.hex if decision.number is not None else None,
        flow=program.flow.hex if program.flow is not None else None,
        version=program.version,
        verbs=[type(node.verb).__name__.lower() for node in program.nodes.values()],
    )
    call.emergency = decision.emergency
    if not decision.emergency:
        call.recording_plan = decision.recording
        call.later_plan = decision.recording_later
        call.message_plan = decision.message
    if decision.max_seconds is not None:
        call.max_seconds = min(call.max_seconds, decision.max_seconds)
    call.load(Interpreter(program, decision.facts))


async def _resolve(call: Call, decision: RouteDecision | None) -> bool:
    """Whether the parties could be told apart and sealed; nobody is recorded otherwise."""
    try:
        await call.record.resolve(decision)
    except RingfenceError as error:
        _log.error("parties cannot be sealed", extra={"kv": {"code": error.code}})
        return False
    return True


# --- originated -----------------------------------------------------------------------------------


class NotPlaced(RingfenceError):
    """The call cannot be placed now; ``details.cause`` is the Q.850 cause."""

    code = "call_not_placed"
    http_status = 409


async def place(call: Call, request: OriginateRequest, decision: RouteDecision) -> None:
    """Ring the first leg of a call that a tenant wants. Raises NotPlaced, Unavailable, with nothing
    begun."""
    manager, target = call.manager, decision.first
    assert target is not None
    call.log.tenant = request.tenant
    call.caller_number = call.caller_text = request.caller_id
    places = manager.places(target)
    if not places:
        raise NotPlaced("the target is not reachable", details={"cause": 20})
    first = places[0]
    if first.trunk is not None and not manager.gate.take(first.trunk):
        raise NotPlaced("the limit of the trunk is reached", details={"cause": 34})
    try:
        flow = await manager.way_to(first, request.tenant)
        await call.record.resolve(decision)
        leg_id = await call.record.new_leg(target)
        leg = CalleeLeg(manager.agent, call, leg_id, first.trunk, flow)
        sdp = await manager.media.offer(call.id, leg.id)
        if manager.agent.draining:
            raise Unavailable("this node takes no new calls")
        leg.target = target
        call.primary = leg
        call.record.started()
        call.record.leg_created(leg)
        take(call, decision)
    except BaseException as error:
        if first.trunk is not None:
            manager.gate.release(first.trunk)
        if isinstance(error, TransportError):
            raise NotPlaced("the target is not reachable", details={"cause": 27}) from None
        raise
    call.legs.append(leg)
    leg.invite(uri=first.uri, caller=first.present(request.caller_id), sdp=sdp, max_forwards=70)
    call.state = State.CALLING
    call.after(min(request.timeout_seconds, manager.ring_seconds), leg)


async def on_progress(call: Call, event: ev.Progress) -> None:
    call.log.event(
        EventKind.LEG_PROGRESS, leg=event.leg.id.hex, status=event.status, early_media=False
    )


async def on_answered(call: Call, event: ev.Answered) -> None:
    leg = event.leg
    call.stop_timer(leg)
    sdp = event.sdp
    if not sdp:
        await _not_answered(call, causes.NO_MEDIA)
        return
    try:
        await call.manager.media.answer(call.id, leg.id, sdp, "answer")
    except RpcError:
        await call.end(EndReason.FAILED, "system", status=488, q850=79)
        return
    call.sdp = sdp
    call.log.event(EventKind.LEG_ANSWERED, leg=leg.id.hex)
    call.log.event(EventKind.CALL_ANSWERED, leg=leg.id.hex)
    await call.log.durable()
    call.note_answered()
    await call.proceed(None)


async def on_failed(call: Call, event: ev.Failed) -> None:
    await _not_answered(call, event.cause)


async def on_elapsed(call: Call, event: ev.Elapsed) -> None:
    leg = call.primary
    if not call.due(event) or not isinstance(leg, CalleeLeg) or leg.answered:
        return
    await _not_answered(call, causes.NO_ANSWER if leg.rang else causes.NO_RESPONSE)


async def _not_answered(call: Call, cause: Cause) -> None:
    by = "system" if cause in causes.OURS else "callee"
    await call.end(cause.reason, by, status=cause.status, q850=cause.q850)
