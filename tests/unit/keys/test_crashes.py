"""Destruction interrupted at every step, by an exception and by kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.unit.keys.conftest import TENANT, Home, condemn, destroy

from ringfence.platform.keys import names, persons, rotation
from ringfence.platform.keys.persons import NewItem
from ringfence.platform.keys.slots import SHARDS, SlotFile
from ringfence.platform.keys.store import KeyStore

STEPS = (
    "before slot", "after slot", "in transaction", "before erase", "after erase", "replica",
)  # fmt: skip


class Crash(BaseException):
    pass


class Crashing(SlotFile):
    """Fails at one step of the next rotation."""

    at = ""

    def write(self, shard: int, generation: int, key: bytes) -> None:
        crash(self.at, "before slot", generation)
        super().write(shard, generation, key)
        crash(self.at, "after slot", generation)

    def erase(self, shard: int, generation: int) -> None:
        crash(self.at, "before erase", 2)
        super().erase(shard, generation)
        crash(self.at, "after erase", 2)


def crash(at: str, step: str, generation: int = 2) -> None:
    if at == step and generation > 1:
        if os.environ.get("KEYS_TEST_KILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise Crash


class CrashingReplica:
    at = ""

    def rotated(self, shard: int, generation: int) -> None:
        crash(self.at, "replica")


class CrashingStore:
    """A database connection that fails between the parts of the re-wrapping transaction."""

    def __init__(self, store: KeyStore, at: str) -> None:
        self._db, self._at = store.db, at

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    def executemany(self, *arguments: object) -> object:
        result = self._db.executemany(*arguments)  # type: ignore[arg-type]
        crash(self._at, "in transaction")
        return result


def make_items(store: KeyStore, count: int) -> list[UUID]:
    items = [uuid4() for _ in range(count)]
    with store.transaction():
        persons.create_items(store, TENANT, [NewItem(item, ()) for item in items])
    return items


def interrupt(home: Home, at: str, dying: UUID) -> None:
    """Destroy an item, and crash at a step."""
    replica = CrashingReplica()
    store = home.open(slots=Crashing, replicas=[replica])
    rotation.recover(store)
    slots = store.slots
    assert isinstance(slots, Crashing)
    slots.at = replica.at = at
    store.db = CrashingStore(store, at)  # type: ignore[assignment]
    try:
        destroy(store, items=(dying,))
    finally:
        slots.at = replica.at = ""
        store.close()


@pytest.mark.parametrize("at", STEPS)
def test_recovery_after_an_exception(home: Home, at: str) -> None:
    with home.opened() as store:
        items = make_items(store, 200)
        values = {item: store.get(names.item_name(TENANT, item)) for item in items}
    with pytest.raises(Crash):
        interrupt(home, at, items[0])
    check_recovered(home, items, values)


@pytest.mark.parametrize("at", STEPS)
def test_recovery_after_kill(home: Home, at: str) -> None:
    with home.opened() as store:
        items = make_items(store, 200)
        values = {item: store.get(names.item_name(TENANT, item)) for item in items}
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from uuid import UUID\n"
        "from tests.unit.keys.conftest import Home\n"
        "from tests.unit.keys.test_crashes import interrupt\n"
        "interrupt(Home(Path(sys.argv[2])), sys.argv[3], UUID(sys.argv[4]))\n"
    )
    root = str(Path(__file__).parents[3])
    arguments = [sys.executable, "-c", code, root, str(home.directory), at, str(items[0])]
    environment = os.environ | {"KEYS_TEST_KILL": "1"}
    done = subprocess.run(arguments, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    check_recovered(home, items, values)


def check_recovered(home: Home, items: list[UUID], values: dict[UUID, bytes | None]) -> None:
    dead = names.item_name(TENANT, items[0])
    store = home.open()
    try:  # before anything is completed, nothing of it opens any more
        assert store.get(dead) is None and store.tombstoned(dead)
    finally:
        store.close()
    acknowledged: list[int] = []

    class Copy:
        def rotated(self, shard: int, generation: int) -> None:
            acknowledged.append(shard)

    with home.opened(replicas=[Copy()]) as store:
        assert rotation.stale_shards(store) == []
        assert len(acknowledged) <= 1
        for shard in range(SHARDS):
            assert set(store.slots.generations(shard)) == {store.shards[shard].generation}
        assert sum(item.generation for item in store.shards) == SHARDS + 1
        assert store.get(dead) is None
        for item in items[1:]:
            assert store.get(names.item_name(TENANT, item)) == values[item]
        destroy(store, items=(items[1],))  # and destroying goes on
        assert store.get(names.item_name(TENANT, items[1])) is None
        assert store.get(names.item_name(TENANT, items[2])) == values[items[2]]


def test_half_written_slot_is_thrown_away(home: Home) -> None:
    with home.opened() as store:
        items = make_items(store, 100)
        free = 2 * 5 + 1 - store.slots.generations(5)[1]
    raw = bytearray(home.slot_path.read_bytes())
    raw[free * 4096 + 20 : free * 4096 + 60] = b"z" * 40
    home.slot_path.write_bytes(bytes(raw))
    with home.opened() as store:
        assert not any(home.slot_path.read_bytes()[free * 4096 : (free + 1) * 4096])
        condemn(store, items=tuple(items))
        rotation.rotate_stale(store)


def test_a_replica_that_does_not_acknowledge_keeps_the_destruction_open(home: Home) -> None:
    class Away:
        present = False

        def rotated(self, shard: int, generation: int) -> None:
            if not self.present:
                raise ConnectionError

    away = Away()
    with home.opened(replicas=[away]) as store:
        (item,) = make_items(store, 1)
        with pytest.raises(ConnectionError):
            destroy(store, items=(item,))
        assert len(rotation.stale_shards(store)) == 1
        generations = [shard.generation for shard in store.shards]
        away.present = True
        assert rotation.rotate_stale(store) == 1
        assert [shard.generation for shard in store.shards] == generations
        assert rotation.stale_shards(store) == []


WRITER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.unit.keys.conftest import Home
from tests.unit.keys.test_crashes import make_items
home = Home(Path(sys.argv[2]))
with home.opened() as store:
    while True:
        for item in make_items(store, 7):
            print(item, flush=False)
        print("durable", flush=True)
"""


def written(process: subprocess.Popen[str], batches: int) -> Iterator[UUID]:
    """Items of batches that were acknowledged."""
    assert process.stdout is not None
    batch: list[UUID] = []
    for line in process.stdout:
        if line.strip() == "durable":
            yield from batch
            batch.clear()
            batches -= 1
            if not batches:
                return
        else:
            batch.append(UUID(line.strip()))


@pytest.mark.parametrize("batches", [1, 5, 23])
def test_kill_during_writes_loses_no_acknowledged_key(home: Home, batches: int) -> None:
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, root, str(home.directory)], stdout=subprocess.PIPE, text=True
    )
    try:
        items = list(written(process, batches))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert len(items) == 7 * batches
    with home.opened() as store:
        assert all(store.get(names.item_name(TENANT, item)) for item in items)
        (count,) = store.db.execute("SELECT count(*) FROM key").fetchone()
        assert count % 7 == 0, "a batch is there whole or not at all"
