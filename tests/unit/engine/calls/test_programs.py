"""Calls that perform programs: prompts, digits, messages, documents, in any order."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from tests.unit.engine.calls.harness import CALLED, PHONE_SDP, World, kinds, until
from tests.unit.engine.calls.peers import Dialogue

from ringfence.engine.journal.records import EventRecord
from ringfence.engine.ports import CallCommand, MediaEvent, RecordingPlan
from ringfence.engine.verbs.model import (
    Dial,
    Fetch,
    Gather,
    Hangup,
    Hold,
    Node,
    Pause,
    Play,
    Program,
    Record,
    Reject,
    Say,
    Tag,
    TrunkTarget,
    straight,
)
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform.rpc import RpcError

FLOW = UUID(int=77)


async def calling(world: World, program: Program) -> Dialogue:
    """A caller who was answered and has said so."""
    world.control.flow = program
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    uac.ack(answer)
    return uac


async def playing(world: World, source: str, *, times: int = 1) -> None:
    """It plays to the caller (by now for the ``times``-th time)."""
    leg = world.call().primary.id

    def played() -> bool:
        plays = [i for i in world.media.asked if i[0] == "play" and i[2:4] == (leg, source)]
        return len(plays) >= times

    await until(played)


def played(world: World, leg: UUID | None = None) -> None:
    """What plays to a leg has come to its end."""
    call = world.call()
    leg = leg or call.primary.id
    data = {"play": world.media.plays[leg]}
    world.manager.on_media_event(MediaEvent(call.id, leg, "play_done", data))


def press(world: World, digits: str, leg: UUID | None = None) -> None:
    call = world.call()
    for digit in digits:
        data = {"digit": digit, "duration_ms": 100}
        world.manager.on_media_event(MediaEvent(call.id, leg or call.primary.id, "dtmf", data))


def flow(**nodes: Node) -> Program:
    start = next(iter(nodes))
    named = {
        f"{FLOW.hex}/{name}": Node(
            node.verb, {outcome: f"{FLOW.hex}/{to}" for outcome, to in node.next.items()}
        )
        for name, node in nodes.items()
    }
    return Program(f"{FLOW.hex}/{start}", named, FLOW, 3)


def outcomes(events: list[EventRecord]) -> list[str]:
    return [
        f"{event.data['node']}={event.data['outcome']}"
        for event in events
        if event.kind == "verb.ended"
    ]


async def over(world: World, reason: str = "completed", by: str = "system") -> list[EventRecord]:
    await world.gets_bye(world.caller)
    return await world.ended(reason, by=by)


# --- saying ---------------------------------------------------------------------------------------


async def test_nothing_is_said_before_the_caller_has_the_answer(world: World) -> None:
    world.control.flow = straight(Say("hello"), Play("file:/x.wav"), Hangup())
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    answer = await world.caller.expect("200 INVITE")
    await asyncio.sleep(0.05)
    assert not world.media.count("play")
    uac.ack(answer)
    await playing(world, "file:hello")
    played(world)
    await playing(world, "file:/x.wav")
    played(world)
    events = await over(world)
    assert kinds(events) == [
        "call.started", "leg.created", "call.routed", "verb.started", "leg.answered",
        "call.answered", "verb.ended", "verb.started", "verb.ended", "verb.started",
        "leg.ended", "call.ended",
    ]  # fmt: skip
    assert events[5].data["leg"] == events[4].data["leg"] == events[1].data["leg"]


async def test_a_late_offer_is_answered_in_the_ack(world: World) -> None:
    world.control.flow = straight(Say("hello"), Hangup())
    uac = world.uac()
    uac.request("INVITE")
    answer = await world.caller.expect("200 INVITE")
    assert "s=engine" in answer.body
    uac.ack(answer, sdp=PHONE_SDP)
    await playing(world, "file:hello")
    played(world)
    await over(world)


async def test_a_prompt_that_cannot_be_spoken_fails_and_the_flow_goes_on(world: World) -> None:
    world.speech.error = RpcError("speech_text", "")
    program = flow(a=Node(Say("?"), {"failed": "b"}), b=Node(Play("file:/b.wav")))
    await calling(world, program)
    await playing(world, "file:/b.wav")
    played(world)
    events = await over(world)
    assert outcomes(events) == ["a=failed", "b=done"]


async def test_hold_plays_until_its_time_is_up(world: World) -> None:
    await calling(world, straight(Hold("file:/music.wav", seconds=1), Hangup()))
    await playing(world, "file:/music.wav")
    await playing(world, "stop")
    await over(world)


@pytest.mark.parametrize("when", ["prompt", "fetch", "render", "gather", "record", "pause"])
async def test_a_hang_up_is_heard_at_once_whatever_is_done(world: World, when: str) -> None:
    world.control.message = RecordingPlan(basis="message")
    gate = asyncio.Event()
    verb = {
        "prompt": Say("hello"),
        "fetch": Fetch("https://example.com/"),
        "render": Say("slow"),
        "gather": Gather(),
        "record": Record(beep=False),
        "pause": Pause(100),
    }[when]
    if when == "render":
        world.speech.wait = gate
    uac = await calling(world, straight(Play("file:/first.wav"), verb))
    await playing(world, "file:/first.wav")
    if when == "fetch":
        world.control.wait = gate
    played(world)
    await asyncio.sleep(0.05)
    await world.hangs_up(uac)
    await world.ended("caller_hangup", by="caller")


# --- digits ---------------------------------------------------------------------------------------


async def test_the_first_digit_ends_the_prompt_and_chooses(world: World) -> None:
    menu = Gather((Say("menu"),), choices=("1", "2"))
    await calling(world, flow(menu=Node(menu, {"digits:2": "two"}), two=Node(Tag("dept", "two"))))
    await playing(world, "file:menu")
    press(world, "2")
    events = await over(world)
    assert ("stop" in {i[3] for i in world.media.asked if i[0] == "play"}) is True
    assert outcomes(events) == ["menu=digits:2", "two=done"]
    assert [e.data["tags"] for e in events if e.kind == "call.tagged"] == [{"dept": "two"}]


async def test_wrong_digits_and_silence_are_asked_again(world: World) -> None:
    menu = Gather(
        (Say("menu"),), choices=("1",), seconds=0.2, retries=2, invalid_prompts=(Say("wrong"),)
    )
    await calling(world, flow(menu=Node(menu)))
    await playing(world, "file:menu")
    press(world, "7")
    await playing(world, "file:wrong")
    played(world)
    await playing(world, "file:menu", times=2)
    played(world)  # and then silence
    await playing(world, "file:menu", times=3)
    played(world)
    events = await over(world)
    assert outcomes(events) == ["menu=timeout"]


async def test_captured_digits_are_sealed_and_stand_nowhere_else(world: World) -> None:
    ask = Gather((Say("zip"),), max_digits=5, min_digits=5, save_as="zip")
    say = Say("you said {zip}")
    await calling(world, flow(ask=Node(ask, {"digits": "say"}), say=Node(say)))
    await playing(world, "file:zip")
    press(world, "94107")
    await playing(world, "audio")
    assert world.speech.asked[-1].personal and world.speech.asked[-1].text == "you said 94107"
    played(world)
    events = await over(world)
    captured = next(event for event in events if event.kind == "call.captured")
    field = SealedFieldNumber.CALL_CAPTURED
    assert world.opened(field, captured.call, captured, captured.caller) == {"zip": "94107"}
    assert captured.data == {"names": ["zip"]}
    assert all("94107" not in str(event.data) for event in events)


@pytest.mark.parametrize(
    ("verb", "pressed", "outcome"),
    [
        (Gather(max_digits=4, finish_key="#"), "12#", "digits"),
        (Gather(max_digits=2), "12", "digits"),
        (Gather(max_digits=9, min_digits=3, digit_seconds=0.2), "12", "invalid"),
        (Gather(max_digits=9, finish_key="#"), "#", "timeout"),
        (Gather(choices=("1", "12"), digit_seconds=0.2), "1", "digits:1"),
        (Gather(choices=("1", "12")), "12", "digits:12"),
        (Gather(choices=("12",), digit_seconds=5), "19", "invalid"),
    ],
)
async def test_when_input_is_complete(
    world: World, verb: Gather, pressed: str, outcome: str
) -> None:
    await calling(world, flow(ask=Node(verb)))
    await until(lambda: world.call().state.name == "GATHERING")
    press(world, pressed)
    assert outcomes(await over(world)) == [f"ask={outcome}"]


# --- dialling -------------------------------------------------------------------------------------


def targets(world: World, *names: str) -> tuple[TrunkTarget, ...]:
    return tuple(
        TrunkTarget(world.trunks[name].id, f"+155500000{n}") for n, name in enumerate(names)
    )


async def test_an_answered_caller_hears_ringing_and_then_the_target(world: World) -> None:
    dial = Dial(targets(world, "a"))
    program = flow(hi=Node(Say("hi"), {"": "dial"}), dial=Node(dial, {"answered": "bye"}),
                   bye=Node(Say("bye")))  # fmt: skip
    await calling(world, program)
    await playing(world, "file:hi")
    played(world)
    invite = await world.a.expect("INVITE")
    await playing(world, "ringback:us")
    world.a.respond(invite, 180)
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    await until(lambda: world.call().state.name == "BRIDGED")
    assert world.media.asked[-1][0] == "connect"
    await world.hangs_up(world.a.dialog(invite))
    await playing(world, "file:bye")
    played(world)
    events = await over(world)
    assert outcomes(events) == ["hi=done", "dial=answered", "bye=done"]
    assert kinds(events).count("call.answered") == 1
    assert world.caller.count("180 INVITE") == 0, "it has been answered"


async def test_the_first_of_all_that_ring_wins(world: World) -> None:
    dial = Dial(targets(world, "a", "b"), mode="parallel")
    world.control.flow = straight(dial)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    one, other = await world.a.expect("INVITE"), await world.b.expect("INVITE")
    world.a.respond(one, 180)
    world.b.respond(other, 180)
    await world.caller.expect("180 INVITE")
    world.b.respond(other, 200, sdp=PHONE_SDP)
    await world.b.expect("ACK")
    cancel = await world.a.expect("CANCEL")
    world.a.respond(cancel, 200)
    world.a.respond(one, 487)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.b)
    events = await world.ended("caller_hangup", by="caller")
    assert kinds(events).count("leg.bridged") == 1


async def test_two_winners_of_a_race_are_one_too_many(world: World) -> None:
    dial = Dial(targets(world, "a", "b"), mode="parallel")
    world.control.flow = straight(dial)
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    one, other = await world.a.expect("INVITE"), await world.b.expect("INVITE")
    world.a.respond(one, 200, sdp=PHONE_SDP)
    world.b.respond(other, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    await world.b.expect("ACK")
    uac.ack(await world.caller.expect("200 INVITE"))
    loser = await until_bye(world)
    await world.hangs_up(uac)
    await world.gets_bye(world.a if loser is world.b else world.b)
    events = await world.ended("caller_hangup", by="caller")
    assert kinds(events).count("leg.bridged") == 1


async def until_bye(world: World) -> object:
    """Whichever target was one too many."""
    await until(lambda: world.a.count("BYE") or world.b.count("BYE"))
    loser = world.a if world.a.count("BYE") else world.b
    await world.gets_bye(loser)
    return loser


async def test_the_answering_side_takes_the_call_by_a_key(world: World) -> None:
    dial = Dial(
        targets(world, "a", "b"), whisper=(Say("a caller"),), confirm="1", confirm_seconds=0.3
    )
    world.control.flow = flow(dial=Node(dial))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    first = await world.a.expect("INVITE")
    world.a.respond(first, 200, sdp=PHONE_SDP)
    await world.a.expect("ACK")
    leg = world.call().legs[1].id
    await until(lambda: leg in world.media.plays)
    played(world, leg)  # and then no key: voicemail, or nobody who wants it
    await world.gets_bye(world.a)
    second = await world.b.expect("INVITE")
    world.b.respond(second, 200, sdp=PHONE_SDP)
    await world.b.expect("ACK")
    assert not world.caller.count("200 INVITE")
    leg = world.call().legs[2].id
    await until(lambda: leg in world.media.plays)
    press(world, "1", leg)
    uac.ack(await world.caller.expect("200 INVITE"))
    await world.hangs_up(uac)
    await world.gets_bye(world.b)
    await world.ended("caller_hangup", by="caller")


async def test_nobody_answers_and_the_flow_goes_on(world: World) -> None:
    program = flow(
        dial=Node(Dial(targets(world, "a"), timeout_seconds=30), {"busy": "sorry"}),
        sorry=Node(Say("sorry")),
    )
    world.control.flow = program
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 486)
    uac.ack(await world.caller.expect("200 INVITE"))
    await playing(world, "file:sorry")
    played(world)
    assert outcomes(await over(world)) == ["dial=busy", "sorry=done"]


async def test_who_is_put_on_hold_hears_music(world: World) -> None:
    world.control.flow = straight(Dial(targets(world, "a"), music="file:/music.wav"))
    _, uas = await world.bridged()
    uas.request("INVITE", sdp="v=0\r\ns=phone\r\na=sendonly\r\n")
    uas.ack(await world.a.expect("200 INVITE"))
    await playing(world, "file:/music.wav")
    uas.request("INVITE", sdp=PHONE_SDP)
    uas.ack(await world.a.expect("200 INVITE"))
    await playing(world, "stop")
    await world.hangs_up(uas)
    await world.gets_bye(world.caller)
    await world.ended("callee_hangup", by="callee")


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "outcome"), [("key", "done"), ("quiet", "done"), ("empty", "empty"), ("time", "done")]
)
async def test_a_message_after_the_beep(world: World, end: str, outcome: str) -> None:
    world.control.message = RecordingPlan(basis="message", customer_keys=())
    await calling(world, flow(rec=Node(Record(max_seconds=1 if end == "time" else 60))))
    await playing(world, "beep")
    assert not world.media.count("subscribe"), "the beep comes first"
    played(world)
    await until(lambda: world.media.tracks)
    (track,) = world.media.tracks
    call = world.call()
    if end == "key":
        press(world, "#")
    elif end != "time":
        data = {"track": track.hex, "spoken": end == "quiet"}
        world.manager.on_media_event(MediaEvent(call.id, call.primary.id, "quiet", data))
    events = await over(world)
    assert outcomes(events) == [f"rec={outcome}"]
    started = next(event for event in events if event.kind == "recording.started")
    assert started.data["message"] is True and len(started.data["tracks"]) == 1
    assert "recording.completed" in kinds(events)


async def test_without_a_plan_no_message_is_taken(world: World) -> None:
    await calling(world, flow(hi=Node(Say("hi"), {"": "rec"}), rec=Node(Record())))
    await playing(world, "file:hi")
    played(world)
    assert outcomes(await over(world, "flow_failed")) == ["hi=done", "rec=failed"]
    assert not world.media.count("subscribe")


async def test_a_message_that_may_not_be_recorded_is_not_asked_for(world: World) -> None:
    """No beep sounds, and the call says why."""
    why = "customer_key_missing"
    world.control.message = RecordingPlan(basis="", refused=why)
    await calling(world, flow(rec=Node(Record(), {"failed": "hi"}), hi=Node(Say("hi"))))
    await playing(world, "file:hi")
    played(world)
    events = await over(world)
    assert outcomes(events) == ["rec=failed", "hi=done"]
    assert [one.data["code"] for one in events if one.kind == "recording.refused"] == [why]
    assert not world.media.count("subscribe")
    assert not any(asked[3] == "beep" for asked in world.media.asked if asked[0] == "play")


# --- other programs -------------------------------------------------------------------------------


async def test_a_document_takes_over_and_is_told_of_the_call(world: World) -> None:
    world.control.programs["https://example.com/next"] = straight(Say("from the web"))
    program = flow(
        ask=Node(Gather(max_digits=2), {"digits": "go"}),
        go=Node(Fetch("https://example.com/next")),
    )
    await calling(world, program)
    await until(lambda: world.call().state.name == "GATHERING")
    press(world, "42")
    await playing(world, "file:from the web")
    (asked,) = world.control.fetched
    assert asked.params["Digits"] == "42" and asked.params["To"] == CALLED
    played(world)
    events = await over(world)
    assert [e.data["by"] for e in events if e.kind == "call.redirected"] == ["flow"]


async def test_a_document_hands_over_to_a_flow(world: World) -> None:
    world.control.programs[FLOW.hex] = flow(bye=Node(Say("bye")))
    await calling(world, straight(Say("hi"), Fetch("", flow=FLOW)))
    await playing(world, "file:hi")
    played(world)
    await playing(world, "file:bye")
    (request,) = world.control.fetched
    assert (request.flow, request.url) == (FLOW, None)
    played(world)
    events = await over(world)
    (handed,) = [event.data for event in events if event.kind == "call.redirected"]
    assert handed == {"by": "flow", "flow": FLOW.hex, "version": 3}


async def test_a_document_that_cannot_be_had(world: World) -> None:
    world.control.programs["https://example.com/"] = RpcError("document_unreachable", "")
    await calling(world, straight(Say("hi"), Fetch("https://example.com/")))
    await playing(world, "file:hi")
    played(world)
    await over(world, "flow_failed")


async def test_documents_that_lead_to_each_other_for_ever(world: World) -> None:
    url = "https://example.com/loop"
    world.control.programs[url] = straight(Fetch(url))
    world.control.flow = straight(Fetch(url))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect("500 INVITE"))
    await world.ended("flow_failed", by="system", status=500)


async def test_its_tenant_redirects_a_conversation(world: World) -> None:
    uac, _ = await world.bridged()
    call = world.call()
    world.control.programs[FLOW.hex] = straight(Say("elsewhere"))
    await world.manager.command(CallCommand(call.log.tenant, call.id, "redirect", flow=FLOW))
    await world.gets_bye(world.a)
    await playing(world, "file:elsewhere")
    await world.hangs_up(uac)
    events = await world.ended("caller_hangup", by="caller")
    assert [e.data["by"] for e in events if e.kind == "call.redirected"] == ["api"]


async def test_a_redirect_that_fails_leaves_the_call_alone(world: World) -> None:
    uac, _ = await world.bridged()
    call = world.call()
    world.control.programs[FLOW.hex] = RpcError("flow_not_found", "")
    with pytest.raises(RpcError):
        await world.manager.command(CallCommand(call.log.tenant, call.id, "redirect", flow=FLOW))
    assert call.state.name == "BRIDGED"
    await world.hangs_up(uac)
    await world.gets_bye(world.a)
    await world.ended("caller_hangup", by="caller")


async def test_a_later_program_is_recorded_as_one_with_nobody_knows_whom(world: World) -> None:
    """The first program's numbers asked for no prompt; whom a document dials may."""
    world.control.recording = RecordingPlan(basis="one_party:TX")
    world.control.later = RecordingPlan(basis="unknown", prompt="file:/consent.wav")
    dial = Dial(targets(world, "a"))
    world.control.programs["https://example.com/"] = straight(dial)
    await calling(world, straight(Say("hi"), Fetch("https://example.com/")))
    await playing(world, "file:hi")
    played(world)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await playing(world, "file:/consent.wav")
    assert not world.media.count("subscribe")
    await world.hangs_up(world.a.dialog(invite))
    await over(world, "callee_hangup", "callee")


@pytest.mark.parametrize("keys", [True, False])
async def test_an_emergency_within_a_flow_is_put_through_and_never_recorded(
    world: World, keys: bool
) -> None:
    world.control.recording = RecordingPlan(basis="one_party:TX")
    dial = Dial(targets(world, "a", "b"), emergency=True)
    many = tuple(TrunkTarget(world.trunks["a"].id, f"+1555111{n:04}") for n in range(25))
    program = flow(
        hi=Node(Say("hi"), {"": "dial", "never": "other"}),
        dial=Node(dial),
        other=Node(Dial(many)),
    )
    await calling(world, program)
    await playing(world, "file:hi")
    if not keys:
        world.keys.error = Unavailable("")
    played(world)
    invite = await world.a.expect("INVITE")
    world.a.respond(invite, 200, sdp=PHONE_SDP)
    await until(lambda: world.call().state.name == "BRIDGED")
    await asyncio.sleep(0.05)
    assert not world.media.count("subscribe")
    await world.hangs_up(world.a.dialog(invite))
    await over(world, "callee_hangup", "callee")


@pytest.mark.parametrize("ringing", [True, False])
async def test_its_tenant_hangs_up(world: World, ringing: bool) -> None:
    if ringing:
        uac = world.uac()
        uac.request("INVITE", sdp=PHONE_SDP)
        invite = await world.a.expect("INVITE")
        world.a.respond(invite, 180)
        await world.caller.expect("180 INVITE")
    else:
        await world.bridged()
    call = world.call()
    await world.manager.command(CallCommand(call.log.tenant, call.id, "hang_up"))
    if ringing:
        uac.ack_failure(await world.caller.expect("480 INVITE"))
        world.a.respond(await world.a.expect("CANCEL"), 200)
        world.a.respond(invite, 487)
        await world.ended("completed", by="system", status=480)
    else:
        await world.gets_bye(world.caller)
        await world.gets_bye(world.a)
        await world.ended("completed", by="system")


@pytest.mark.parametrize(("status", "reason"), [(402, "no_credit"), (603, "rejected")])
async def test_refusals(world: World, status: int, reason: str) -> None:
    world.control.flow = straight(Reject(status))
    uac = world.uac()
    uac.request("INVITE", sdp=PHONE_SDP)
    uac.ack_failure(await world.caller.expect(f"{status} INVITE"))
    await world.ended(reason, by="system", status=status)
