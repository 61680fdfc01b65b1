"""The process and its clients: who may ask for what, and how soon nobody can use a dead key."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.keys.conftest import START, TENANT, Home

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.keys import messages as m
from ringfence.platform.keys import rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, ErasePerson, JournalEntry
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, Refused
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.objects import Sealer, open_object
from ringfence.platform.keys.orphans import Candidate
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.keys.subjects import SubjectState
from ringfence.platform.rpc import RpcClient, RpcError

CALLER = Identifier("e164", "+14155550123")


class Noon(SystemClock):
    """Real time, begun at noon: no test meets midnight."""

    began = SystemClock().now()

    def now(self) -> datetime:
        return START + (super().now() - self.began)


TODAY = day_number(START)
SECRETS = {name: f"secret of {name}" for name in GRANTS}
LEASE = 0.6


class World:
    """A server on real time with a short lease, and clients of it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.socket = home.directory / "run" / "keys.sock"
        self.counter = home.directory / "run" / "generation"
        self.audit: list[m.UseRecord] = []
        self.clients: list[KeyClient] = []

    async def start(self) -> None:
        store = self.home.open()
        rotation.recover(store)
        self.generation = GenerationWriter(self.counter)
        self.server = KeyServer(
            self.socket, store, self.generation, SECRETS, Noon(), self.audit.append,
            lease_seconds=LEASE,
        )  # fmt: skip
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()
        self.generation.close()

    def client(
        self, credential: str, kind: type[KeyClient] = KeyClient, counter: Path | None = None
    ) -> KeyClient:
        client = kind(
            self.socket, counter or self.counter, credential, SECRETS[credential], Noon(),
            self.audit.append,
        )  # fmt: skip
        client.start()
        self.clients.append(client)
        return client


@pytest.fixture
async def world(home: Home) -> AsyncIterator[World]:
    world = World(home)
    await world.start()
    try:
        yield world
    finally:
        for client in world.clients:
            await client.stop()
        await world.stop()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def ref_of(person: UUID, day: int = TODAY) -> LeafRef:
    return LeafRef(Bucket("identifier", "call_records", day), person)


def value(person: UUID, data: bytes, day: int = TODAY) -> Value:
    ref = ref_of(person, day)
    return Value(ref, Place(TENANT, 4, UUID(int=9), person, ref.bucket), data)


async def sealed_by(client: KeyClient, person: UUID, data: bytes = b"+14155550123") -> Value:
    clear = value(person, data)
    (sealed,) = await client.seal(TENANT, [clear], actor="test")
    return Value(clear.ref, clear.place, sealed)


async def opened_by(client: KeyClient, sealed: Value, purpose: str = "service") -> Any:
    (result,) = await client.open(TENANT, purpose, [sealed], actor="test", objects=["CA1"])
    return result


async def person_for(client: KeyClient, identifier: Identifier = CALLER) -> UUID:
    return (await client.resolve(TENANT, [identifier]))[0].person


async def test_sealed_by_one_opened_by_another(world: World) -> None:
    signalling, web = world.client("signalling"), world.client("web")
    person = await person_for(signalling)
    sealed = await sealed_by(signalling, person)
    assert b"4155550123" not in sealed.data
    assert await opened_by(web, sealed) == b"+14155550123"
    assert (await web.find(TENANT, [CALLER, Identifier("user", "9")])) == [
        Resolved(person, 1, new=False), None,
    ]  # fmt: skip
    uses = [(use.credential, use.action, use.purpose, use.outcome) for use in world.audit]
    assert ("web", "open", "service", "ok") in uses and ("web", "grant", "service", "ok") in uses
    seen = {use[:2] for use in uses}
    assert seen == {("web", "open"), ("web", "grant"), ("web", "find")}, "not of sealing"
    assert all("4155550123" not in repr(use) for use in world.audit)
    assert any(use.objects == ("CA1",) for use in world.audit)
    before = len(world.audit)
    await opened_by(web, sealed)
    assert [use.action for use in world.audit[before:]] == ["open"], "a warm use is recorded too"


async def test_signalling_never_opens_and_seals_only_for_its_live_calls(world: World) -> None:
    web, signalling = world.client("web"), world.client("signalling")
    person = await person_for(web)
    sealed = await sealed_by(web, person)
    for purpose in ("service", "legal", "anything"):
        with pytest.raises(Refused):
            await opened_by(signalling, sealed, purpose)
    with pytest.raises(Refused):  # not of a call of its own
        await sealed_by(signalling, person)
    assert await person_for(signalling) == person
    await sealed_by(signalling, person)
    await signalling.seal(TENANT, [value(person, b"x", TODAY - 1)], actor="test")
    for day in (TODAY - 2, TODAY + 1):
        with pytest.raises(Refused):
            await signalling.seal(TENANT, [value(person, b"x", day)], actor="test")
    for name, request in (
        ("destroy", m.DestroyRequest(TENANT, "x", Destruction())),
        ("find", m.FindRequest(TENANT, (CALLER,))),
        ("state", m.StateRequest(TENANT, person, SubjectState())),
    ):
        with pytest.raises(Refused):
            await signalling.call(name, request, object)
    assert ("signalling", "key_refused") in {(use.credential, use.outcome) for use in world.audit}


async def test_purposes_of_a_credential(world: World) -> None:
    web, live = world.client("web"), world.client("live")
    person = await person_for(web)
    sealed = await sealed_by(web, person)
    assert await opened_by(live, sealed) == b"+14155550123"
    for client, purpose in ((live, "billing"), (live, m.SEAL), (web, "legal"), (web, "")):
        with pytest.raises(Refused):
            await client.leaves(TENANT, purpose, [sealed.ref], actor="test")


async def test_restriction_consent_and_objection_are_refused_here(world: World) -> None:
    web, worker = world.client("web"), world.client("worker")
    person = await person_for(web)
    item = NewItem(uuid4(), (person,))
    await web.resolve(TENANT, [], [item])
    sealed = await sealed_by(web, person)
    content = LeafRef(Bucket("content", "recordings", TODAY), None, (item.id,))
    await web.leaves(TENANT, m.SEAL, [content], actor="test")

    async def allowed(purpose: str, client: KeyClient = web) -> bool:
        results = await client.leaves(TENANT, purpose, [sealed.ref, content], actor="test")
        kinds = {isinstance(result, bytes) for result in results.values()}
        assert len(kinds) == 1, "what is content of the person follows the person"
        return kinds == {True}

    assert await allowed("service") and not await allowed("marketing")
    await web.set_state(TENANT, person, SubjectState(consents=("marketing",)))
    assert await allowed("marketing") and not await allowed("training")
    await web.set_state(TENANT, person, SubjectState(True, ("marketing",)))
    assert not await allowed("service") and not await allowed("marketing")
    assert await allowed("rights", worker)
    await sealed_by(web, person)  # storing goes on
    await web.set_state(TENANT, person, SubjectState(objections=("service",)))
    assert not await allowed("service") and await allowed("support")


async def test_strangers(world: World) -> None:
    wrong = KeyClient(world.socket, world.counter, "web", "wrong", Noon(), world.audit.append)
    wrong.start()
    rpc = RpcClient(world.socket)
    rpc.start()
    try:
        with pytest.raises(Refused):
            await wrong.resolve(TENANT, [CALLER])
        with pytest.raises(RpcError) as error:
            request = m.ResolveRequest(TENANT, (CALLER,))
            await rpc.call("resolve", request, list[Resolved], timeout=5)
        assert error.value.code == "key_refused"
        for credential in ("nobody", "cli "):
            with pytest.raises(RpcError):
                await rpc.call("hello", m.Hello(credential, ""), m.Welcome, timeout=5)
    finally:
        await wrong.stop()
        await rpc.stop()
    assert world.socket.stat().st_mode & 0o777 == 0o600


async def test_destroy_returns_when_no_warm_client_can_open(world: World) -> None:
    web, worker = world.client("web"), world.client("worker")
    person, other = await person_for(web), await person_for(web, Identifier("withheld"))
    sealed, kept = await sealed_by(web, person), await sealed_by(web, other)
    assert await opened_by(web, sealed) == b"+14155550123"
    begun = time.monotonic()
    await worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    assert time.monotonic() - begun < LEASE, "acknowledged, not waited out"
    assert isinstance(await opened_by(web, sealed), KeyDestroyed)
    with pytest.raises(KeyDestroyed):
        await sealed_by(web, person)
    assert await opened_by(web, kept) == b"+14155550123"
    journal = await worker.call("journal", m.JournalRequest(), list[JournalEntry])
    assert [item.destruction.persons[0].person for item in journal] == [person]
    status = await world.client("cli").call("status", None, m.Status)
    assert (status.stale_shards, status.contradictions) == (0, 0)
    assert status.tombstones == 1


class Deaf(KeyClient):
    """Hears of no destruction: its notifications are lost and its counter stands still."""

    def _invalidate(self, message: m.Invalidate) -> None:
        pass

    def _current_generation(self) -> int:
        cached = next(iter(self._leaves.values()), None)
        return super()._current_generation() if cached is None else cached.generation


async def test_clients_disagree_no_longer_than_a_lease(world: World) -> None:
    web, deaf, worker = world.client("web"), world.client("control", Deaf), world.client("worker")
    person = await person_for(web)
    sealed = await sealed_by(web, person)
    await opened_by(web, sealed)
    assert await opened_by(deaf, sealed) == b"+14155550123"
    begun = time.monotonic()
    destroying = asyncio.ensure_future(
        worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    )
    disagreed = 0.0
    refused = False
    while not refused:
        refused = not isinstance(await opened_by(deaf, sealed), bytes)
        if not refused:
            assert not destroying.done(), "returned while a client still opened it"
            disagreed = time.monotonic() - begun
        await asyncio.sleep(0.005)
    await destroying
    assert 0 < disagreed < LEASE
    assert time.monotonic() - begun > LEASE / 2
    assert isinstance(await opened_by(web, sealed), KeyDestroyed)


async def test_the_counter_alone_is_enough(world: World) -> None:
    """A client that got no notification yet does not use what died."""

    class Slow(KeyClient):
        def _invalidate(self, message: m.Invalidate) -> None:
            pass

    slow, worker = world.client("web", Slow), world.client("worker")
    person = await person_for(slow)
    sealed = await sealed_by(slow, person)
    assert await opened_by(slow, sealed) == b"+14155550123"
    before = world.generation.value
    destroying = asyncio.ensure_future(
        worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    )
    await until(lambda: world.generation.value > before)
    assert not destroying.done()
    assert isinstance(await opened_by(slow, sealed), KeyDestroyed)
    await destroying


async def test_a_client_that_vanished_is_waited_for(world: World) -> None:
    web, worker = world.client("web"), world.client("worker")
    person = await person_for(web)
    await sealed_by(web, person)
    granted = time.monotonic()
    world.clients.remove(web)
    await web._rpc.stop()  # no goodbye
    await until(lambda: len(world.server._gone) == 1)
    await worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    assert time.monotonic() - granted > LEASE * 0.8


async def test_leases_end_without_the_server(world: World) -> None:
    web = world.client("web")
    person = await person_for(web)
    sealed = await sealed_by(web, person)
    await opened_by(web, sealed)
    await world.stop()
    assert await opened_by(web, sealed) == b"+14155550123", "work goes on for a lease"
    world.clients.remove(web)
    web._leaves = {
        key: type(item)(item.leaf, item.until - LEASE, item.generation)
        for key, item in web._leaves.items()
    }
    asking = asyncio.ensure_future(opened_by(web, sealed))
    await asyncio.sleep(0)
    assert not asking.done()
    await world.start()
    assert await asking == b"+14155550123", "reconnected and asked again"
    await web.stop()


async def test_a_restart_voids_what_was_granted_before(world: World) -> None:
    web, worker = world.client("web"), world.client("worker")
    person = await person_for(web)
    sealed = await sealed_by(web, person)
    assert await opened_by(web, sealed) == b"+14155550123"
    await world.stop()
    await world.start()
    begun = time.monotonic()
    assert web.known(TENANT, "service", None, [sealed.ref]) == {}
    await worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    assert time.monotonic() - begun > LEASE * 0.8, "leases of the earlier run are waited out"
    assert isinstance(await opened_by(web, sealed), KeyDestroyed)


async def test_requests_share_a_commit_and_are_durable_when_answered(world: World) -> None:
    web = world.client("web")
    await person_for(web)
    store = world.server.owner._store
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    store.db.set_trace_callback(count)
    identifiers = [Identifier("user", str(n)) for n in range(100)]
    people = await asyncio.gather(*(person_for(web, identifier) for identifier in identifiers))
    assert len(set(people)) == 100
    assert commits <= 10
    reader = sqlite3.connect(world.home.store_path)
    (rows,) = reader.execute("SELECT count(*) FROM key").fetchone()
    reader.close()
    assert rows == 2 * 101


async def test_one_bad_request_does_not_spoil_its_batch(world: World) -> None:
    web = world.client("web")
    good, bad = uuid4(), uuid4()
    worker = world.client("worker")
    await worker.destroy(TENANT, Destruction(items=(bad,)), actor="test")
    results = await asyncio.gather(
        web.resolve(TENANT, [], [NewItem(good, ())]),
        web.resolve(TENANT, [CALLER], [NewItem(bad, ())]),
        web.resolve(TENANT, [Identifier("user", "1")]),
        return_exceptions=True,
    )
    assert isinstance(results[1], KeyDestroyed)
    assert not isinstance(results[0], BaseException) and not isinstance(results[2], BaseException)
    assert await web.find(TENANT, [CALLER]) == [None], "nothing of the refused request is left"


async def test_objects_by_leaf(world: World) -> None:
    media, web, worker = (world.client(name) for name in ("media", "web", "worker"))
    item = uuid4()
    ref = LeafRef(Bucket("content", "recordings", TODAY), None, (item,))
    place = Place(TENANT, 11, item, None, ref.bucket)
    with pytest.raises(Refused):
        await media.object_leaf(TENANT, m.SEAL, ref, place, actor="test")
    await media.resolve(TENANT, [], [NewItem(item, ())])
    sealer = Sealer(await media.object_leaf(TENANT, m.SEAL, ref, place, actor="test"))
    data = sealer.header + sealer.update(b"audio" * 50_000) + sealer.finish()
    leaf = await web.object_leaf(TENANT, "service", ref, place, actor="test")
    assert b"".join(open_object([data], leaf)) == b"audio" * 50_000
    await worker.destroy(TENANT, Destruction(items=(item,)), actor="test")
    with pytest.raises(KeyDestroyed):
        await web.object_leaf(TENANT, "service", ref, place, actor="test")


async def test_hold_orphans_and_reassignment_over_the_wire(world: World) -> None:
    worker = world.client("worker")
    person, hold = await person_for(worker), uuid4()
    sealed = await sealed_by(worker, person)
    await worker.call("hold", m.HoldRequest(TENANT, hold, (sealed.ref,)), type(None))
    done = await worker.destroy(TENANT, Destruction((ErasePerson(person),)), actor="test")
    assert done.escrowed == 1
    (held,) = await worker.open(TENANT, "legal", [sealed], actor="test", hold=hold)
    assert held == b"+14155550123"
    with pytest.raises(Refused):
        await worker.open(TENANT, "service", [sealed], actor="test", hold=hold)
    await worker.call("release", m.HoldRequest(TENANT, hold), m.Destroyed)
    (held,) = await worker.open(TENANT, "legal", [sealed], actor="test", hold=hold)
    assert isinstance(held, KeyDestroyed)
    first = await person_for(worker)
    second = await worker.call("reassign", m.ReassignRequest(TENANT, CALLER), Resolved)
    assert second.tenure == 2 and second.person != first
    world.home.clock.advance(timedelta(days=2))
    found = await worker.call("orphans", m.OrphansRequest(), list[Candidate])
    assert {item.id for item in found} == {first, second.person}
    request = m.SettleRequest((), tuple(found[:1]))
    await worker.call("settle", request, m.Destroyed)
    with pytest.raises(KeyDestroyed):
        await sealed_by(worker, found[0].id)


async def test_a_failing_disk_ends_the_store(world: World) -> None:
    web = world.client("web")
    await person_for(web)
    world.server.owner._store.db.execute("PRAGMA query_only = ON")
    with pytest.raises(RingfenceError):
        await person_for(web, Identifier("user", "1"))
    assert isinstance(world.server.owner.failed.exception(), sqlite3.Error)
    with pytest.raises(RingfenceError):
        await person_for(web)


async def test_unknown_and_unreachable(world: World) -> None:
    web = world.client("web")
    unknown = value(uuid4(), b"x")
    with pytest.raises(KeyUnknown):
        await web.seal(TENANT, [unknown], actor="test")
    lost = KeyClient(
        world.socket.with_name("nobody.sock"), world.counter, "web", "", Noon(),
        world.audit.append,
    )  # fmt: skip
    lost.start()
    try:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(lost._call("find", None, object, 0.1), 5)
    finally:
        await lost.stop()
