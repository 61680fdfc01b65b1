"""A desk phone registers and takes calls: baresip, on an installation of its own."""

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.harness.baresip import Baresip
from tests.e2e.harness.ears import listen
from tests.e2e.harness.installation import known
from tests.e2e.harness.peers import need
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import Call, Phone

pytestmark = pytest.mark.e2e

NewPhone = Callable[[], Baresip]


@pytest.fixture
def new_phone(own_world: World, tmp_path: Path) -> Iterator[NewPhone]:
    need("baresip", "baresip")
    place = own_world.installation
    with ExitStack() as stack:

        def make() -> Baresip:
            host = place.callee()
            folder = tmp_path / host
            folder.mkdir()
            phone = Baresip(folder, host, place.host)
            stack.callback(lambda: print(f"=== {host}\n{phone.output[-3000:]}"))
            stack.callback(phone.stop)
            return phone

        yield make


def post(world: World, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{world.installation.web_port}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {world.tenant.secret}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def device(world: World) -> tuple[dict[str, Any], str]:
    """A new device, and a number whose flow rings it."""
    made: dict[str, Any] = post(world, "/devices", {"name": "Reception"})
    nodes = {"ring": {"type": "dial", "targets": [{"device": made["id"]}], "timeout_seconds": 10}}
    flow = post(world, "/flows", {"name": "Desk", "draft": {"start": "ring", "nodes": nodes}})
    post(world, f"/flows/{flow['id']}/publish", {})
    return made, world.number(flow=flow["id"])


async def talk(world: World, phone: Baresip, number: str, tone: int) -> str:
    """Call the number, hear the phone and nothing else; returns the caller."""
    place = world.installation
    caller = place.telephone()
    async with Phone(place.caller(), t1=0.1) as customer:
        call = await customer.dial(place.uri(number), tone=1230, caller=caller)
        await call.answered(within=10)
        await hears(call, tone)
        assert await call.hangup() == 200
        await happens(lambda: "terminated" in phone.output or "hangup" in phone.output)
    record = await world.record(caller)
    assert (record["disposition"], record["end_reason"]) == ("answered", "caller_hangup")
    return caller


async def hears(call: Call, tone: int) -> None:
    await listen(call.audio, packets=100)
    assert call.heard().only(tone), call.heard()


async def registered(phone: Baresip) -> None:
    await happens(lambda: "200 OK" in phone.output, within=15, what="a registration")


OLD_PHONES = {"sip": {"digest_algorithms": ["MD5"]}}
"""baresip 1.0 gives up at a challenge that is not MD5."""


@pytest.mark.parametrize("own_world", [OLD_PHONES], indirect=True)
async def test_a_desk_phone_registers_is_called_and_heard(
    own_world: World, new_phone: NewPhone
) -> None:
    place = own_world.installation
    made, number = await asyncio.to_thread(device, own_world)
    await _offered(own_world)
    desk = new_phone()
    desk.register(made["username"], made["password"], tone=440)
    await registered(desk)
    await talk(own_world, desk, number, 440)
    pid = await asyncio.to_thread(place.kill, "signalling")
    await place.replaced("signalling", pid)
    await known(place, place.caller())
    await talk(own_world, desk, number, 440)
    assert desk.output.count("200 OK") == 1, "it did not register anew"
    assert desk.heard() == {1230}
    desk.stop()

    refusals = []
    for username, password in ((made["username"], "guess"), ("nobody", made["password"])):
        eve = new_phone()
        eve.register(username, password, tone=950)
        await happens(lambda eve=eve: "403" in eve.output, within=10, what="a refusal")
        refusals.append(eve.output.split("403")[1].splitlines()[0])
        eve.stop()
    assert refusals[0] == refusals[1]

    made, number = await asyncio.to_thread(device, own_world)
    desk = new_phone()
    await _registers_over_tcp(desk, made)
    await talk(own_world, desk, number, 440)
    desk.stop()
    async with Phone(place.caller(), t1=0.1) as customer:
        call = await customer.dial(place.uri(number))
        assert await call.ended(within=10) == 480, "its connection is gone, and so is it"


async def _registers_over_tcp(desk: Baresip, made: dict[str, Any]) -> None:
    """The device may still be unknown to signalling, which is 403 then: try again."""
    for _ in range(10):
        desk.register(made["username"], made["password"], tone=440, transport="tcp")
        await happens(lambda: "403" in desk.output or "200 OK" in desk.output, within=15)
        if "200 OK" in desk.output:
            return
        desk.stop()
    raise AssertionError("the device stays unknown")


async def _offered(world: World) -> None:
    """Wait until a stranger is challenged: only then the device is known."""
    place = world.installation
    async with Phone(place.stranger(), t1=0.1) as probe:
        for _ in range(30):
            if await probe.options(place.uri("ping"), within=0.5) is not None:
                return
    raise AssertionError("signalling knows no device")
