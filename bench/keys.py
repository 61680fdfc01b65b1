"""What keys cost: sealing and opening, requests, destruction."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from bench.report import emit
from ringfence.kernel.clock import SystemClock
from ringfence.platform.keys import crypto, erasure, holds, leaves, names, persons, rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, Sealer, open_object
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.roots import LocalRootKey
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.keys.slots import SHARDS, SlotFile
from ringfence.platform.keys.store import KeyStore

_TENANT = uuid4()
_PERSONS = int(os.environ.get("BENCH_PERSONS", "300000"))
_BUCKET = Bucket("identifier", "call_records", day_number(SystemClock().now()))
_CONTENT = Bucket("content", "recordings", _BUCKET.day)
_NUMBER = b"+14155550100"


def main() -> None:
    _values()
    _objects()
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name:
        asyncio.run(_serve(Path(name), _store(Path(name))))
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name:
        store = _store(Path(name))
        _destroy(store)
        store.close()


def _store(directory: Path) -> KeyStore:
    root = LocalRootKey(crypto.new_key())
    slots = SlotFile(directory / "slots", root)
    return KeyStore(directory / "keys.sqlite", slots, root, SystemClock())


def _place(person: UUID) -> Place:
    return Place(_TENANT, 4, UUID(int=9), person, _BUCKET)


def _each(metric: str, count: int, work: Callable[[], object]) -> None:
    begun = time.process_time()
    for _ in range(count):
        work()
    emit("keys", metric, (time.process_time() - begun) / count * 1e6, "us", count)


def _values() -> None:
    p, d, person = crypto.new_key(), crypto.new_key(), uuid4()
    place = _place(person)
    leaf = crypto.record_leaf(p, d, _TENANT, person, _BUCKET)
    sealed = crypto.seal(leaf, place, _NUMBER)

    def cold() -> bytes:
        key = crypto.record_leaf(p, d, _TENANT, person, _BUCKET)
        return crypto.open_sealed(key, place, sealed)

    _each("seal_warm_cpu", 50_000, lambda: crypto.seal(leaf, place, _NUMBER))
    _each("open_warm_cpu", 50_000, lambda: crypto.open_sealed(leaf, place, sealed))
    _each("open_deriving_leaf_cpu", 20_000, cold)


def _objects() -> None:
    leaf = Leaf(crypto.new_key(), _place(uuid4()))
    data = os.urandom(16 << 20)
    begun = time.process_time()
    sealer = Sealer(leaf)
    sealed = [sealer.header, sealer.update(data), sealer.finish()]
    emit("keys", "object_seal", (time.process_time() - begun) / 16 * 1e3, "ms/MiB", 16)
    begun = time.process_time()
    for _ in open_object(sealed, leaf):
        pass
    emit("keys", "object_open", (time.process_time() - begun) / 16 * 1e3, "ms/MiB", 16)


async def _serve(directory: Path, store: KeyStore) -> None:
    """Server and client share this process: CPU is that of both."""
    secrets, counter = dict.fromkeys(GRANTS, "x"), directory / "generation"
    generation = GenerationWriter(counter)
    socket = directory / "s"
    server = KeyServer(socket, store, generation, secrets, SystemClock(), lambda _: None)
    await server.start()
    client = KeyClient(socket, counter, "worker", "x", SystemClock(), lambda _: None)
    client.start()
    try:
        await _ask(client)
    finally:
        await client.stop()
        await server.stop()


async def _ask(client: KeyClient) -> None:
    await _call_setup(client)
    people: list[UUID] = []

    async def batch(worker: int) -> None:
        for _ in range(25):
            items = [NewItem(uuid4(), ()) for _ in range(50)]
            await client.resolve(_TENANT, [], items)

    begun = time.perf_counter()
    await asyncio.gather(*(batch(worker) for worker in range(8)))
    seconds = time.perf_counter() - begun
    emit("keys", "new_keys_batched_by_50", 10_000 / seconds, "keys/s", 10_000)
    people = [item.person for item in await client.resolve(_TENANT, _callers(2000))]
    refs = [LeafRef(_BUCKET, person) for person in people]
    values = [Value(ref, _place(person), _NUMBER) for ref, person in zip(refs, people, strict=True)]
    sealed = [
        Value(value.ref, value.place, data)
        for value, data in zip(
            values, await client.seal(_TENANT, values, actor="bench"), strict=True
        )
    ]
    for metric in ("open_cold_cpu", "open_warm_cpu_by_client"):
        cpu = time.process_time()
        for at in range(0, 2000, 100):
            await client.open(_TENANT, "service", sealed[at : at + 100], actor="bench")
        emit("keys", metric, (time.process_time() - cpu) / 2000 * 1e6, "us/field", 2000)
    begun = time.perf_counter()
    await client.destroy(_TENANT, Destruction((ErasePerson(people[0]),)), actor="bench")
    emit("keys", "destroy_small_store", (time.perf_counter() - begun) * 1e3, "ms", 1)


async def _call_setup(client: KeyClient) -> None:
    """Two persons, a track, and the leaves that seal for all three: one durable round trip."""
    await client.resolve(_TENANT, [Identifier("withheld")], seal=[_BUCKET])
    waits = []
    cpu, of_client = time.process_time(), time.thread_time()
    for n in range(500):
        begun = time.perf_counter()
        identifiers = [Identifier("e164", f"+1415555{n:04}"), Identifier("e164", "+12125550100")]
        await client.resolve(_TENANT, identifiers, [NewItem(uuid4(), (), _CONTENT)], seal=[_BUCKET])
        waits.append((time.perf_counter() - begun) * 1e3)
    loop, both = time.thread_time() - of_client, time.process_time() - cpu
    waits.sort()
    emit("keys", "call_setup_p50", waits[250], "ms", 500)
    emit("keys", "call_setup_p99", waits[495], "ms", 500)
    emit("keys", "call_setup_cpu_both_sides", both / 500 * 1e3, "ms", 500)
    emit("keys", "call_setup_cpu_store_thread", (both - loop) / 500 * 1e3, "ms", 500)


def _callers(count: int) -> list[Identifier]:
    return [Identifier("withheld")] * count


def _fill(store: KeyStore) -> list[UUID]:
    people: list[UUID] = []
    for at in range(0, _PERSONS, 5000):
        count = min(5000, _PERSONS - at)
        identifiers = [Identifier("e164", f"+1{2_000_000_000 + at + n}") for n in range(count)]
        with store.transaction():
            people += [item.person for item in persons.resolve(store, _TENANT, identifiers)]
    return people


def _destroy(store: KeyStore) -> None:
    begun = time.perf_counter()
    people = _fill(store)
    emit("keys", "fill", _PERSONS / (time.perf_counter() - begun), "persons/s", _PERSONS)
    emit("keys", "store_size_unconfirmed", _size(store), "MB", _PERSONS)
    with store.transaction():
        store.confirm(names.person_name(_TENANT, person) for person in people)
    emit("keys", "store_size", _size(store), "MB", _PERSONS)
    refs = [LeafRef(_BUCKET, person) for person in people]
    with store.transaction():
        leaves.leaf(store, _TENANT, refs[0], create=True)
    some = iter(refs[1000:6000])
    _each("store_leaf_cpu", 5000, lambda: leaves.leaf(store, _TENANT, next(some)))
    for count in (1, 100):
        seconds = _timed(store, people[:count])
        emit("keys", f"destroy_{count}_of_{_PERSONS}", seconds, "s", 1)
        del people[:count]
    begun = time.perf_counter()
    for shard in range(SHARDS):
        rotation.rotate_shard(store, shard)
    emit("keys", "rotate_all", time.perf_counter() - begun, "s", SHARDS)
    emit("keys", "store_size_rotated", _size(store), "MB", _PERSONS)
    hold = uuid4()
    with store.transaction():
        covered = [LeafRef(_BUCKET, person) for person in people[:10_000]]
        holds.place(store, _TENANT, hold, covered)
    begun = time.perf_counter()
    with store.transaction():
        kept = holds.escrow(store, _TENANT, lambda _: True)
    emit("keys", "escrow_of_hold", (time.perf_counter() - begun) * 1e3, "ms", kept)
    begun = time.perf_counter()
    with store.transaction():
        erasure.condemn(store, _TENANT, Destruction(buckets=(_BUCKET,)))
    rotation.rotate_stale(store)
    emit("keys", "expire_a_day", time.perf_counter() - begun, "s", 1)


def _size(store: KeyStore) -> float:
    """Pages in use, in MB."""
    pages, free, size = (
        store.db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return float((pages - free) * size / 1e6)


def _timed(store: KeyStore, people: Sequence[UUID]) -> float:
    begun = time.perf_counter()
    with store.transaction():
        erased = tuple(ErasePerson(person) for person in people)
        erasure.condemn(store, _TENANT, Destruction(erased))
    rotation.rotate_stale(store)
    return time.perf_counter() - begun
