"""An upgrade drains: calls in progress go on to their own end, new ones are sent elsewhere."""

import asyncio

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import CallFailed, Phone

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("own_world", [{"drain_seconds": 20}], indirect=True)
async def test_a_call_outlives_the_drain(own_world: World) -> None:
    place = own_world.installation
    old = place.pid("signalling")
    async with Phone(place.caller(), t1=0.1) as alice, Phone(place.callee(), t1=0.1) as bob:
        called = await asyncio.to_thread(own_world.number_for, bob)
        number = place.telephone()
        out = await alice.dial(place.uri(called), tone=440, caller=number)
        taken = await bob.incoming()
        taken.answer(tone=1230)
        await out.answered()
        restart = asyncio.create_task(
            asyncio.to_thread(place.cli, "restart", "signalling", "--drain")
        )

        async def turned_away() -> bool:
            try:
                await (await alice.dial(place.uri(called), caller=place.telephone())).answered()
            except CallFailed as refusal:
                return refusal.status == 503
            raise AssertionError("a draining node took a call")

        probe = await alice.options(place.uri("ping"))
        while probe is not None and probe.status == 200:
            probe = await alice.options(place.uri("ping"))
        assert probe is not None
        assert probe.status == 503
        assert await turned_away()
        out.forget()
        await listen(out.audio, packets=25)
        assert out.state == "answered"
        assert out.heard().lost == 0
        assert await out.hangup() == 200
        await taken.ended()
        await restart
        await place.replaced("signalling", old)
        assert await happens(lambda: place.pid("signalling") != old)
        later = await alice.dial(place.uri(called), caller=place.telephone())
        (await bob.incoming()).answer()
        await later.answered()
        assert await later.hangup() == 200
    record = await own_world.record(number)
    assert (record["disposition"], record["end_reason"]) == ("answered", "caller_hangup")
