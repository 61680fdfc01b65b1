"""Calls between demo phones: what SIPp cannot say."""

import asyncio

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import Call, CallFailed, Phone

pytestmark = pytest.mark.e2e


async def connected(world: World, alice: Phone, bob: Phone) -> tuple[Call, Call, str]:
    number = await asyncio.to_thread(world.number_for, bob)
    caller = world.installation.telephone()
    out = await alice.dial(world.installation.uri(number, alice.wire.name), tone=440, caller=caller)
    taken = await bob.incoming()
    taken.ring()
    taken.answer(tone=1230)
    await out.answered()
    await taken.acknowledged()
    return out, taken, caller


async def test_early_media_reaches_the_caller(world: World) -> None:
    place = world.installation
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        number = await asyncio.to_thread(world.number_for, bob)
        caller = place.telephone()
        out = await alice.dial(place.uri(number), caller=caller)
        taken = await bob.incoming()
        taken.audio.tone = 950
        taken.ring(183, media=True)
        assert await out.ringing() == 183
        await listen(out.audio, packets=25)
        assert out.heard().only(950)
        taken.reject(486)
        with pytest.raises(CallFailed) as failure:
            await out.answered()
        assert failure.value.status == 486
    record = await world.record(caller)
    assert (record["disposition"], record["billed_seconds"]) == ("busy", 0)
    assert any(e["kind"] == "leg.progress" and e["data"]["early_media"] for e in record["events"])


async def test_digits_pass_in_both_directions(world: World) -> None:
    place = world.installation
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        out, taken, _ = await connected(world, alice, bob)
        await listen(out.audio, taken.audio, packets=10)
        out.audio.press("0123456789*#")
        taken.audio.press("42")
        await happens(lambda: len(taken.audio.digits()) == 12, within=10)
        await happens(lambda: len(out.audio.digits()) == 2)
        assert (taken.audio.digits(), out.audio.digits()) == ("0123456789*#", "42")
        await out.hangup()


async def test_both_hold_at_once(world: World) -> None:
    place = world.installation
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        out, taken, caller = await connected(world, alice, bob)
        statuses = await asyncio.gather(out.hold(), taken.hold())
        assert set(statuses) <= {200, 491}
        for side, status in zip((out, taken), statuses, strict=True):
            if status == 200:
                assert await side.resume() == 200
        await listen(out.audio, taken.audio, packets=30)
        assert out.heard().only(1230)
        assert taken.heard().only(440)
        assert await out.hangup() == 200
        await taken.ended()
    assert (await world.record(caller))["end_reason"] == "caller_hangup"


async def test_both_hang_up_in_the_same_instant(world: World) -> None:
    place = world.installation
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        for _ in range(5):
            out, taken, caller = await connected(world, alice, bob)
            await asyncio.gather(out.hangup(), taken.hangup())
            record = await world.record(caller)
            assert record["end_reason"] in ("caller_hangup", "callee_hangup")


@pytest.mark.parametrize("codecs", [("PCMA",), ("PCMU",)])
async def test_the_only_codec_of_both(world: World, codecs: tuple[str, ...]) -> None:
    place = world.installation
    async with (
        Phone(place.caller(), codecs=codecs) as alice,
        Phone(place.callee()) as bob,
    ):
        out, taken, caller = await connected(world, alice, bob)
        await listen(out.audio, taken.audio, packets=30)
        assert out.heard().only(1230)
        assert taken.heard().only(440)
        await out.hangup()
    record = await world.record(caller)
    assert all(leg["codec"].upper().startswith(codecs[0]) for leg in record["legs"])


async def test_the_target_dies_during_the_call(world: World) -> None:
    place = world.installation
    async with Phone(place.caller(), t1=0.1) as alice, Phone(place.callee(), t1=0.1) as bob:
        out, taken, caller = await connected(world, alice, bob)
        await listen(out.audio, taken.audio, packets=10)
        taken.audio.muted = True
        bob.wire.deaf = True
        await out.ended(within=15)
        assert out.ended_by == "remote"
    assert (await world.record(caller, within=30))["end_reason"] == "media_timeout"


async def test_the_target_never_answers_a_message(world: World) -> None:
    place = world.installation
    async with Phone(place.caller(), t1=0.1) as alice, Phone(place.callee(), t1=0.1) as bob:
        bob.wire.deaf = True
        number = await asyncio.to_thread(world.number_for, bob)
        caller = place.telephone()
        out = await alice.dial(place.uri(number), caller=caller)
        assert await out.ended(within=15) == 504
    record = await world.record(caller)
    assert (record["disposition"], record["end_reason"]) == ("failed", "unreachable")


async def test_the_next_target_is_rung_when_the_first_is_busy(world: World) -> None:
    place = world.installation
    async with (
        Phone(place.caller()) as alice,
        Phone(place.callee()) as busy,
        Phone(place.callee()) as free,
    ):
        number = await asyncio.to_thread(world.number, busy.uri, free.uri)
        caller = place.telephone()
        out = await alice.dial(place.uri(number), caller=caller)
        (await busy.incoming()).reject(486)
        (await free.incoming()).answer()
        await out.answered()
        await out.hangup()
    record = await world.record(caller)
    assert (record["disposition"], len(record["legs"])) == ("answered", 3)


async def test_the_longest_call_ends(world: World) -> None:
    place = world.installation
    async with Phone(place.caller()) as alice, Phone(place.callee()) as bob:
        number = await asyncio.to_thread(world.number, bob.uri, max_seconds="2")
        caller = place.telephone()
        out = await alice.dial(place.uri(number), caller=caller)
        taken = await bob.incoming()
        taken.answer()
        await out.answered()
        await out.ended()
        await taken.ended()
        assert (out.ended_by, taken.ended_by) == ("remote", "remote")
    record = await world.record(caller)
    assert record["end_reason"] == "max_duration"
    assert record["billed_seconds"] in (2, 3)
