"""After calls of every kind, good and bad, the processes hold what they held before."""

import asyncio
from collections.abc import Iterator

import psutil
import pytest
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import Phone

pytestmark = pytest.mark.e2e

T1 = 0.05
ROUNDS = 4
CONTROL_SLACK = 8
"""Its four database threads open what they keep when a call first comes to them: two connections
each at most. Fifty calls that leak pass that."""


@pytest.fixture
def world() -> Iterator[World]:
    installation = Installation.create(t1_ms=int(T1 * 1000), media={"silence_seconds": 3})
    try:
        installation.start()
        yield World.provision(installation)
        print(installation.log_tail())
    finally:
        installation.stop()


def holdings(installation: Installation) -> dict[str, int]:
    """Descriptors of the call plane's processes, and the RTP and RTCP ports that are open."""
    found = {}
    low, high = installation.rtp_ports
    for name, item in installation.status().items():
        if name not in ("signalling", "control") and not name.startswith("media-"):
            continue
        process = psutil.Process(item["pid"])
        found[f"{name} descriptors"] = process.num_fds()
        if name.startswith("media-"):
            ports = [c.laddr.port for c in process.net_connections("udp") if c.laddr]
            found[f"{name} ports"] = sum(low <= port <= high for port in ports)
    return found


async def every_kind_of_call(world: World, transport: str) -> None:
    """One round: answered, busy, cancelled, unanswered, deaf target, dead caller, stranger."""
    place = world.installation
    async with (
        Phone(place.caller(), t1=T1, transport=transport) as alice,
        Phone(place.callee(), t1=T1, transport=transport) as bob,
        Phone(place.callee(), t1=T1) as deaf,
        Phone(place.stranger(), t1=T1) as stranger,
    ):
        to_bob = await asyncio.to_thread(world.number, bob.uri, ring_seconds=1)
        to_deaf = await asyncio.to_thread(world.number, deaf.uri, ring_seconds=1)
        deaf.wire.deaf = True
        uri = place.uri(to_bob, transport)
        calls = [await alice.dial(uri) for _ in range(10)]
        taken = [await bob.incoming() for _ in calls]
        for call in taken:
            call.ring()
        # two each: hung up by either side, refused, cancelled, left ringing
        for call in taken[:4]:
            call.answer()
        for call in taken[4:6]:
            call.reject(486)
        await happens(lambda: sum(call.state == "answered" for call in calls) == 4)
        answered = [call for call in calls if call.state == "answered"]
        ringing = [call for call in calls if call.state == "ringing"]
        await asyncio.gather(*(call.hangup() for call in answered[:2]))
        await asyncio.gather(*(call.cancel() for call in ringing[:2]))
        silent = await alice.dial(place.uri(to_deaf, transport))
        unknown = await stranger.dial(place.uri(to_bob))
        for call in taken[:4]:
            if call.state == "answered":
                await call.hangup()
        await asyncio.gather(*(c.ended(within=10) for c in (*calls, silent, unknown)))
        # a caller and a target that vanish in the middle of their call
        last = await alice.dial(uri)
        (await bob.incoming()).answer()
        await last.answered()
        alice.wire.deaf = bob.wire.deaf = True


async def test_nothing_is_left_behind(world: World) -> None:
    place = world.installation
    await every_kind_of_call(world, "udp")  # what is opened once and kept, is open from here on
    await settled(place)
    before = await asyncio.to_thread(holdings, place)
    for turn in range(ROUNDS):
        await every_kind_of_call(world, ("udp", "tcp")[turn % 2])
        if turn == 1:
            old = await asyncio.to_thread(place.kill, "media-1")
            await place.replaced("media-1", old)
    await settled(place)

    def same() -> bool:
        now = holdings(place)
        return all(
            now[name] <= value + (CONTROL_SLACK if name.startswith("control") else 2)
            for name, value in before.items()
        )

    try:
        await happens(same, within=64 * T1 + 15)
    except AssertionError:
        raise AssertionError(f"before {before}, after {holdings(place)}") from None
    after = await asyncio.to_thread(holdings, place)
    assert [value for name, value in after.items() if name.endswith("ports")] == [0, 0]


async def settled(place: Installation) -> None:
    """Wait until every media port is closed: silence, BYE to the dead, then 64 T1."""

    def free() -> bool:
        return not any(v for name, v in holdings(place).items() if name.endswith("ports"))

    await happens(free, within=3 + 2 * 64 * T1 + 15, what="all media ports closed")
