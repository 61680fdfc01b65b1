"""What crosses in a call's mailbox: what comes too late means nothing, and nothing is left over."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.engine.calls.fakes import TENANT
from tests.unit.engine.calls.harness import PHONE_SDP, World, free_port, kinds, until
from tests.unit.engine.calls.test_originated import wanted
from tests.unit.engine.calls.test_programs import (
    FLOW,
    calling,
    flow,
    outcomes,
    over,
    played,
    playing,
    press,
    targets,
)

from ringfence.engine.calls import dialling
from ringfence.engine.calls import events as ev
from ringfence.engine.calls.recording import CallState
from ringfence.engine.journal.journal import CallLog
from ringfence.engine.journal.records import EventRecord
from ringfence.engine.ports import CallCommand, MediaEvent, RecordingPlan
from ringfence.engine.verbs.model import (
    Dial,
    Enter,
    Fetch,
    Gather,
    Hold,
    Node,
    Program,
    Record,
    Say,
    straight,
)
from ringfence.kernel.errors import Unavailable
from ringfence.platform.rpc import RpcError
from ringfence.platform.spool import SpoolError

FIRST, SECOND = "https://example.com/1", "https://example.com/2"


def redirected(world: World, program: Program) -> ev.Fetched:
    """What a tenant's redirect puts into the mailbox in the end."""
    call = world.call()
    command = CallCommand(call.log.tenant, call.id, "redirect", flow=FLOW)
    return ev.Fetched(ev.Command(command, asyncio.get_running_loop().create_future()), program)


async def redirect(world: World, program: Program) -> None:
    call = world.call()
    world.control.programs[FLOW.hex] = program
    await world.manager.command(CallCommand(call.log.tenant, call.id, "redirect", flow=FLOW))


def elapsed(world: World, timer: object) -> ev.Elapsed:
    """What a timer would post at this moment."""
    event: ev.Elapsed = world.call()._timers[timer][0]
    return event


async def handled(world: World) -> None:
    """Everything posted so far has been taken from the mailbox."""
    call = world.call()
    await until(lambda: call._mailbox.empty())
    await asyncio.sleep(0.02)


# --- too late -------------------------------------------------------------------------------------


async def test_a_prompt_that_ended_before_a_redirect_does_not_end_the_next(world: World) -> None:
    await calling(world, straight(Say("one")))
    await playing(world, "file:one")
    call = world.call()
    (old,) = call.announcements
    call.post(redirected(world, straight(Say("two"), Say("three"))))
    call.post(ev.Spoken(old, ok=True))
    await playing(world, "file:two")
    await handled(world)
    assert not any(item[-1] == "file:three" for item in world.media.asked)
    played(world)
    await playing(world, "file:three")
    played(world)
    await over(world)


async def test_a_prompt_that_ended_before_a_redirect_is_no_beep(world: World) -> None:
    world.control.message = RecordingPlan(basis="message")
    await calling(world, straight(Say("one")))
    await playing(world, "file:one")
    call = world.call()
    (old,) = call.announcements
    call.post(redirected(world, straight(Record())))
    call.post(ev.Spoken(old, ok=True))
    await playing(world, "beep")
    await handled(world)
    assert not world.media.count("subscribe")
    press(world, "#")
    played(world)
    await until(lambda: world.media.tracks)
    press(world, "#")
    await over(world)


async def test_time_that_was_up_as_a_key_came_is_not_up(world: World) -> None:
    await calling(world, flow(ask=Node(Gather(max_digits=2, seconds=30, digit_seconds=30))))
    await until(lambda: world.call().state.name == "GATHERING")
    call = world.call()
    late = elapsed(world, call.doing)
    press(world, "1")
    call.post(late)
    await handled(world)
    press(world, "2")
    assert outcomes(await over(world)) == ["ask=digits"]


async def test_time_on_hold_that_was_up_as_a_redirect_came(world: World) -> None:
    await calling(world, straight(Hold("file:music")))
    await playing(world, "file:music")
    call = world.call()
    late = elapsed(world, call.doing)
    call.post(redirected(world, straight(Hold("file:other"))))
    call.post(late)
    await playing(world, "file:other")
    await handled(world)
    assert call.state.name == "SPEAKING"
    await redirect(world, straight(Say("bye")))
    await playing(world, "file:bye")
    played(world)
    await over(world)


async def test_who_answers_as_the_ringing_ends_is_asked_all_the_same(world: World) -> None:
    world.control.flow = straight(Dial(targets(world, "a"), whisper=(Say("hi"),)))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    call = world.call()
    leg = call.legs[1]
    late = elapsed(world, leg)
    world.media.wait["answer answer"] = asyncio.Event()
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await until(lambda: world.media.count("answer answer"))
    call.post(late)
    world.media.wait.pop("answer answer").set()
    await until(lambda: leg.id in world.media.plays)
    await handled(world)
    played(world, leg.id)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_a_document_asked_for_before_a_redirect_is_not_the_next_one(world: World) -> None:
    world.control.programs[FIRST] = straight(Say("wrong"))
    world.control.programs[SECOND] = straight(Say("right"))
    await calling(world, straight(Say("hi"), Fetch(FIRST)))
    await playing(world, "file:hi")
    world.control.wait = asyncio.Event()
    played(world)
    await until(lambda: len(world.control.fetched) == 1)
    call = world.call()
    first = call.doing
    call.post(redirected(world, straight(Fetch(SECOND))))
    await until(lambda: len(world.control.fetched) == 2)
    call.post(ev.Fetched(first, RpcError("document_unreachable", "")))
    call.post(ev.Fetched(first, world.control.programs[FIRST]))
    await handled(world)
    assert call.state.name == "FETCHING"
    world.control.wait.set()
    await playing(world, "file:right")
    assert not any(item[-1] == "file:wrong" for item in world.media.asked)
    played(world)
    await over(world)


async def test_a_request_that_breaks_is_one_that_failed(world: World) -> None:
    """Whatever is raised: the caller is not left waiting."""
    program = flow(go=Node(Fetch(FIRST), {"failed": "sorry"}), sorry=Node(Say("sorry")))
    await calling(world, program)
    await playing(world, "file:sorry")
    played(world)
    assert outcomes(await _over_with_error(world)) == ["go=failed", "sorry=done"]


async def _over_with_error(world: World) -> list[EventRecord]:
    assert world.errors.records
    world.errors.records.clear()
    return await over(world)


async def test_a_redirect_is_told_that_the_call_is_over(world: World) -> None:
    uac, _ = await world.bridged()
    world.control.wait = asyncio.Event()
    asked = asyncio.ensure_future(redirect(world, straight(Say("late"))))
    await until(lambda: world.control.fetched)
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    with pytest.raises(CallState):
        async with asyncio.timeout(1):
            await asked
    await world.ended("caller_hangup", by="caller")


# --- not before the caller has the answer ---------------------------------------------------------


async def test_a_redirect_before_the_caller_has_the_answer(world: World) -> None:
    world.control.flow = straight(Say("one"))
    uac = world.uac()
    uac.request("INVITE")
    answer = await world.caller.expect("200 INVITE")
    await redirect(world, straight(Say("two")))
    await handled(world)
    assert not world.media.count("play")
    uac.ack(answer, sdp=PHONE_SDP)
    await playing(world, "file:two")
    assert not any(item[-1] == "file:one" for item in world.media.asked)
    played(world)
    events = await over(world)
    assert kinds(events).count("call.answered") == 1


async def test_an_answer_in_an_ack_of_a_leg_that_has_gone(world: World) -> None:
    await world.bridged()
    call = world.call()
    peer = call.peer
    await redirect(world, straight(Say("on")))
    await world.gets_bye(world.a)
    world.media.fail["answer answer"] = RpcError("unknown_leg", "")
    call.post(ev.LateAnswer(peer, PHONE_SDP.encode()))
    await playing(world, "file:on")
    await handled(world)
    played(world)
    await over(world)


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["no_ports", "no_common_codec"])
async def test_nobody_is_rung_for_a_caller_who_was_refused(world: World, code: str) -> None:
    """Also when the second target could be rung by then."""
    world.dial("a", "b")
    describe = world.media.answer

    async def once(*args: object) -> bytes:
        world.media.answer = describe  # type: ignore[method-assign]
        raise RpcError(code, "")

    world.media.answer = once  # type: ignore[method-assign, assignment]
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    status = 503 if code == "no_ports" else 488
    uac.ack_failure(await world.caller.expect(f"{status} INVITE"))
    await world.ended("failed", by="system", status=status)
    assert not world.b.count("INVITE")


async def test_who_hangs_up_during_the_whisper_is_not_bridged(world: World) -> None:
    world.control.flow = straight(Dial(targets(world, "a", "b"), whisper=(Say("hi"),)))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    call = world.call()
    leg = call.legs[1]
    await until(lambda: leg.id in world.media.plays)
    (whisper,) = call.announcements
    post, call.post = call.post, lambda event: None
    world.a.dialog(invite).request("BYE")
    await until(lambda: leg.over)
    call.post = post
    for event in (ev.Spoken(whisper, ok=True), ev.LegOver(leg), ev.HungUp(leg, None)):
        call.post(event)
    second = await world.b.expect("INVITE")
    assert not world.caller.count("200 INVITE")
    world.b.respond(second, 486)
    uac.ack_failure(await world.caller.expect("486 INVITE"))
    await world.ended("busy", by="callee", status=486)


async def test_a_whisper_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "_WHISPER_SECONDS", 0.2)
    world.control.flow = straight(Dial(targets(world, "a"), whisper=(Say("hi", loop=0),)))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    world.a.respond(await world.a.expect("INVITE"), 200, sdp=PHONE_SDP)
    await world.gets_bye(world.a)
    uac.ack_failure(await world.caller.expect("480 INVITE"))
    await world.ended("no_answer", by="callee", status=480)


async def test_early_media_that_cannot_be_used_is_ringing(world: World) -> None:
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.media.fail["answer answer"] = RpcError("no_common_codec", "")
    world.a.respond(invite, 183, sdp=PHONE_SDP)
    progress = await world.caller.expect("183 INVITE")
    assert not progress.body
    world.media.fail.clear()
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    events = await world.ended("caller_hangup", by="caller")
    rang = next(event for event in events if event.kind == "leg.progress")
    assert rang.data["early_media"] is False


async def test_targets_that_cannot_be_sealed_are_no_wrong_number(world: World) -> None:
    program = flow(
        hi=Node(Fetch(FIRST), {"failed": "dial"}),
        dial=Node(Dial(targets(world, "a"))),
        **{f"n{i}": Node(Dial(targets(world, "a", "b"))) for i in range(11)},
    )
    world.control.programs[FIRST] = RpcError("document_unreachable", "")
    world.control.flow = program
    resolve, calls = world.keys.resolve, 0

    async def first_only(*args: object, **kw: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Unavailable("")
        return await resolve(*args, **kw)  # type: ignore[arg-type]

    world.keys.resolve = first_only  # type: ignore[method-assign, assignment]
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("503 INVITE"))
    world.errors.records.clear()
    await world.ended("failed", by="system", status=503)


async def test_the_last_conversation_of_an_inner_flow_is_the_last(world: World) -> None:
    program = Program(
        "in", {"in": Node(Enter("dial")), "dial": Node(Dial(targets(world, "a")))}, FLOW, 1
    )
    world.control.flow = program
    _, uas = await world.bridged()
    await world.hangs_up(uas)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


async def test_nobody_hears_of_an_error_in_the_middle_of_sending(world: World) -> None:
    """An INVITE that is refused as it leaves has failed after it was sent, not before."""
    told: list[object] = []
    flow = await world.agent.transports.resolve("127.0.0.1", free_port(), "udp")
    world.agent.transports.on_error = lambda *error: told.append(error)
    for _ in range(2):  # the second finds what became of the first
        flow.send(b"OPTIONS sip:x SIP/2.0\r\n")
        assert not told
    await until(lambda: told)


# --- recordings -----------------------------------------------------------------------------------


async def test_what_begins_to_be_recorded_as_the_conversation_ends(world: World) -> None:
    world.control.recording = RecordingPlan(basis="one_party:TX")
    dial = Dial(targets(world, "a"))
    world.media.wait["subscribe"] = asyncio.Event()
    world.control.flow = flow(dial=Node(dial, {"": "bye"}), bye=Node(Say("bye")))
    _, uas = await world.bridged()
    await until(lambda: world.media.count("subscribe") == 2)
    uas.request("BYE")
    await world.a.expect("200 BYE")
    await handled(world)
    world.media.wait.pop("subscribe").set()
    await playing(world, "file:bye")
    assert world.media.count("stop") == 2 and not world.media.tracks
    played(world)
    events = await over(world)
    assert "recording.started" not in kinds(events)


async def test_a_key_during_the_beep_after_a_message_that_failed(world: World) -> None:
    world.control.message = RecordingPlan(basis="message")
    program = flow(one=Node(Record(), {"failed": "two"}), two=Node(Record()))
    world.media.fail["subscribe"] = RpcError("keys_unavailable", "")
    await calling(world, program)
    await playing(world, "beep")
    played(world)
    await playing(world, "beep", times=2)
    world.media.fail.clear()
    press(world, "#")
    await handled(world)
    played(world)
    await until(lambda: world.media.tracks)
    press(world, "#")
    world.errors.records.clear()
    assert outcomes(await over(world)) == ["one=failed", "two=done"]


async def test_silence_in_a_message_that_is_over_ends_no_other(world: World) -> None:
    world.control.message = RecordingPlan(basis="message")
    await calling(world, flow(one=Node(Record(), {"done": "two"}), two=Node(Record())))
    await playing(world, "beep")
    played(world)
    await until(lambda: world.media.tracks)
    (track,) = world.media.tracks
    press(world, "#")
    call = world.call()
    data = {"track": track.hex, "spoken": False}
    world.manager.on_media_event(MediaEvent(call.id, call.primary.id, "quiet", data))
    await playing(world, "beep", times=2)
    await handled(world)
    assert call.state.name == "TAKING"
    played(world)
    await until(lambda: world.media.tracks)
    press(world, "#")
    assert outcomes(await over(world)) == ["one=done", "two=done"]


# --- originated -----------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["record", "disk", "drain"])
async def test_a_call_that_cannot_be_placed_rings_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    request = wanted(world, straight(Say("hello")))

    async def never(_: CallLog) -> None:
        raise SpoolError("full")

    def refuse(*_: object, **__: object) -> None:
        raise SpoolError("full")

    if problem == "drain":
        offer = world.media.offer

        async def drained(*args: object, **kw: object) -> bytes:
            world.agent.draining = True
            return await offer(*args, **kw)  # type: ignore[arg-type]

        world.media.offer = drained  # type: ignore[method-assign]
    elif problem == "record":
        monkeypatch.setattr(CallLog, "event", refuse)
    else:
        monkeypatch.setattr(CallLog, "durable", never)
    with pytest.raises((SpoolError, Unavailable)):
        await world.manager.originate(request)
    if problem == "disk":  # it had begun to ring
        invite = await world.a.expect("INVITE")
        world.a.respond(invite, 180)
        world.a.respond(await world.a.expect("CANCEL"), 200)
        world.a.respond(invite, 487)
    await world.settled()
    assert problem == "disk" or not world.a.count("INVITE")


# --- crashes --------------------------------------------------------------------------------------


async def test_a_crash_while_a_target_given_up_is_still_on_the_wire(world: World) -> None:
    world.control.flow = straight(Dial(targets(world, "a", "b"), timeout_seconds=1))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = await world.a.expect("INVITE")
    world.a.respond(first, 180)
    await world.a.expect("CANCEL")  # and it says nothing to that
    second = await world.b.expect("INVITE")
    world.b.respond(second, 180)
    await asyncio.sleep(0.05)
    await world.crash()
    await world.caller.expect("503 INVITE")
    for peer, invite in ((world.a, first), (world.b, second)):
        world_cancel = await peer.expect("CANCEL")
        peer.respond(world_cancel, 200)
        peer.respond(invite, 487)
    await world.ended("engine_crash", by="system", status=503)


async def test_a_crash_of_a_placed_call_in_conversation(world: World) -> None:
    dial = Dial(targets(world, "b"))
    await world.manager.originate(wanted(world, straight(dial)))
    first = await world.a.expect("INVITE")
    world.a.respond(first, 200, sdp=PHONE_SDP)
    second = await world.b.expect("INVITE")
    world.b.respond(second, 200, sdp=PHONE_SDP)
    await until(lambda: world.call().state.name == "BRIDGED")
    await world.crash()
    await world.gets_bye(world.a)
    await world.gets_bye(world.b)
    events = await world.ended("engine_crash", by="system")
    assert events[0].tenant == TENANT
