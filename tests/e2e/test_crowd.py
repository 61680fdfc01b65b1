"""Fifty calls at once: each has its own pair of tones, and no ear hears another's."""

import asyncio

import pytest
from tests.e2e.harness.ears import Ears, listen
from tests.e2e.harness.sipp import Line, SippRunner
from tests.e2e.harness.world import World

pytestmark = pytest.mark.e2e

CALLS = 50


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_fifty_calls_without_crossed_audio(
    world: World, sipp: SippRunner, transport: str
) -> None:
    place = world.installation
    caller_host, callee_host = place.caller(), place.callee()
    suffix = ";transport=tcp" if transport == "tcp" else ""
    called = await asyncio.to_thread(world.number, f"sip:desk@{callee_host}:5060{suffix}")
    async with Ears() as ears:
        numbers = [place.telephone() for _ in range(CALLS)]
        # a hundred tones 30 Hz apart: the pair of a call is (n, n + 50)
        caller_ears = [ears.open(caller_host, 310 + 30 * n) for n in range(CALLS)]
        callee_ears = [ears.open(callee_host, 310 + 30 * (n + CALLS)) for n in range(CALLS)]
        lines = [
            Line(number, ear.address[1], called)
            for number, ear in zip(numbers, caller_ears, strict=True)
        ]
        callee = await sipp.start(
            "uas_answer",
            host=callee_host,
            port=5060,
            transport=transport,
            lines=[
                Line(number, ear.address[1])
                for number, ear in zip(numbers, callee_ears, strict=True)
            ],
        )
        caller = await sipp.start(
            "uac_call",
            host=caller_host,
            port=5060,
            lines=lines,
            peer=place.sip,
            transport=transport,
            talk_ms=20_000,
            rate=20,
        )
        for number, mine, theirs in zip(numbers, caller_ears, callee_ears, strict=True):
            theirs.send_to(*await callee.rtp_target(number))
            mine.send_to(*await caller.rtp_target(number))
        await listen(*caller_ears, *callee_ears, packets=50)
        heard = [
            (mine.heard(), theirs.heard())
            for mine, theirs in zip(caller_ears, callee_ears, strict=True)
        ]
        await caller.passed(within=90)
        await callee.passed()
    for n, (mine, theirs) in enumerate(heard):
        assert mine.only(310 + 30 * (n + CALLS)), (n, mine)
        assert theirs.only(310 + 30 * n), (n, theirs)
    for number in numbers:
        record = await world.record(number)
        assert (record["disposition"], record["end_reason"]) == ("answered", "caller_hangup")
        assert [leg["lost_packets"] for leg in record["legs"]] == [0, 0]
