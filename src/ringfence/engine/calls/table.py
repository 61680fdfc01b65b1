"""What may happen in which state of a call, and what is then done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ringfence.engine.calls import events as ev
from ringfence.engine.calls import fetching, originating, perform
from ringfence.engine.calls.call import Call
from ringfence.engine.calls.dialling import Dialling
from ringfence.engine.calls.leg import Leg
from ringfence.engine.calls.message import TakingMessage
from ringfence.engine.calls.recording import CallState
from ringfence.engine.calls.states import RUNNING, State
from ringfence.kernel.events import EndReason
from ringfence.platform.rpc import RpcError

Handler = Callable[[Call, Any], Awaitable[None]]

# --- of any running call --------------------------------------------------------------------------


async def _on_cancelled(call: Call, event: ev.Cancelled) -> None:
    if call.gone:  # else it crossed our answer
        await call.end(EndReason.CALLER_CANCEL, "caller", status=487, q850=16)


async def _on_hung_up(call: Call, event: ev.HungUp) -> None:
    if event.leg is call.primary:
        reason = EndReason.CALLER_HANGUP if call.inbound else EndReason.CALLEE_HANGUP
        await call.end(reason, event.leg.role, status=480, q850=event.q850 or 16)
    elif isinstance(call.doing, Dialling):
        await call.doing.on_hung_up(event)
    # else a target given up, whose answer crossed our CANCEL


async def _on_acknowledged(call: Call, event: ev.Acknowledged) -> None:
    if event.leg is not call.primary:
        return
    if call.state is State.ANSWERING:
        await perform.resume(call)
    elif call.state is State.BRIDGED and call.recording is not None:
        call.recording.begin()


async def _on_no_ack(call: Call, event: ev.NoAck) -> None:
    await call.end(EndReason.ACK_MISSING, "system", status=480, q850=102)


async def _on_late_answer(call: Call, event: ev.LateAnswer) -> None:
    if event.leg not in (call.primary, call.peer):
        return  # it was hung up meanwhile
    if not event.sdp:
        await call.end(EndReason.FAILED, "system", status=488, q850=79)
        return
    await call.manager.media.answer(call.id, event.leg.id, event.sdp, "answer")
    await _note_hold(call, event.leg, event.sdp)


async def _on_reoffer(call: Call, event: ev.Reoffer) -> None:
    leg = event.leg
    if not leg.answered or leg not in (call.primary, call.peer):
        leg.reject_reoffer(event.transaction, 491)
        return
    media = call.manager.media
    try:
        if event.sdp:
            sdp = await media.answer(call.id, leg.id, event.sdp, "offer")
        else:
            sdp = await media.offer(call.id, leg.id)
    except RpcError:
        leg.reject_reoffer(event.transaction, 488)
        return
    leg.send_success(event.transaction, sdp, our_offer=not event.sdp)
    if event.sdp:
        await _note_hold(call, leg, event.sdp)


async def _note_hold(call: Call, leg: Leg, sdp: bytes) -> None:
    before = leg.held
    leg.note_hold(sdp)
    if leg.held is not before and isinstance(call.doing, Dialling):
        await call.doing.on_held(leg, leg.held)


async def _on_elapsed(call: Call, event: ev.Elapsed) -> None:
    if not call.due(event):
        return
    if event.timer is EndReason.MAX_DURATION:
        await call.end(EndReason.MAX_DURATION, "system", status=480, q850=102)
    elif call.doing is not None:
        await call.doing.on_elapsed(event)


async def _on_media_silent(call: Call, event: ev.MediaSilent) -> None:
    heard = (leg for leg in (call.primary, call.peer) if leg is not None and leg.answered)
    if all(leg.id != event.leg for leg in heard) or call.answered_for() < event.seconds:
        return  # part of that silence was ringing
    await call.end(EndReason.MEDIA_TIMEOUT, "system", status=480, q850=41)


async def _on_played(call: Call, event: ev.Played) -> None:
    for announcement in call.announcements:
        announcement.on_played(event.play)
    if call.recording is not None:
        call.recording.on_played(event.play)


async def _on_spoken(call: Call, event: ev.Spoken) -> None:
    if call.doing is not None:
        await call.doing.on_spoken(event)


async def _on_pressed(call: Call, event: ev.Pressed) -> None:
    if call.doing is not None and (event.leg == call.primary.id or call.state is State.RINGING):
        await call.doing.on_pressed(event)


async def _on_recorded(call: Call, event: ev.Recorded) -> None:
    if isinstance(call.doing, TakingMessage) and event.recording is call.recording:
        await call.doing.on_recorded(event)


async def _on_quiet(call: Call, event: ev.Quiet) -> None:
    recording = call.recording
    if isinstance(call.doing, TakingMessage) and recording and recording.has(event.track):
        await call.doing.on_quiet(event)


async def _on_track_failed(call: Call, event: ev.TrackFailed) -> None:
    if call.recording is not None:
        call.recording.on_track_failed(event.track)


async def _on_media_gone(call: Call, event: ev.MediaGone) -> None:
    await call.end(EndReason.MEDIA_LOST, "system", status=503, q850=41)


async def _on_shutdown(call: Call, event: ev.Shutdown) -> None:
    await call.end(EndReason.SHUTDOWN, "system", status=503, q850=41)


async def _on_leg_over(call: Call, event: ev.LegOver) -> None:
    call.release(event.leg)
    call.check_over()


async def _on_command(call: Call, event: ev.Command) -> None:
    request = event.request
    if request.action == "hang_up":
        event.succeed()
        await call.end(EndReason.COMPLETED, "system", status=480, q850=16)
    elif request.action == "redirect":
        if call.state is State.CALLING:
            event.fail(CallState("nobody has answered yet"))
        else:
            fetching.ask(call, event, flow=request.flow, url=request.url)
    elif request.action == "bar_recording":
        call.recording_plan = call.later_plan = call.message_plan = None
        if call.recording is None:
            event.succeed()
        else:
            call.recording.command(event)
    elif call.recording is None:
        event.fail(CallState("the call is not in conversation"))
    else:
        call.recording.command(event)


async def _too_late(call: Call, event: ev.Command) -> None:
    event.fail(CallState("the call is over"))


# --- while targets ring ---------------------------------------------------------------------------


async def _on_progress(call: Call, event: ev.Progress) -> None:
    if isinstance(call.doing, Dialling):
        await call.doing.on_progress(event)


async def _on_answered(call: Call, event: ev.Answered) -> None:
    if isinstance(call.doing, Dialling) and call.state is State.RINGING:
        await call.doing.on_answered(event)
    else:
        event.leg.hang_up(16)


async def _on_failed(call: Call, event: ev.Failed) -> None:
    if isinstance(call.doing, Dialling):
        await call.doing.on_failed(event)


_S = State
_ALWAYS: tuple[tuple[type, Handler], ...] = (
    (ev.Cancelled, _on_cancelled),
    (ev.HungUp, _on_hung_up),
    (ev.NoAck, _on_no_ack),
    (ev.LateAnswer, _on_late_answer),
    (ev.Reoffer, _on_reoffer),
    (ev.Elapsed, _on_elapsed),
    (ev.MediaSilent, _on_media_silent),
    (ev.Played, _on_played),
    (ev.Answered, _on_answered),
    (ev.Fetched, fetching.on_fetched),
    (ev.TrackFailed, _on_track_failed),
    (ev.MediaGone, _on_media_gone),
    (ev.Shutdown, _on_shutdown),
    (ev.LegOver, _on_leg_over),
    (ev.Command, _on_command),
)
TRANSITIONS: dict[tuple[State, type], Handler] = {
    **{(state, event): run for state in RUNNING for event, run in _ALWAYS},
    (_S.CALLING, ev.Progress): originating.on_progress,
    (_S.CALLING, ev.Answered): originating.on_answered,
    (_S.CALLING, ev.Failed): originating.on_failed,
    (_S.CALLING, ev.Elapsed): originating.on_elapsed,
    (_S.ANSWERING, ev.Acknowledged): _on_acknowledged,
    (_S.SPEAKING, ev.Spoken): _on_spoken,
    (_S.GATHERING, ev.Spoken): _on_spoken,
    (_S.GATHERING, ev.Pressed): _on_pressed,
    (_S.TAKING, ev.Spoken): _on_spoken,
    (_S.TAKING, ev.Pressed): _on_pressed,
    (_S.TAKING, ev.Recorded): _on_recorded,
    (_S.TAKING, ev.Quiet): _on_quiet,
    (_S.RINGING, ev.Progress): _on_progress,
    (_S.RINGING, ev.Failed): _on_failed,
    (_S.RINGING, ev.Spoken): _on_spoken,
    (_S.RINGING, ev.Pressed): _on_pressed,
    (_S.BRIDGED, ev.Acknowledged): _on_acknowledged,
    (_S.ENDING, ev.Command): _too_late,
    (_S.ENDING, ev.LegOver): _on_leg_over,
}
