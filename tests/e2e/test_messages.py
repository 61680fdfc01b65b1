"""Record: messages that callers leave, by their own ears and by what is stored."""

import asyncio
from typing import Any

import pytest
from tests.e2e.harness.hearing import Hearing, hears
from tests.e2e.harness.studio import Graph, Studio, tones, way
from tests.e2e.harness.wait import happens

from ringfence.entry.phone import Call

pytestmark = pytest.mark.e2e

BEEP, GOODBYE, VOICE = 1000, 900, 440


async def mailbox(studio: Studio, **more: Any) -> Graph:
    """Takes a message; how it came out has a tone of its own."""
    ends = {name: await studio.prompt(hz, 0.3) for name, hz in ENDS.items()}
    record = {"type": "record", "next": {name: name for name in ENDS}, **more}
    nodes = {name: {"type": "play", "prompt": prompt} for name, prompt in ends.items()}
    return {"start": "record", "nodes": {"record": record, **nodes}}


ENDS = {"done": 1300, "empty": 1500, "failed": 1900}


async def message_of(studio: Studio, call: str, within: float = 20.0) -> dict[str, Any]:
    """The one message of a call, once it is stored."""
    async with asyncio.timeout(within):
        while True:
            listed = await studio.rest("GET", f"/recordings?call={call}")
            found: list[dict[str, Any]] = listed["recordings"]
            if found and found[0]["state"] == "stored":
                assert len(found) == 1
                return found[0]
            await asyncio.sleep(0.1)


async def left(studio: Studio, call: Call) -> tuple[dict[str, Any], dict[str, Any], list[int]]:
    """Record, message and the tones (Hz, 0 where silent) of each 100 ms of its audio."""
    record = await studio.record(call)
    message = await message_of(studio, record["id"])
    wav = await studio.rest("GET", f"/recordings/{message['id']}/audio?track=caller")
    return record, message, tones(wav)


async def silence(call: Call) -> None:
    """Wait until nothing is heard any more."""
    loop = asyncio.get_running_loop()
    await happens(
        lambda: loop.time() - Hearing(call.audio).sound()[-1].end > 0.04, what="the beep's end"
    )


async def only_what_follows_the_beep_is_kept_and_a_key_ends_it(studio: Studio) -> None:
    call = await studio.dial(await mailbox(studio, silence_seconds=10), tone=VOICE)
    await call.answered()
    call.audio.tone = 2500  # said before and during the beep: not a part of the message
    await hears(call.audio, BEEP)
    await silence(call)
    beeped = asyncio.get_running_loop().time()
    call.audio.tone, call.audio.speaks = VOICE, True
    await asyncio.sleep(1.5)
    await call.send_digits("#")
    pressed = asyncio.get_running_loop().time()
    await call.ended()
    (beep,) = Hearing(call.audio).tone(BEEP)
    assert beep.seconds == pytest.approx(0.4, abs=0.04)
    assert Hearing(call.audio).tone(ENDS["done"])
    record, message, heard = await left(studio, call)
    assert way(record) == [("record", "done"), ("done", "done")]
    assert message["basis"] == "message"
    assert [track["track"] for track in message["tracks"]] == ["caller"]
    assert message["duration_ms"] / 1000 == pytest.approx(pressed - beeped, abs=0.3)
    spoken = heard.count(VOICE)
    assert 1.1 <= spoken / 10 <= 1.7
    assert heard.count(2500) <= 1, "at most the packet that was under way"
    assert BEEP not in heard


async def silence_ends_a_message(studio: Studio) -> None:
    call = await studio.dial(await mailbox(studio, silence_seconds=1), tone=0)
    await call.answered()
    await hears(call.audio, BEEP)
    call.audio.tone, call.audio.speaks = VOICE, True
    await asyncio.sleep(1.5)
    call.audio.tone = 0
    silent = asyncio.get_running_loop().time()
    await call.ended()
    (end,) = Hearing(call.audio).tone(ENDS["done"])
    assert 0.9 < end.start - silent < 1.7
    record, _, heard = await left(studio, call)
    assert way(record)[0] == ("record", "done")
    assert heard.count(VOICE) >= 9


async def nothing_said_is_an_empty_message(studio: Studio) -> None:
    call = await studio.dial(await mailbox(studio, silence_seconds=1), tone=0)
    await call.answered()
    await call.ended()
    assert Hearing(call.audio).tone(ENDS["empty"])
    assert way(await studio.record(call))[0] == ("record", "empty")


async def the_maximum_ends_a_message(studio: Studio) -> None:
    call = await studio.dial(await mailbox(studio, max_seconds=1, silence_seconds=5), tone=VOICE)
    await call.answered()
    await call.ended()
    assert Hearing(call.audio).tone(ENDS["done"])
    record, message, heard = await left(studio, call)
    assert way(record)[0] == ("record", "done")
    assert 950 <= message["duration_ms"] <= 1300
    assert heard.count(VOICE) >= 8


async def hanging_up_leaves_the_message(studio: Studio) -> None:
    call = await studio.dial(await mailbox(studio), tone=0)
    await call.answered()
    await hears(call.audio, BEEP)
    call.audio.tone, call.audio.speaks = VOICE, True
    await asyncio.sleep(1.3)
    await call.hangup()
    record, message, heard = await left(studio, call)
    assert record["end_reason"] == "caller_hangup"
    assert way(record) == [("record", "")]
    assert heard.count(VOICE) >= 7
    assert message["tracks"][0]["complete"] is True


async def without_a_beep_and_with_a_key_of_its_own(studio: Studio) -> None:
    graph = await mailbox(studio, beep=False, finish_key="*", silence_seconds=10)
    call = await studio.dial(graph, tone=VOICE)
    await call.answered()
    await asyncio.sleep(1.0)
    await call.send_digits("#")
    await asyncio.sleep(0.5)
    await call.send_digits("*")
    await call.ended()
    assert not Hearing(call.audio).tone(BEEP)
    record, message, heard = await left(studio, call)
    assert way(record)[0] == ("record", "done")
    assert message["duration_ms"] > 1200, "the other key did not end it"
    assert heard.count(VOICE) >= 10


async def whom_nobody_answers_leaves_a_message(studio: Studio) -> None:
    bob = await studio.callee()
    graph = await mailbox(studio, max_seconds=1)
    graph["nodes"]["dial"] = {
        "type": "dial", "targets": [{"sip": bob.uri}], "next": {"": "record"},
    }  # fmt: skip
    graph["start"] = "dial"
    call = await studio.dial(graph, tone=VOICE)
    (await bob.incoming()).reject(486)
    await call.ended()
    record, _, heard = await left(studio, call)
    assert way(record) == [("dial", "busy"), ("record", "done"), ("done", "done")]
    assert heard.count(VOICE) >= 8
    assert record["end_reason"] == "completed"


async def test_messages(studio: Studio) -> None:
    """At once: each is stored only some seconds after its call."""
    async with asyncio.TaskGroup() as group:
        for scenario in (
            only_what_follows_the_beep_is_kept_and_a_key_ends_it,
            silence_ends_a_message,
            nothing_said_is_an_empty_message,
            the_maximum_ends_a_message,
            hanging_up_leaves_the_message,
            without_a_beep_and_with_a_key_of_its_own,
            whom_nobody_answers_leaves_a_message,
        ):
            group.create_task(scenario(studio), name=scenario.__name__)
