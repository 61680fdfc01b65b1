"""Dial: who rings, who is heard by whom, and what follows."""

import asyncio
from typing import Any

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.hearing import Hearing, hears
from tests.e2e.harness.installation import known
from tests.e2e.harness.sipp import Line, SippRunner
from tests.e2e.harness.studio import Graph, Studio, way

from ringfence.entry.phone import Call, Phone

pytestmark = pytest.mark.e2e

HELLO, GOODBYE, WHISPER, MUSIC = 700, 900, 1700, 2100
CALLER, CALLEE = 440, 1230
RINGBACK = (440, 480)


async def ring(studio: Studio, *phones: Phone, hello: bool = False, **more: Any) -> Graph:
    """Dials these phones, then says goodbye; with ``hello`` the caller is answered before."""
    dial = {
        "type": "dial",
        "targets": [{"sip": phone.uri} for phone in phones],
        "next": {"": "goodbye"},
        **more,
    }
    nodes = {
        "dial": dial,
        "goodbye": {"type": "play", "prompt": await studio.prompt(GOODBYE, 0.5)},
    }
    if hello:
        tone = await studio.prompt(HELLO, 0.3)
        nodes["hello"] = {"type": "play", "prompt": tone, "next": {"": "dial"}}
    return {"start": "hello" if hello else "dial", "nodes": nodes}


async def talk(one: Call, other: Call, packets: int = 25) -> None:
    """Both hear each other, and nothing else."""
    await hears(one.audio, CALLEE)
    await hears(other.audio, CALLER)
    await listen(one.audio, other.audio, packets=packets)
    assert one.heard().only(CALLEE), one.heard()
    assert other.heard().only(CALLER), other.heard()


async def test_after_the_target_has_hung_up_the_flow_goes_on(studio: Studio) -> None:
    bob = await studio.callee()
    call = await studio.dial(await ring(studio, bob), tone=CALLER)
    taken = await bob.incoming()
    assert taken.peer_number == call.peer_number, "the caller's own number is presented"
    taken.ring()
    assert await call.ringing() == 180
    assert not call.audio.recorder.packets, "no ringback is played to who is not answered"
    taken.answer(tone=CALLEE)
    await call.answered()
    await talk(call, taken)
    await taken.hangup()
    await call.ended()
    assert Hearing(call.audio).tone(GOODBYE)[0].seconds == pytest.approx(0.5, abs=0.06)
    record = await studio.record(call)
    assert record["end_reason"] == "completed"
    assert way(record) == [("dial", "answered"), ("goodbye", "done")]
    legs = {leg["role"]: leg for leg in record["legs"]}
    assert legs["callee"]["bridged_at"] is not None
    assert legs["callee"]["ended_at"] < legs["caller"]["ended_at"]


async def test_a_chain_goes_from_busy_to_no_answer_to_who_answers(studio: Studio) -> None:
    busy, silent, free = [await studio.callee() for _ in range(3)]
    graph = await ring(studio, busy, silent, free, hello=True, timeout_seconds=1)
    call = await studio.dial(graph, tone=CALLER)
    await call.answered()
    (await busy.incoming()).reject(486)
    passed_over = await silent.incoming()
    passed_over.ring()
    taken = await free.incoming()
    assert passed_over.cancelled
    taken.answer(tone=CALLEE)
    await talk(call, taken)
    await call.hangup()
    await taken.ended()
    record = await studio.record(call)
    assert record["end_reason"] == "caller_hangup"
    callees = [leg for leg in record["legs"] if leg["role"] == "callee"]
    assert [bool(leg["bridged_at"]) for leg in callees] == [False, False, True]
    assert callees[0]["sip_status"] == 486


@pytest.mark.parametrize(("status", "outcome"), [(486, "busy"), (603, "rejected"), (500, "failed")])
async def test_how_nobody_answered_is_the_outcome(
    studio: Studio, status: int, outcome: str
) -> None:
    bob = await studio.callee()
    graph = await ring(studio, bob)
    graph["nodes"]["dial"]["next"] = {outcome: "goodbye"}
    call = await studio.dial(graph)
    (await bob.incoming()).reject(status)
    await call.ended()
    assert Hearing(call.audio).tone(GOODBYE)
    assert way(await studio.record(call)) == [("dial", outcome), ("goodbye", "done")]


async def test_all_ring_and_the_first_to_answer_has_the_call(studio: Studio) -> None:
    phones = [await studio.callee() for _ in range(3)]
    call = await studio.dial(await ring(studio, *phones, mode="parallel"), tone=CALLER)
    rung = [await phone.incoming() for phone in phones]
    for one in rung:
        one.ring()
    rung[1].answer(tone=CALLEE)
    await call.answered()
    for loser in (rung[0], rung[2]):
        await loser.ended()
        assert loser.cancelled
    await talk(call, rung[1])
    await call.hangup()
    await rung[1].ended()
    record = await studio.record(call)
    assert sorted(bool(leg["bridged_at"]) for leg in record["legs"][1:]) == [False, False, True]


async def test_all_ring_and_nobody_answers(studio: Studio) -> None:
    phones = [await studio.callee() for _ in range(3)]
    graph = await ring(studio, *phones, mode="parallel", timeout_seconds=2)
    graph["nodes"]["dial"]["next"] = {"no_answer": "goodbye"}
    call = await studio.dial(graph)
    rung = [await phone.incoming() for phone in phones]
    for one in rung[:2]:
        one.ring()
    rung[2].reject(486)
    for one in rung[:2]:
        await one.ended()
        assert one.cancelled
    await call.ended()
    assert Hearing(call.audio).tone(GOODBYE)
    assert way(await studio.record(call)) == [("dial", "no_answer"), ("goodbye", "done")]


async def test_one_who_answers_as_it_is_cancelled_is_hung_up(studio: Studio) -> None:
    winner, late = await studio.callee(), await studio.callee()
    call = await studio.dial(await ring(studio, winner, late, mode="parallel"), tone=CALLER)
    one, other = await winner.incoming(), await late.incoming()
    one.ring()
    other.ring()
    other.answers_cancel = True
    one.answer(tone=CALLEE)
    await call.answered()
    await other.ended()
    assert other.seen("CANCEL") and other.seen("ACK") and other.seen("BYE")
    await talk(call, one)
    await call.hangup()
    await one.ended()
    record = await studio.record(call)
    assert [bool(leg["bridged_at"]) for leg in record["legs"][1:]] == [True, False]


async def test_two_winners_of_twenty_races(studio: Studio, sipp: SippRunner) -> None:
    place = studio.place
    lines = [Line(place.telephone()) for _ in range(20)]
    hosts = [place.callee(), place.callee()]
    targets = [{"sip": f"sip:desk@{host}:5060"} for host in hosts]
    dial = {"type": "dial", "mode": "parallel", "targets": targets}
    number = await studio.number({"start": "dial", "nodes": {"dial": dial}})
    racers = [await sipp.start("uas_race", host=host, port=5060, lines=lines) for host in hosts]
    caller = await sipp.start(
        "uac_call", host=place.caller(), port=5060, peer=place.sip, talk_ms=500, rate=10,
        lines=[Line(line.caller, 9, number) for line in lines],
    )  # fmt: skip
    await caller.passed()
    for racer in racers:
        await racer.passed()
        assert len(racer.seen("ACK")) == len(racer.seen("BYE")) == len(lines)
    assert len(caller.seen(200, cseq="INVITE")) == len(lines)
    for line in lines:
        record = await studio.world.record(line.caller)
        callees = [leg for leg in record["legs"] if leg["role"] == "callee"]
        assert sum(leg["bridged_at"] is not None for leg in callees) == 1
    await studio.all_over()


async def test_a_whisper_is_for_the_answering_side_alone(studio: Studio) -> None:
    bob = await studio.callee()
    whisper = [{"play": await studio.prompt(WHISPER, 1.0)}]
    call = await studio.dial(await ring(studio, bob, hello=True, whisper=whisper), tone=CALLER)
    taken = await bob.incoming()
    await hears(call.audio, *RINGBACK)
    taken.answer(tone=CALLEE)
    await hears(taken.audio, WHISPER)
    await hears(taken.audio, CALLER)
    await hears(call.audio, CALLEE)
    caller, callee = Hearing(call.audio), Hearing(taken.audio)
    await call.hangup()
    (spoken,) = callee.tone(WHISPER)
    assert spoken.seconds == pytest.approx(1.0, abs=0.06)
    assert all(spell.start >= spoken.end - 0.02 for spell in callee.tone(CALLER))
    assert not caller.tone(WHISPER)
    assert all(spell.start >= spoken.end - 0.02 for spell in caller.tone(CALLEE))
    assert caller.tone(*RINGBACK)[0].end >= spoken.end - 0.1, "it rings on meanwhile"


async def test_a_caller_who_was_not_answered_waits_for_the_whisper(studio: Studio) -> None:
    bob = await studio.callee()
    whisper = [{"play": await studio.prompt(WHISPER, 0.8)}]
    call = await studio.dial(await ring(studio, bob, whisper=whisper), tone=CALLER)
    taken = await bob.incoming()
    taken.ring(183, media=True)
    assert await call.ringing() in (180, 183)
    taken.answer(tone=CALLEE)
    await hears(taken.audio, WHISPER)
    assert call.state == "ringing"
    await call.answered()
    await talk(call, taken)
    assert not [p for p in call.audio.recorder.packets if p.at < taken.seen("ACK")[0].at]
    await call.hangup()
    await studio.record(call)


async def test_the_confirm_key_takes_the_call(studio: Studio) -> None:
    first, second = await studio.callee(), await studio.callee()
    whisper = [{"play": await studio.prompt(WHISPER, 0.4)}]
    graph = await ring(studio, first, second, hello=True, whisper=whisper, confirm="5",
                       confirm_seconds=1)  # fmt: skip
    call = await studio.dial(graph, tone=CALLER)
    unconfirmed = await first.incoming()
    unconfirmed.answer(tone=1500)
    await hears(unconfirmed.audio, WHISPER)
    await unconfirmed.send_digits("4")
    await unconfirmed.ended()
    assert unconfirmed.ended_by == "remote"
    taken = await second.incoming()
    taken.answer(tone=CALLEE)
    await hears(taken.audio, WHISPER)
    await taken.send_digits("5")
    await talk(call, taken)
    assert not Hearing(call.audio).tone(1500)
    await taken.hangup()
    await call.ended()
    record = await studio.record(call)
    assert way(record)[1:] == [("dial", "answered"), ("goodbye", "done")]
    callees = [leg for leg in record["legs"] if leg["role"] == "callee"]
    assert [bool(leg["answered_at"]) for leg in callees] == [True, True]
    assert [bool(leg["bridged_at"]) for leg in callees] == [False, True]


async def test_caller_id_is_by_the_flows_policy(studio: Studio) -> None:
    place, desk = studio.place, await studio.callee()
    own = await studio.number({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    trunk = await asyncio.to_thread(
        place.cli, "trunk", "create", "pbx", "--tenant", studio.world.tenant.id,
        "--source", f"{desk.host}/32", "--peer", f"udp:{desk.host}:{desk.address[1]}",
    )  # fmt: skip
    await known(place, desk.host)
    target = {"number": "+13125550142", "trunk": trunk["id"]}
    for policy in ("caller", "called", own):
        dial = {"type": "dial", "targets": [target], "caller_id": policy}
        number = await studio.number({"start": "dial", "nodes": {"dial": dial}})
        call = await studio.dial_number(number)
        taken = await desk.incoming()
        expected = {"caller": call.peer_number, "called": number}.get(policy, policy)
        assert (taken.number, taken.peer_number) == ("+13125550142", expected)
        taken.reject(486)
        await call.ended()
        record = await studio.record(call)
        (leg,) = [leg for leg in record["legs"] if leg["role"] == "callee"]
        assert (leg["trunk_id"], leg["number"]) == (trunk["id"], "+13125550142")
        assert record["end_reason"] == "busy"


async def test_a_withheld_number_stays_withheld(studio: Studio) -> None:
    bob = await studio.callee()
    call = await studio.dial(await ring(studio, bob), caller="anonymous")
    taken = await bob.incoming()
    assert taken.peer_number == "anonymous"
    taken.reject(486)
    await call.ended()
    assert Hearing(call.audio).tone(GOODBYE)


async def test_an_answered_caller_hears_the_flows_ringback(studio: Studio) -> None:
    bob = await studio.callee()
    ringback = await studio.prompt(1500, 0.5)
    call = await studio.dial(await ring(studio, bob, hello=True, ringback=ringback), tone=CALLER)
    taken = await bob.incoming()
    taken.ring()
    await hears(call.audio, 1500)
    taken.answer(tone=CALLEE)
    await talk(call, taken)
    await call.hangup()


async def test_music_is_for_whom_the_target_puts_on_hold(studio: Studio) -> None:
    bob = await studio.callee()
    music = await studio.prompt(MUSIC, 0.5)
    call = await studio.dial(await ring(studio, bob, music=music), tone=CALLER)
    taken = await bob.incoming()
    taken.answer(tone=CALLEE)
    await talk(call, taken)
    assert await taken.hold() == 200
    await hears(call.audio, MUSIC)
    call.forget()
    await listen(call.audio, packets=60)
    assert Hearing(call.audio).is_tone(MUSIC), "over and over, without a gap"
    assert await taken.resume() == 200
    await talk(call, taken)
    assert await call.hold() == 200
    await hears(taken.audio, MUSIC)
    assert await call.resume() == 200
    await talk(call, taken)
    await call.hangup()
    await taken.ended()
    kinds = [event["kind"] for event in (await studio.record(call))["events"]]
    assert kinds.count("leg.held") == kinds.count("leg.resumed") == 2


async def test_the_longest_conversation_ends_and_the_flow_goes_on(studio: Studio) -> None:
    bob = await studio.callee()
    call = await studio.dial(await ring(studio, bob, max_seconds=1), tone=CALLER)
    taken = await bob.incoming()
    taken.answer(tone=CALLEE)
    answered = asyncio.get_running_loop().time()
    await taken.ended()
    assert 0.9 < asyncio.get_running_loop().time() - answered < 1.6
    assert call.state == "answered"
    await call.ended()
    assert Hearing(call.audio).tone(GOODBYE)
    record = await studio.record(call)
    assert way(record) == [("dial", "answered"), ("goodbye", "done")]
    assert record["end_reason"] == "completed"


async def test_a_target_that_is_switched_off_is_passed_over(studio: Studio) -> None:
    off, on = await studio.callee(), await studio.callee()
    ids = [
        (await studio.rest("POST", "/targets", {"name": "T", "kind": "sip", "sip": p.uri}))["id"]
        for p in (off, on)
    ]
    graph = await ring(studio, targets=[{"target": id_} for id_ in ids])
    number = await studio.number(graph)
    await studio.rest("PATCH", f"/targets/{ids[0]}", {"enabled": False}, If_Match="*")
    call = await studio.dial_number(number)
    taken = await on.incoming()
    assert not off.calls
    taken.reject(486)
    await call.ended()
    await studio.record(call)
