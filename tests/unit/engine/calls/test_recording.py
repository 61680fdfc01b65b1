"""Recording of a call: nothing before consent, two tracks, pauses that are marked, honest ends."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from uuid import UUID

import pytest
from tests.unit.engine.calls.fakes import TENANT, person_of
from tests.unit.engine.calls.harness import CALLED, CALLER, PHONE_SDP, World, kinds, until

from ringfence.engine.calls.events import Command
from ringfence.engine.calls.manager import CallNotLive
from ringfence.engine.calls.recording import CallState
from ringfence.engine.journal.records import EventRecord
from ringfence.engine.ports import CallCommand, MediaEvent, RecordingPlan
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.persons import Identifier

PROMPT = "file:/prompt.wav"
Action = Literal["pause_recording", "resume_recording", "stop_recording", "bar_recording"]


def _plan(world: World, prompt: str | None = None) -> None:
    world.control.recording = RecordingPlan(basis="one_party:TX", prompt=prompt)


def _played(world: World, leg: int) -> None:
    call = world.call()
    world.manager.on_media_event(
        MediaEvent(
            call.id,
            call.legs[leg].id,
            "play_done",
            {"play": world.media.plays[call.legs[leg].id]},
        )
    )


async def _command(world: World, action: Action, tenant: UUID = TENANT) -> None:
    await world.manager.command(CallCommand(tenant, world.call().id, action))


async def _end(world: World, uac: Any) -> list[EventRecord]:
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    return await world.ended("caller_hangup", by="caller")


def _recording(events: list[EventRecord]) -> list[EventRecord]:
    return [event for event in events if event.kind.startswith("recording.")]


async def test_off_unless_planned(world: World) -> None:
    uac, _ = await world.bridged()
    with pytest.raises(CallState):
        await _command(world, "pause_recording")
    events = await _end(world, uac)
    assert not _recording(events)
    assert world.media.count("subscribe") == world.media.count("play") == 0


async def test_one_track_and_item_per_speaker(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("subscribe") == 2)
    requests = list(world.media.tracks.values())
    legs = [leg.id for leg in world.call().legs]
    assert [request.leg for request in requests] == legs
    assert len({request.track for request in requests}) == 2
    people = [person_of(TENANT, Identifier("e164", text)) for text in (CALLER, CALLED)]
    assert [request.person for request in requests] == people
    assert {request.tenant for request in requests} == {TENANT}
    events = await _end(world, uac)
    started, completed = _recording(events)
    assert kinds([started, completed]) == ["recording.started", "recording.completed"]
    assert [track["role"] for track in started.data["tracks"]] == ["caller", "callee"]
    assert [t["track"] for t in started.data["tracks"]] == [r.track.hex for r in requests]
    assert all(track["complete"] for track in completed.data["tracks"])
    assert completed.data["recording"] == started.data["recording"]


async def test_what_may_not_be_recorded_is_not_and_the_call_says_why(world: World) -> None:
    """It goes on."""
    why = "customer_key_missing"
    world.control.recording = RecordingPlan(basis="", prompt=PROMPT, refused=why)
    uac, _ = await world.bridged()
    with pytest.raises(CallState):
        await _command(world, "pause_recording")
    (told,) = _recording(await _end(world, uac))
    assert (told.kind, told.data) == ("recording.refused", {"code": why})
    assert world.media.count("subscribe") == world.media.count("play") == 0


async def test_nobody_is_recorded_before_both_heard_the_prompt(world: World) -> None:
    _plan(world, PROMPT)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("play") == 2)
    assert {item[3] for item in world.media.asked if item[0] == "play"} == {PROMPT}
    _played(world, 0)
    _played(world, 0)  # the same leg twice is still one that heard it
    await asyncio.sleep(0.05)
    assert world.media.count("subscribe") == 0
    _played(world, 1)
    await until(lambda: world.media.count("subscribe") == 2)
    order = kinds(_recording(await _end(world, uac)))
    assert order == ["recording.announced", "recording.started", "recording.completed"]


async def test_a_call_that_ends_during_the_prompt_was_never_recorded(world: World) -> None:
    _plan(world, PROMPT)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("play") == 2)
    _played(world, 0)
    events = await _end(world, uac)
    assert not _recording(events) and world.media.count("subscribe") == 0


@pytest.mark.parametrize("failing", ["play", "subscribe"])
async def test_a_failure_leaves_the_call_and_records_nothing(world: World, failing: str) -> None:
    _plan(world, PROMPT if failing == "play" else None)
    world.media.fail[failing] = Unavailable("no")
    uac, _ = await world.bridged()
    await until(lambda: world.errors.records)
    with pytest.raises(CallState):
        await _command(world, "pause_recording")
    world.errors.records.clear()
    assert not _recording(await _end(world, uac))


async def test_who_is_on_hold_did_not_hear_it(world: World) -> None:
    _plan(world, PROMPT)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("play") == 2)
    uac.request("INVITE", sdp="v=0\r\na=sendonly\r\n")
    uac.ack(await world.caller.expect("200 INVITE"))
    await until(lambda: world.call().primary.held)
    _played(world, 0)
    _played(world, 1)
    await until(lambda: world.errors.records)
    world.errors.records.clear()
    assert not _recording(await _end(world, uac))
    assert world.media.count("subscribe") == 0


async def test_pause_and_resume_are_marked(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("subscribe") == 2)
    with pytest.raises(CallState):
        await _all_commands(world)
    assert world.media.count("pause") == world.media.count("resume") == 2
    events = _recording(await _end(world, uac))
    assert kinds(events) == [
        "recording.started", "recording.paused", "recording.resumed", "recording.completed",
    ]  # fmt: skip
    assert 0 <= events[1].data["offset_ms"] <= events[2].data["offset_ms"]


async def _all_commands(world: World) -> None:
    """Saying it again changes nothing; what was stopped cannot be paused."""
    await _command(world, "pause_recording")
    await _command(world, "pause_recording")
    await _command(world, "resume_recording")
    await _command(world, "resume_recording")
    await _command(world, "stop_recording")
    await _command(world, "stop_recording")
    await _command(world, "pause_recording")


@pytest.mark.parametrize("prompt", [None, PROMPT])
async def test_a_barred_call_is_recorded_no_more(world: World, prompt: str | None) -> None:
    """Whether it is recorded already or still announced; again changes nothing."""
    _plan(world, prompt)
    world.control.later = world.control.message = RecordingPlan(basis="later")
    uac, _ = await world.bridged()
    if prompt is None:
        await until(lambda: world.call().recording.phase.name == "RECORDING")
    else:
        await until(lambda: world.media.count("play") == 2)
    await _command(world, "bar_recording")
    await _command(world, "bar_recording")
    call = world.call()
    assert (call.recording_plan, call.later_plan, call.message_plan) == (None, None, None)
    for leg in (0, 1) if prompt is not None else ():
        _played(world, leg)
    events = _recording(await _end(world, uac))
    begun = ["recording.started", "recording.completed"] if prompt is None else []
    assert kinds(events) == begun
    assert world.media.count("subscribe") == world.media.count("stop") == len(begun)


async def test_a_call_that_rings_is_barred_before_it_is_recorded(world: World) -> None:
    _plan(world)
    uac = world.uac(world.caller)
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 180)
    await world.caller.expect("180 INVITE")
    await _command(world, "bar_recording")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    await until(lambda: all(leg._pending_ack is None for leg in world.call().legs))
    events = await _end(world, uac)
    assert not _recording(events) and world.media.count("subscribe") == 0


async def test_other_tenants_do_not_know_the_call(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    for tenant, call in ((UUID(int=78), world.call().id), (TENANT, UUID(int=1))):
        with pytest.raises(CallNotLive):
            await world.manager.command(CallCommand(tenant, call, "stop_recording"))
    await _end(world, uac)
    assert world.media.count("stop") == 0


async def test_a_track_that_fails_ends_the_recording_not_the_call(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("subscribe") == 2)
    await until(lambda: world.call().recording.phase.name == "RECORDING")
    track = next(iter(world.media.tracks))
    call = world.call()
    world.manager.on_media_event(
        MediaEvent(call.id, call.legs[0].id, "track_failed", {"track": track.hex})
    )
    await until(lambda: world.media.count("stop") == 2)
    world.errors.records.clear()
    assert kinds(_recording(await _end(world, uac)))[-1] == "recording.completed"


async def test_lost_media_says_that_the_tracks_are_not_complete(world: World) -> None:
    _plan(world)
    await world.bridged()
    await until(lambda: world.call().recording.phase.name == "RECORDING")
    world.media.fail["delete"] = Unavailable("gone")
    world.manager.on_media_lost({world.call().id})
    await world.gets_bye(world.caller)
    await world.gets_bye(world.a)
    world.media.sessions.clear()
    events = await world.ended("media_lost", by="system")
    completed = _recording(events)[-1]
    assert not any(track["complete"] for track in completed.data["tracks"])


async def test_an_emergency_is_never_recorded(world: World) -> None:
    _plan(world)
    world.control.emergency = True
    uac, _ = await world.bridged()
    assert not _recording(await _end(world, uac))


async def test_a_hang_up_does_not_wait_for_the_keys(world: World) -> None:
    """Subscribing may take as long as its deadline; the other side hears of the end at once."""
    _plan(world)
    world.media.wait["subscribe"] = asyncio.Event()
    uac, _ = await world.bridged()
    await until(lambda: world.media.count("subscribe") == 2)
    assert not _recording(await _end(world, uac))


async def test_no_prompt_before_the_caller_has_the_answer(world: World) -> None:
    _plan(world, PROMPT)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    answer = await world.caller.expect("200 INVITE")
    await asyncio.sleep(0.05)
    assert world.media.count("play") == 0
    uac.ack(answer)
    await until(lambda: world.media.count("play") == 2)
    await _end(world, uac)


@pytest.mark.parametrize("action", ["pause_recording", "resume_recording"])
async def test_what_fails_half_way_ends_the_recording(world: World, action: Action) -> None:
    """One track paused and the other not: neither is what its tenant asked for."""
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.call().recording.phase.name == "RECORDING")
    if action == "resume_recording":
        await _command(world, "pause_recording")
    world.media.fail[action.partition("_")[0]] = Unavailable("half")
    with pytest.raises(Unavailable):
        await _command(world, action)
    assert world.media.count(action.partition("_")[0]) == 2, "every track is told"
    assert not world.media.tracks
    assert kinds(_recording(await _end(world, uac)))[-1] == "recording.completed"


async def test_a_resume_that_nobody_waits_for_leaves_it_paused(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.call().recording.phase.name == "RECORDING")
    await _command(world, "pause_recording")
    world.media.wait["resume"] = asyncio.Event()
    asking = asyncio.ensure_future(_command(world, "resume_recording"))
    await until(lambda: world.media.count("resume") == 2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    world.media.wait.pop("resume").set()
    await until(lambda: world.media.count("pause") == 4)
    events = kinds(_recording(await _end(world, uac)))
    assert events[-2:] == ["recording.paused", "recording.completed"]


async def test_a_command_that_meets_the_end_is_refused(world: World) -> None:
    _plan(world)
    uac, _ = await world.bridged()
    await until(lambda: world.call().recording.phase.name == "RECORDING")
    call, held = world.call(), asyncio.Event()
    world.media.wait["delete"] = held
    await world.hangs_up(uac)
    await until(lambda: world.media.count("delete"))
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    call.post(Command("resume_recording", done))
    held.set()
    with pytest.raises(CallState):
        await asyncio.wait_for(done, 5)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")
