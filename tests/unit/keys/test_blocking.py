"""The blocking client, and the leaves that come with persons and items."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.keys_fixture import Keys

from ringfence.kernel.errors import Unavailable
from ringfence.kernel.fields import INSTALLATION, NODE, RECOVERY
from ringfence.platform.keys import crypto
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, Refused, UnfitName
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier, NewItem

TENANT = UUID(int=0xA)
CALLER = Identifier("e164", "+14155550123")


def bucket_of(keys: Keys, category: str = "identifier", back: int = 0) -> Bucket:
    return Bucket(category, "call_records", day_number(keys.clock.now()) - back)


def value_of(ref: LeafRef, data: bytes) -> Value:
    return Value(ref, Place(TENANT, 4, UUID(int=9), ref.person, ref.bucket), data)


@pytest.fixture
async def signalling(keys: Keys) -> AsyncIterator[KeyClient]:
    client = keys.client("signalling")
    client.start()
    try:
        yield client
    finally:
        await client.stop()


def count_requests(client: KeyClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the requests that it sends from now on."""
    sent: list[str] = []
    call = client._rpc.call

    async def counting(name: str, *arguments: object, **options: object) -> object:
        sent.append(name)
        return await call(name, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(client._rpc, "call", counting)
    return sent


async def test_call_setup_takes_one_round_trip(
    keys: Keys, signalling: KeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, content = bucket_of(keys), bucket_of(keys, "content")
    track = NewItem(uuid4(), (), content)
    await signalling.resolve(TENANT, [Identifier("withheld")])
    sent = count_requests(signalling, monkeypatch)
    two = [CALLER, Identifier("withheld")]
    people = await signalling.resolve(TENANT, two, [track], seal=[bucket])
    refs = [LeafRef(bucket, item.person) for item in people] + [LeafRef(content, None, (track.id,))]
    sealed = [
        Value(ref, value_of(ref, b"").place, crypto.seal(leaf, value_of(ref, b"").place, b"secret"))
        for ref in refs
        if (leaf := signalling.sealing_leaf(TENANT, ref)) is not None
    ]
    assert await signalling.seal(TENANT, [value_of(ref, b"x") for ref in refs], actor="test")
    assert len(sealed) == 3 and sent == ["resolve"]
    worker = keys.client("worker")
    worker.start()
    try:
        opened = await worker.open(TENANT, "service", sealed, actor="test")
    finally:
        await worker.stop()
    assert opened == [b"secret"] * 3


async def test_leaves_that_come_along_obey_the_same_rules(
    keys: Keys, signalling: KeyClient
) -> None:
    for bucket in (bucket_of(keys, back=2), bucket_of(keys, back=-1),
                   Bucket("traffic", "closure", account=uuid4())):  # fmt: skip
        with pytest.raises(Refused):
            await signalling.resolve(TENANT, [CALLER], seal=[bucket])
        with pytest.raises(Refused):
            await signalling.resolve(TENANT, [], [NewItem(uuid4(), (), bucket)])
    live = keys.client("live")
    live.start()
    try:
        with pytest.raises(Refused):
            await live.resolve(TENANT, [CALLER], seal=[bucket_of(keys)])
    finally:
        await live.stop()
    yesterday = bucket_of(keys, back=1)
    (found,) = await signalling.resolve(TENANT, [CALLER], seal=[yesterday])
    assert found.new, "nothing was made by what was refused"
    assert signalling.sealing_leaf(TENANT, LeafRef(yesterday, found.person))
    assert signalling.sealing_leaf(TENANT, LeafRef(bucket_of(keys), found.person)) is None
    assert signalling.sealing_leaf(uuid4(), LeafRef(yesterday, found.person)) is None
    for purpose in ("service", RECOVERY):
        with pytest.raises(Refused):
            await signalling.leaves(
                TENANT, purpose, [LeafRef(yesterday, found.person)], actor="test"
            )


async def test_a_leaf_that_came_along_dies_with_its_key(keys: Keys, signalling: KeyClient) -> None:
    bucket = bucket_of(keys)
    (found,) = await signalling.resolve(TENANT, [CALLER], seal=[bucket])
    ref = LeafRef(bucket, found.person)
    assert signalling.sealing_leaf(TENANT, ref)
    worker = keys.client("worker")
    worker.start()
    try:
        begun = time.monotonic()
        await worker.destroy(TENANT, Destruction((ErasePerson(found.person),)), actor="test")
        assert time.monotonic() - begun < keys.lease_seconds / 2, "acknowledged, not waited out"
    finally:
        await worker.stop()
    assert signalling.sealing_leaf(TENANT, ref) is None
    await worker_expires(keys, bucket)
    (again,) = await signalling.resolve(TENANT, [CALLER], seal=[bucket])
    assert again.new and signalling.sealing_leaf(TENANT, LeafRef(bucket, again.person)) is None


async def worker_expires(keys: Keys, bucket: Bucket) -> None:
    worker = keys.client("worker")
    worker.start()
    try:
        await worker.destroy(TENANT, Destruction(buckets=(bucket,)), actor="test")
    finally:
        await worker.stop()


async def test_recovery_is_of_the_installation_alone(keys: Keys, signalling: KeyClient) -> None:
    bucket = Bucket(RECOVERY, NODE, day_number(keys.clock.now()))
    item = uuid4()
    await signalling.resolve(INSTALLATION, [], [NewItem(item, (), bucket)])
    ref = LeafRef(bucket, None, (item,))
    place = Place(INSTALLATION, 5, uuid4(), None, bucket)
    (sealed,) = await signalling.seal(INSTALLATION, [Value(ref, place, b"legs")], actor="test")
    later = keys.client("signalling")
    later.start()
    try:
        opening = [Value(ref, place, sealed)]
        assert await later.open(INSTALLATION, RECOVERY, opening, actor="test") == [b"legs"]
        wrong = (
            (TENANT, ref),
            (INSTALLATION, LeafRef(bucket_of(keys), None, (item,))),
            (INSTALLATION, LeafRef(None)),
        )
        for tenant, other in wrong:
            with pytest.raises(Refused):
                await later.leaves(tenant, RECOVERY, [other], actor="test")
        with pytest.raises(Refused):
            await later.leaves(INSTALLATION, "service", [ref], actor="test")
    finally:
        await later.stop()


def test_secrets_of_a_tenant(keys: Keys) -> None:
    cli, control, media = (keys.blocking(name) for name in ("cli", "control", "media"))
    place = Place(TENANT, 4, uuid4(), None, None)
    (sealed,) = cli.seal(TENANT, [Value(LeafRef(None), place, b"password")], actor="test")
    value = Value(LeafRef(None), place, sealed)
    assert control.open(TENANT, "service", [value], actor="test") == [b"password"]
    other_tenant = [Value(LeafRef(None), place, sealed)]
    (refused,) = control.open(uuid4(), "service", other_tenant, actor="test")
    assert not isinstance(refused, bytes)
    with pytest.raises(Refused):
        media.leaves(TENANT, m.SEAL, [LeafRef(None)], actor="test")
    for ref in (LeafRef(None, uuid4()), LeafRef(None, None, (uuid4(),))):
        with pytest.raises(UnfitName):
            ref.check()
    with pytest.raises(UnfitName):
        keys.blocking("worker").hold(TENANT, uuid4(), [LeafRef(None)])


def test_from_many_threads(keys: Keys) -> None:
    worker, bucket = keys.blocking(), bucket_of(keys)

    def one(n: int) -> bool:
        text = f"user {n % 5}".encode()
        (found,) = worker.resolve(TENANT, [Identifier("user", text.decode())], seal=[bucket])
        clear = value_of(LeafRef(bucket, found.person), text)
        (sealed,) = worker.seal(TENANT, [clear], actor="test")
        value = Value(clear.ref, clear.place, sealed)
        return worker.open(TENANT, "service", [value], actor="test") == [text]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(80)))
    assert len([t for t in threading.enumerate() if t.name == "keys"]) == 1


def test_what_is_known_needs_no_loop(keys: Keys) -> None:
    """Answered in the calling thread also while the loop's thread does not come to it."""
    worker, bucket = keys.blocking(), bucket_of(keys)
    (found,) = worker.resolve(TENANT, [CALLER], seal=[bucket])
    clear = value_of(LeafRef(bucket, found.person), b"x")
    (sealed,) = worker.seal(TENANT, [clear], actor="test")
    value = Value(clear.ref, clear.place, sealed)
    assert worker.open(TENANT, "service", [value], actor="test") == [b"x"]
    busy, go_on = threading.Event(), threading.Event()
    running = worker._running
    assert running is not None

    def block() -> None:
        busy.set()
        go_on.wait(20)

    running.loop.call_soon_threadsafe(block)
    try:
        assert busy.wait(5)
        uses = len(keys.uses)
        assert worker.seal(TENANT, [clear], actor="test")
        assert len(keys.uses) == uses, "sealing is not recorded"
        assert worker.open(TENANT, "service", [value], actor="test") == [b"x"]
        assert [use.action for use in keys.uses[uses:]] == ["open"]
    finally:
        go_on.set()


def test_away_and_back(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = keys.blocking()
    (found,) = worker.resolve(TENANT, [CALLER])
    keys.stop()
    monkeypatch.setattr("ringfence.platform.keys.client._SECONDS", 0.2)
    with pytest.raises(Unavailable):
        worker.find(TENANT, [CALLER])
    monkeypatch.undo()
    keys.start()
    (again,) = worker.find(TENANT, [CALLER])
    assert again is not None and again.person == found.person
    worker.close()
    assert worker.find(TENANT, [CALLER]) == [again], "connects again when it is used again"


def test_never_used_never_connects(keys: Keys) -> None:
    BlockingKeys(keys.settings, "web", keys.clock, keys.uses.append).close()
    assert not any(thread.name == "keys" for thread in threading.enumerate())


def test_a_forked_child_begins_anew(keys: Keys) -> None:
    worker = keys.blocking()
    (found,) = worker.resolve(TENANT, [CALLER])
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of the test's own may run here
        status = 1
        try:
            (again,) = worker.find(TENANT, [CALLER])
            os.write(writing, again.person.hex.encode() if again else b"none")
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        said = os.read(reading, 64)
    finally:
        os.close(reading)
        assert os.waitpid(child, 0)[1] == 0
    assert said.decode() == found.person.hex
    assert worker.find(TENANT, [CALLER])[0] == found.__class__(found.person, 1, new=False)


def test_destroy_hold_and_orphans(keys: Keys) -> None:
    worker, bucket, hold = keys.blocking(), bucket_of(keys), uuid4()
    (found,) = worker.resolve(TENANT, [CALLER], seal=[bucket])
    ref = LeafRef(bucket, found.person)
    worker.leaves(TENANT, m.SEAL, [ref], actor="test")
    worker.hold(TENANT, hold, [ref])
    order = Destruction((ErasePerson(found.person),))
    assert worker.destroy(TENANT, order, actor="test").escrowed == 1
    (dead,) = worker.leaves(TENANT, "service", [ref], actor="test").values()
    assert isinstance(dead, KeyDestroyed)
    (held,) = worker.leaves(TENANT, "legal", [ref], actor="test", hold=hold).values()
    assert isinstance(held, bytes)
    worker.release(TENANT, hold)
    (entry,) = worker.journal()
    assert entry.destruction == order and worker.journal(entry.seq) == []
    assert worker.orphans() == []
    again = worker.reassign(TENANT, CALLER)
    keys.clock.advance(timedelta(days=2))
    assert [item.id for item in worker.orphans()] == [again.person]
    worker.settle(orphans=worker.orphans())
    assert worker.find(TENANT, [CALLER]) == [None]
