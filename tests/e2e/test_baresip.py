"""The main call again with a phone of other people's making."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.harness.baresip import Baresip
from tests.e2e.harness.ears import listen
from tests.e2e.harness.peers import need
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import Phone

pytestmark = pytest.mark.e2e


@pytest.fixture
def baresip(world: World, tmp_path: Path) -> Iterator[Baresip]:
    need("baresip", "baresip")
    phone = Baresip(tmp_path, world.installation.caller(), world.installation.host)
    yield phone
    phone.stop()
    print((tmp_path / "output.log").read_text(errors="replace")[-3000:])


@pytest.mark.parametrize("leaver", ["baresip", "desk"])
async def test_baresip_calls_through_the_platform(
    world: World, baresip: Baresip, leaver: str
) -> None:
    place = world.installation
    async with Phone(place.callee()) as desk:
        number = await asyncio.to_thread(world.number_for, desk)
        caller = place.telephone()
        baresip.dial(caller, place.uri(number), tone=440)
        taken = await desk.incoming()
        assert taken.peer_number == caller
        taken.ring()
        taken.answer(tone=1230)
        await taken.acknowledged()
        await happens(lambda: "Call established" in baresip.output)
        await listen(taken.audio, packets=100)
        assert taken.heard().only(440), taken.heard()
        if leaver == "desk":
            assert await taken.hangup() == 200
            await happens(lambda: "terminated" in baresip.output)
        else:
            baresip.quit()
            await taken.ended()
            assert taken.ended_by == "remote"
    record = await world.record(caller)
    expected = {"baresip": "caller_hangup", "desk": "callee_hangup"}[leaver]
    assert (record["disposition"], record["end_reason"]) == ("answered", expected)
    baresip.quit()
    await happens(lambda: baresip.heard() == {1230}, what="a clean tone in baresip's own recording")
