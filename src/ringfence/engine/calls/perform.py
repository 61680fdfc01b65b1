"""What each verb does to a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.engine.calls.caller import CallerLeg
from ringfence.engine.calls.dialling import Dialling
from ringfence.engine.calls.fetching import Fetching
from ringfence.engine.calls.gathering import Gathering
from ringfence.engine.calls.message import TakingMessage
from ringfence.engine.calls.speaking import Speaking
from ringfence.engine.calls.states import State
from ringfence.engine.signalling import causes
from ringfence.engine.verbs.interpreter import Step
from ringfence.engine.verbs.model import (
    Dial,
    Fetch,
    Gather,
    Hangup,
    Hold,
    Pause,
    Play,
    Record,
    Reject,
    Say,
    Tag,
)
from ringfence.kernel.events import EndReason, EventKind
from ringfence.platform.rpc import RpcError

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_SPEAKS = Say | Play | Gather | Record | Hold
"""Verbs that need the call to be answered."""


async def perform(call: Call, step: Step) -> str | None:
    """Begin a verb; its outcome when that is known at once."""
    verb = step.verb
    if isinstance(verb, _SPEAKS) and not call.primary.answered:
        await _answer(call)
        return None  # resumed by the caller's ACK
    if isinstance(verb, _SPEAKS) and call.primary.unacknowledged:
        call.state = State.ANSWERING
        return None
    match verb:
        case Say() | Play() | Pause() | Hold():
            return await Speaking(call).start(verb, personal=step.personal)
        case Gather():
            await Gathering(call, verb, personal=step.personal).start()
        case Record():
            return await TakingMessage(call, verb).start()
        case Dial():
            return await Dialling(call, verb, personal=step.personal).start()
        case Fetch():
            await Fetching(call).start(verb)
        case Tag(name=name, value=value):
            call.log.event(EventKind.CALL_TAGGED, tags={name: value})
            return "done"
        case Reject(status=status):
            await _reject(call, status)
        case Hangup():
            await call.end(EndReason.COMPLETED, "system", status=480, q850=16)
    return None


async def resume(call: Call) -> None:
    """The caller has our answer: the verb that waited for it begins."""
    assert call.step is not None
    outcome = await perform(call, call.step)
    if outcome is not None:
        await call.proceed(outcome)


async def _answer(call: Call) -> None:
    assert isinstance(call.primary, CallerLeg)
    call.state = State.ANSWERING
    try:
        await call.answer(call.primary)
    except RpcError as error:
        status = 503 if error.code == "no_ports" else 488
        await call.end(EndReason.FAILED, "system", status=status, q850=79)


async def _reject(call: Call, status: int) -> None:
    reason = {404: EndReason.UNROUTABLE, 402: EndReason.NO_CREDIT}.get(status, EndReason.REJECTED)
    await call.end(reason, "system", status=status, q850=causes.cause_of(status).q850)
