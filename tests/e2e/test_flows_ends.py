"""Hang-ups at every moment, and processes that die while a caller is in the menu."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from tests.e2e.harness.hearing import Hearing, hears, hears_sound
from tests.e2e.harness.studio import Graph, Studio, way
from tests.e2e.harness.world import World

from ringfence.entry.phone import Call

pytestmark = pytest.mark.e2e

PROMPT, WHISPER = 700, 1700


def one(verb: Graph) -> Graph:
    return {"start": "it", "nodes": {"it": verb}}


async def in_speech(studio: Studio) -> Call:
    call = await studio.dial(one({"type": "say", "text": "A long text. " * 20}))
    await hears_sound(call.audio)
    return call


async def in_play(studio: Studio) -> Call:
    call = await studio.dial(one({"type": "play", "prompt": await studio.prompt(PROMPT, 9)}))
    await hears(call.audio, PROMPT)
    return call


async def in_prompt(studio: Studio) -> Call:
    prompts = [{"play": await studio.prompt(PROMPT, 9)}]
    call = await studio.dial(one({"type": "gather", "prompts": prompts}))
    await hears(call.audio, PROMPT)
    return call


async def in_digits(studio: Studio) -> Call:
    call = await studio.dial(one({"type": "gather", "max_digits": 5, "digit_seconds": 9}))
    await call.answered()
    await call.send_digits("12")
    return call


async def in_hold(studio: Studio) -> Call:
    music = await studio.prompt(PROMPT, 0.5)
    call = await studio.dial(one({"type": "hold", "prompt": music, "seconds": 60}))
    await hears(call.audio, PROMPT)
    return call


async def in_beep(studio: Studio) -> Call:
    call = await studio.dial(one({"type": "record"}))
    await call.answered()
    return call


async def in_pause(studio: Studio) -> Call:
    tone = await studio.prompt(PROMPT, 0.3)
    pause = {"type": "pause", "seconds": 30}
    graph = one({"type": "play", "prompt": tone, "next": {"": "wait"}})
    graph["nodes"]["wait"] = pause
    call = await studio.dial(graph)
    await hears(call.audio, PROMPT)
    return call


async def in_message(studio: Studio) -> Call:
    call = await studio.dial(one({"type": "record"}), tone=440)
    await hears(call.audio, 1000)
    return call


async def in_fetch(studio: Studio) -> Call:
    server = await studio.documents()
    tone = await studio.prompt(PROMPT, 0.3)
    graph = one({"type": "play", "prompt": tone, "next": {"": "away"}})
    graph["nodes"]["away"] = {"type": "redirect", "url": server.slow("/slow", 8)}
    call = await studio.dial(graph)
    await server.was_asked("/slow")
    return call


ALONE: dict[str, Callable[[Studio], Awaitable[Call]]] = {
    "speech": in_speech, "play": in_play, "prompt": in_prompt, "digits": in_digits,
    "pause": in_pause, "hold": in_hold, "beep": in_beep, "message": in_message, "fetch": in_fetch,
}  # fmt: skip


@pytest.mark.parametrize("where", ALONE)
async def test_the_caller_hangs_up(studio: Studio, where: str) -> None:
    call = await ALONE[where](studio)
    assert call.state == "answered"
    assert await call.hangup() == 200
    record = await studio.record(call)
    assert (record["disposition"], record["end_reason"]) == ("answered", "caller_hangup")
    assert way(record)[-1][1] == "", "the verb was cut short"
    assert len(record["legs"]) == 1
    await studio.all_over()


@pytest.mark.parametrize("hello", [False, True], ids=["unanswered", "answered"])
@pytest.mark.parametrize("where", ["invited", "ringing", "whisper", "confirm", "bridged"])
async def test_the_caller_hangs_up_while_dialling(studio: Studio, where: str, hello: bool) -> None:
    bob = await studio.callee()
    dial = {"type": "dial", "targets": [{"sip": bob.uri}]}
    if where in ("whisper", "confirm"):
        seconds = 9 if where == "whisper" else 0.3
        dial["whisper"] = [{"play": await studio.prompt(WHISPER, seconds)}]
    if where == "confirm":
        dial |= {"confirm": "1", "confirm_seconds": 30}
    graph = one(dial)
    if hello:
        tone = await studio.prompt(PROMPT, 0.2)
        graph["nodes"]["hello"] = {"type": "play", "prompt": tone, "next": {"": "it"}}
        graph["start"] = "hello"
    call = await studio.dial(graph, tone=440)
    taken = await bob.incoming()
    if where != "invited":
        taken.ring()
    if where in ("whisper", "confirm", "bridged"):
        taken.answer(tone=1230)
        await hears(taken.audio, 440 if where == "bridged" else WHISPER)
    if where == "confirm":
        await asyncio.sleep(0.5)  # the key is waited for
    if call.state == "answered":
        assert await call.hangup() == 200
    else:
        await call.cancel()
    if where == "invited":  # only who has said something may be sent a CANCEL (RFC 3261 9.1)
        assert not taken.seen("CANCEL")
        taken.ring()
    await taken.ended()
    assert taken.ended_by == "remote"
    assert bool(taken.seen("BYE")) == (where in ("whisper", "confirm", "bridged"))
    record = await studio.record(call)
    expected = "caller_hangup" if hello or where == "bridged" else "caller_cancel"
    assert record["end_reason"] == expected
    assert [leg["role"] for leg in record["legs"]] == ["caller", "callee"]
    assert all(leg["ended_at"] for leg in record["legs"])
    await studio.all_over()


@pytest.mark.parametrize("where", ["whisper", "confirm"])
async def test_who_hangs_up_before_taking_the_call_did_not_answer(
    studio: Studio, where: str
) -> None:
    bob, carol = await studio.callee(), await studio.callee()
    whisper = [{"play": await studio.prompt(WHISPER, 9 if where == "whisper" else 0.3)}]
    targets = [{"sip": phone.uri} for phone in (bob, carol)]
    dial = {"type": "dial", "targets": targets, "whisper": whisper, "confirm": "1"}
    call = await studio.dial(one(dial), tone=440)
    taken = await bob.incoming()
    taken.answer(tone=1230)
    await hears(taken.audio, WHISPER)
    if where == "confirm":
        await asyncio.sleep(0.5)  # the key is waited for
    await taken.hangup()
    second = await carol.incoming()
    second.answer(tone=1500)
    await hears(second.audio, WHISPER)
    await second.send_digits("1")
    await hears(call.audio, 1500)
    assert not Hearing(call.audio).tone(1230)
    await call.hangup()
    await second.ended()
    callees = [leg for leg in (await studio.record(call))["legs"] if leg["role"] == "callee"]
    assert [bool(leg["bridged_at"]) for leg in callees] == [False, True]
    await studio.all_over()


async def test_hang_ups_at_any_moment_of_a_menu(studio: Studio) -> None:
    """Every 30 ms of the first second: answer, prompt, digits, next verb."""
    bob = await studio.callee()
    graph = one({"type": "gather", "prompts": [{"play": await studio.prompt(PROMPT, 0.2)}],
                 "choices": ["1"], "next": {"digits:1": "dial"}})  # fmt: skip
    graph["nodes"]["dial"] = {"type": "dial", "targets": [{"sip": bob.uri}]}
    number = await studio.number(graph)
    calls = []

    async def hang_up_after(seconds: float) -> None:
        call = await studio.dial_number(number)
        calls.append(call)
        await asyncio.sleep(seconds)
        if call.state == "answered":
            call.audio.press("1") if seconds > 0.5 else None
            await asyncio.sleep(seconds / 3)
            if call.state != "ended":
                await call.hangup()
        elif call.state != "ended":
            await call.cancel()

    await asyncio.gather(*(hang_up_after(0.03 * n) for n in range(1, 31)))
    for call in calls:
        record = await studio.record(call)
        assert record["end_reason"] in ("caller_hangup", "caller_cancel")
    await studio.all_over()


async def test_control_is_killed_while_a_caller_is_in_the_menu(studio: Studio) -> None:
    place, bob = studio.place, await studio.callee()
    gather = {"type": "gather", "prompts": [{"play": await studio.prompt(PROMPT, 1)}],
              "choices": ["1"], "seconds": 20, "save_as": "choice",
              "next": {"digits:1": "dial"}}  # fmt: skip
    graph = one(gather)
    graph["nodes"]["dial"] = {
        "type": "dial", "targets": [{"sip": bob.uri}], "next": {"": "bye"},
    }  # fmt: skip
    graph["nodes"]["bye"] = {"type": "play", "prompt": await studio.prompt(900, 0.3)}
    call = await studio.dial(graph, tone=440)
    await hears(call.audio, PROMPT)
    old = await asyncio.to_thread(place.kill, "control")
    await call.send_digits("1")
    taken = await bob.incoming()
    taken.answer(tone=1230)
    await hears(call.audio, 1230)
    await hears(taken.audio, 440)
    await taken.hangup()
    await call.ended()
    assert Hearing(call.audio).tone(900)
    await place.replaced("control", old)
    record = await studio.record(call, within=30)
    assert way(record) == [("it", "digits:1"), ("dial", "answered"), ("bye", "done")]
    assert record["end_reason"] == "completed"


async def test_keys_is_stopped_while_digits_are_captured(own_world: World) -> None:
    async with Studio(own_world) as studio:
        place = studio.place
        graph = one({"type": "gather", "max_digits": 3, "save_as": "code", "seconds": 20,
                     "next": {"digits": "play"}})  # fmt: skip
        graph["nodes"]["play"] = {"type": "play", "prompt": await studio.prompt(900, 0.3)}
        call = await studio.dial(graph)
        await call.answered()
        pid = await asyncio.to_thread(place.pid, "keys")
        os.kill(pid, signal.SIGSTOP)
        try:
            await call.send_digits("735")
            await call.ended(within=20)
            heard = Hearing(call.audio)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert heard.tone(900), "the call goes on by its program"
        record = await studio.record(call, within=40)
        assert way(record) == [("it", "digits"), ("play", "done")]
        assert record["end_reason"] == "completed"
