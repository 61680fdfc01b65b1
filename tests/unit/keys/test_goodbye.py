"""Who said goodbye is not waited for; nobody says it for another, nor keeps a key beyond it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.keys_fixture import Keys
from tests.unit.keys.conftest import START, TENANT, Home

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.rpc import Connection, RpcClient, RpcError, RpcServer

LEASE = 60.0
SECRETS = {name: f"secret of {name}" for name in GRANTS}
BUCKET = Bucket("identifier", "call_records", day_number(START))


class Stage:
    """A server whose time stands still, and connections to it that do what they please."""

    def __init__(self, home: Home, server: KeyServer, socket: Path) -> None:
        self.home, self.server, self._socket = home, server, socket
        self._open: list[RpcClient] = []

    async def connect(self) -> RpcClient:
        rpc = RpcClient(self._socket)
        rpc.start()
        self._open.append(rpc)
        return rpc

    async def hello(self, credential: str = "web") -> RpcClient:
        rpc = await self.connect()
        await say_hello(rpc, credential)
        return rpc

    async def person(self) -> UUID:
        """Made without a leaf."""
        cli = await self.hello("cli")
        request = m.ResolveRequest(TENANT, (Identifier("withheld"),))
        (found,) = (await cli.call("resolve", request, m.Resolution, timeout=5)).persons
        return found.person

    async def leases(self) -> int:
        cli = await self.hello("cli")
        return (await cli.call("status", None, m.Status, timeout=5)).leases

    async def advance(self, seconds: float) -> None:
        """Time moves, and whoever waits for it looks again."""
        self.home.clock.advance(timedelta(seconds=seconds))
        (await self.hello("cli")).notify("ack", m.Invalidate(0))

    async def close(self) -> None:
        for rpc in self._open:
            await rpc.stop()
        await self.server.stop()


@contextlib.asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Stage]:
    home = Home(directory)
    socket, generation = directory / "keys.sock", GenerationWriter(directory / "generation")
    server = KeyServer(
        socket, home.open(), generation, SECRETS, home.clock, lambda _: None, lease_seconds=LEASE
    )
    await server.start()
    stage = Stage(home, server, socket)
    try:
        yield stage
    finally:
        await stage.close()
        generation.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(tmp_path) as stage:
        yield stage


async def say_hello(rpc: RpcClient, credential: str = "web") -> None:
    hello = m.Hello(credential, SECRETS[credential])
    await rpc.call("hello", hello, m.Welcome, timeout=5)


async def goodbye(rpc: RpcClient) -> None:
    await rpc.call("goodbye", None, type(None), timeout=5)


async def lent(rpc: RpcClient, person: UUID) -> bytes:
    """A leaf that this connection may use from now on. Raises RpcError."""
    request = m.LeavesRequest(TENANT, m.SEAL, "test", (LeafRef(BUCKET, person),))
    (reply,) = (await rpc.call("leaves", request, m.Leaves, timeout=5)).leaves
    assert reply.leaf
    return reply.leaf


async def erasing(stage: Stage, person: UUID) -> asyncio.Task[m.Destroyed]:
    """An erasure that has come as far as waiting for clients."""
    worker = await stage.hello("worker")
    request = m.DestroyRequest(TENANT, "test", Destruction((ErasePerson(person),)))
    before = stage.server._generation.value
    erasure = asyncio.ensure_future(worker.call("destroy", request, m.Destroyed, timeout=60))
    async with asyncio.timeout(10):
        while stage.server._generation.value == before or await stale_shards(stage):
            await asyncio.sleep(0.005)
    return erasure


async def stale_shards(stage: Stage) -> int:
    cli = await stage.hello("cli")
    return (await cli.call("status", None, m.Status, timeout=5)).stale_shards


async def test_an_erasure_waits_for_a_lease_and_not_for_who_left(stage: Stage) -> None:
    person = await stage.person()
    leaving, staying = await stage.hello(), await stage.hello()
    await lent(leaving, person)
    await lent(staying, person)
    await goodbye(leaving)
    assert await stage.leases() == 1
    erasure = await erasing(stage, person)
    assert not erasure.done()
    await goodbye(staying)
    await erasure
    assert await stage.leases() == 0


async def test_nobody_says_goodbye_for_a_neighbour(stage: Stage) -> None:
    """Not with the neighbour's credential, not in its name, not with its number of the counter."""
    person = await stage.person()
    victim, neighbour = await stage.hello(), await stage.hello()
    await lent(victim, person)
    await goodbye(neighbour)
    await say_hello(neighbour)
    neighbour.notify("ack", m.Invalidate(1 << 40))
    for body in (1, "web", m.Hello("web", SECRETS["web"])):
        with pytest.raises(RpcError):
            await neighbour.call("goodbye", body, type(None), timeout=5)
    stranger = await stage.connect()
    with pytest.raises(RpcError) as error:
        await goodbye(stranger)
    assert error.value.code == "key_refused"
    assert await stage.leases() == 1
    erasure = await erasing(stage, person)
    await goodbye(neighbour)
    await stage.advance(LEASE - 1)
    assert await stage.leases() == 1 and not erasure.done(), "the victim may still use it"
    await stage.advance(2)
    await erasure


async def test_who_left_is_given_nothing_until_another_hello(stage: Stage) -> None:
    person = await stage.person()
    client = await stage.hello()
    await lent(client, person)
    await goodbye(client)
    for ask in (lent(client, person), goodbye(client)):
        with pytest.raises(RpcError) as error:
            await ask
        assert error.value.code == "key_refused"
    request = m.ResolveRequest(TENANT, (Identifier("user", "1"),), seal=(BUCKET,))
    with pytest.raises(RpcError):
        await client.call("resolve", request, m.Resolution, timeout=5)
    assert await stage.leases() == 0
    await say_hello(client)
    await lent(client, person)
    assert await stage.leases() == 1


@pytest.mark.parametrize("name", ["leaves", "resolve"])
async def test_a_goodbye_overtakes_the_answer_to_an_earlier_question(
    stage: Stage, name: str
) -> None:
    """Asked, and gone before it was answered: no leaf leaves the server any more."""
    person = await stage.person()
    client = await stage.hello()
    request: m.LeavesRequest | m.ResolveRequest
    if name == "leaves":
        request = m.LeavesRequest(TENANT, m.SEAL, "test", (LeafRef(BUCKET, person),))
    else:
        request = m.ResolveRequest(TENANT, (Identifier("withheld"),), seal=(BUCKET,))
    asking = asyncio.ensure_future(client.call(name, request, object, timeout=5))
    await asyncio.sleep(0)  # it is sent
    await goodbye(client)
    with pytest.raises(RpcError) as error:
        await asking
    assert error.value.code == "key_refused"
    assert await stage.leases() == 0


async def test_another_introduction_forgets_no_lease(stage: Stage) -> None:
    person = await stage.person()
    client = await stage.hello()
    await lent(client, person)
    await say_hello(client)
    await goodbye(client)
    assert await stage.leases() == 1, "lent before the second hello"
    await stage.advance(LEASE + 1)
    assert await stage.leases() == 0


_OPS = st.tuples(st.integers(0, 2), st.sampled_from(["hello", "lend", "bye", "vanish", "pass"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(_OPS, max_size=25))
def test_whom_the_server_waits_for(ops: list[tuple[int, str]]) -> None:
    """After any course of things: exactly those whose lease lasts and who did not give it back."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with opened(Path(folder)) as stage:
                await _compare(stage, ops)

    asyncio.run(run())


async def _compare(stage: Stage, ops: list[tuple[int, str]]) -> None:
    person = await stage.person()
    clients = [await stage.connect() for _ in range(3)]
    welcome, lease = [False] * 3, [0.0] * 3
    lost: list[float] = []
    now = 0.0
    for who, what in ops:
        if what == "hello":
            await say_hello(clients[who])
            lost.append(lease[who])
            welcome[who], lease[who] = True, 0.0
        elif what == "lend" and welcome[who]:
            await lent(clients[who], person)
            lease[who] = now + LEASE
        elif what == "bye" and welcome[who]:
            await goodbye(clients[who])
            welcome[who], lease[who] = False, 0.0
        elif what in ("lend", "bye"):
            with pytest.raises(RpcError):
                await (lent(clients[who], person) if what == "lend" else goodbye(clients[who]))
        elif what == "vanish":
            if welcome[who]:
                there = len(stage.server._sessions)
                await clients[who].stop()
                async with asyncio.timeout(5):
                    while len(stage.server._sessions) == there:
                        await asyncio.sleep(0.001)
                clients[who] = await stage.connect()
            lost.append(lease[who])
            welcome[who], lease[who] = False, 0.0
        else:
            await stage.advance(25)
            now += 25
        assert await stage.leases() == sum(until > now for until in lease + lost)


async def test_an_answer_that_comes_after_the_goodbye_is_not_kept(tmp_path: Path) -> None:
    """Whatever the server does: the client's promise holds by itself."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def leaves(request: m.LeavesRequest, connection: Connection) -> m.Leaves:
        asked.set()
        await gone.wait()
        return m.Leaves(generation.value, (m.LeafReply(b"k" * 32),))

    async def farewell(request: None, connection: Connection) -> None:
        gone.set()
        await asyncio.sleep(0.05)  # the leaf is on the wire before this answer

    generation = GenerationWriter(tmp_path / "generation")
    server = RpcServer(tmp_path / "keys.sock")
    server.register("hello", m.Hello, lambda request, connection: m.Welcome(LEASE))
    server.register("leaves", m.LeavesRequest, leaves)
    server.register("goodbye", None, farewell)
    await server.start()
    client = KeyClient(
        server.path, tmp_path / "generation", "web", "x", SystemClock(), lambda _: None
    )
    client.start()
    ref = LeafRef(BUCKET, uuid4())
    try:
        asking = asyncio.ensure_future(client.leaves(TENANT, m.SEAL, [ref], actor="test"))
        await asked.wait()
        await client.stop()
        with pytest.raises(Unavailable):
            await asking
        assert client._leaves == {} and client.known(TENANT, m.SEAL, None, [ref]) == {}
        with pytest.raises(Unavailable):
            await client.leaves(TENANT, m.SEAL, [ref], actor="test")
    finally:
        await server.stop()
        generation.close()


def leases_of(keys: Keys) -> int:
    return keys.blocking("cli").call("status", None, m.Status).leases


def test_closing_says_goodbye_and_a_later_use_says_hello(keys: Keys) -> None:
    worker, item = keys.blocking(), uuid4()
    bucket = Bucket("content", "recordings", day_number(keys.clock.now()))
    ref = LeafRef(bucket, None, (item,))
    worker.resolve(TENANT, [], [NewItem(item, (), bucket)])
    assert worker.has(TENANT, m.SEAL, [ref]) and leases_of(keys) == 1
    worker.close()
    assert leases_of(keys) == 0
    assert not worker.has(TENANT, m.SEAL, [ref])
    worker.leaves(TENANT, m.SEAL, [ref], actor="test")
    assert leases_of(keys) == 1
