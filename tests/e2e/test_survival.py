"""What dies, and what lives on. The phones' own wire logs are the judge."""

import asyncio
import contextlib
import math
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil
import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World, moment

from ringfence.entry.phone import Call, Phone

pytestmark = pytest.mark.e2e


@dataclass
class Talk:
    """A call between two phones through the platform, each side with its own tone."""

    number: str
    out: Call
    taken: Call

    @property
    def sides(self) -> tuple[Call, Call]:
        return self.out, self.taken

    def check_audio(self) -> None:
        assert self.out.heard().only(self.taken.audio.tone), self.out.heard()
        assert self.taken.heard().only(self.out.audio.tone), self.taken.heard()


class Conversation:
    """Two phones and the calls between them."""

    def __init__(self, world: World, alice: Phone, bob: Phone, called: str) -> None:
        self.world = world
        self.alice = alice
        self.bob = bob
        self.called = called
        self._tone = 300

    async def place(self, count: int) -> list[Talk]:
        """So many answered calls with audio on all of them."""
        talks = [await self._one() for _ in range(count)]
        await listen(*(side.audio for talk in talks for side in talk.sides), packets=20)
        return talks

    async def _one(self) -> Talk:
        number = self.world.installation.telephone()
        self._tone += 20
        out = await self.alice.dial(
            self.world.installation.uri(self.called), tone=self._tone, caller=number
        )
        taken = await self.bob.incoming()
        taken.ring()
        taken.answer(tone=self._tone + 10)
        await out.answered()
        await taken.acknowledged()
        return Talk(number, out, taken)


@contextlib.asynccontextmanager
async def conversation(world: World) -> AsyncIterator[Conversation]:
    place = world.installation
    t1 = place.t1
    async with Phone(place.caller(), t1=t1) as alice, Phone(place.callee(), t1=t1) as bob:
        called = await asyncio.to_thread(world.number_for, bob)
        yield Conversation(world, alice, bob, called)


async def test_signalling_dies_during_twenty_calls(own_world: World) -> None:
    place = own_world.installation
    async with conversation(own_world) as talking:
        talks = await talking.place(20)
        await asyncio.sleep(6)  # the subject is time: at least one heartbeat of 5 s goes by
        old = await asyncio.to_thread(place.kill, "signalling")
        died = time.time()
        await place.replaced("signalling", old)
        back = time.monotonic()
        for talk in talks:
            await asyncio.gather(*(side.ended(within=10) for side in talk.sides))
        assert time.monotonic() - back < 10
        for talk in talks:
            byes = [{bye.message.branch for bye in side.seen("BYE")} for side in talk.sides]
            assert [len(branches) for branches in byes] == [1, 1], byes  # it may be sent again
            assert [side.ended_by for side in talk.sides] == ["remote", "remote"]
    for talk in talks:
        record = await own_world.record(talk.number)
        assert record["end_reason"] == "engine_crash"
        assert record["disposition"] == "answered"
        lived = died - moment(record["answered_at"])
        assert lived - 6 <= record["billed_seconds"] <= math.ceil(lived), (record, lived)
        assert record["billed_seconds"] > 0
        assert moment(record["ended_at"]) <= died + 0.1


async def test_what_no_call_needs_may_die(world: World) -> None:
    place = world.installation
    async with conversation(world) as talking:
        talks = await talking.place(3)
        for name in ("control", "web", "live", "worker"):
            for talk in talks:
                talk.out.forget()
                talk.taken.forget()
            old = await asyncio.to_thread(place.kill, name)
            await place.replaced(name, old)
            await listen(*(s.audio for t in talks for s in t.sides), packets=25)
            for talk in talks:
                talk.check_audio()
                for side in talk.sides:
                    assert side.state == "answered"
                    assert side.heard().lost == 0, name
                    assert side.heard().longest_gap < 0.4, (name, side.heard())
        for index, talk in enumerate(talks):
            leaver = talk.sides[index % 2]
            assert await leaver.hangup() == 200
            await talk.sides[1 - index % 2].ended()
    for index, talk in enumerate(talks):
        record = await world.record(talk.number)
        assert record["end_reason"] == ("caller_hangup", "callee_hangup")[index % 2]


async def test_calls_are_placed_and_ended_while_control_is_gone_and_back(world: World) -> None:
    place = world.installation
    async with conversation(world) as talking:
        (talk,) = await talking.place(1)
        old = await asyncio.to_thread(place.kill, "control")
        assert await talk.out.hangup() == 200
        await talk.taken.ended()
        await place.replaced("control", old)
        (later,) = await talking.place(1)
        assert await later.out.hangup() == 200
    assert (await world.record(talk.number))["end_reason"] == "caller_hangup"
    assert (await world.record(later.number))["end_reason"] == "caller_hangup"


async def test_a_media_worker_takes_only_its_own_calls_with_it(world: World) -> None:
    place = world.installation
    low, high = place.rtp_ports
    middle = (low + high + 1) // 2
    async with conversation(world) as talking:
        talks = await talking.place(6)

        def worker_of(talk: Talk) -> int:
            port = talk.out.audio.target[1]
            return 0 if port < middle else 1

        groups = {index: [t for t in talks if worker_of(t) == index] for index in (0, 1)}
        assert all(groups.values()), "both workers carry calls"
        old = await asyncio.to_thread(place.kill, "media-0")
        for talk in groups[0]:
            await asyncio.gather(*(side.ended(within=10) for side in talk.sides))
            assert [side.ended_by for side in talk.sides] == ["remote", "remote"]
        await listen(*(s.audio for t in groups[1] for s in t.sides), packets=50)
        for talk in groups[1]:
            talk.check_audio()
            assert await talk.out.hangup() == 200
            await talk.taken.ended()
        await place.replaced("media-0", old)
        later = await talking.place(2)
        for talk in later:
            talk.check_audio()
            assert await talk.out.hangup() == 200
    for talk in groups[0]:
        assert (await world.record(talk.number))["end_reason"] == "media_lost"
    for talk in groups[1] + later:
        assert (await world.record(talk.number))["end_reason"] == "caller_hangup"


async def test_the_database_stands_still_for_thirty_seconds(own_world: World) -> None:
    place = own_world.installation
    async with conversation(own_world) as talking:
        talks = await talking.place(4)
        (database,) = [p for p in place.family() if p.pid == place.pid("database")]
        servers = [database, *database.children(recursive=True)]
        servers = [p for p in servers if "postgres" in p.name()]
        assert servers, "the embedded server runs below the database process"
        for one in servers:
            one.suspend()
        began = time.monotonic()
        try:
            for talk in talks[:2]:
                talk.out.forget()
                talk.taken.forget()
            assert await talks[2].out.hangup() == 200
            await talks[2].taken.ended()
            assert await talks[3].taken.hangup() == 200
            await talks[3].out.ended()
            await happens(lambda: time.monotonic() - began > 30, within=40)
            for talk in talks[:2]:
                talk.check_audio()
                assert talk.out.heard().longest_gap < 3, "of 30 s; the machine may be busy"
                assert talk.out.state == talk.taken.state == "answered"
        finally:
            for one in servers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    os.kill(one.pid, signal.SIGCONT)
        for talk in talks[:2]:
            assert await talk.out.hangup() == 200
            await talk.taken.ended()
    reasons = [(await own_world.record(talk.number, within=60))["end_reason"] for talk in talks]
    assert reasons == ["caller_hangup", "caller_hangup", "caller_hangup", "callee_hangup"]
