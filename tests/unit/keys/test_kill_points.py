"""kill -9 of the real process at 32 random moments while clients resolve, seal, open and destroy.

What was acknowledged is the measure: every value opens, every destruction stays, no client opens
for longer than a lease what another was refused, and what nobody was told of can be collected.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ringfence.entry.keys import ask_status, root_key
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.keys import orphans, rotation
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.connect import key_client
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.names import Bucket, Kind, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.process import READY_FD
from ringfence.platform.settings import NodeSettings, Settings

KILLS = 32
LEASE = 0.1
SLACK = 0.15
"""Between a client's look at its cache and our look at the clock, on a busy machine."""
TENANT = UUID(int=6)
DAY = day_number(SystemClock().now())
IDENTIFIERS = Bucket("identifier", "call_records", DAY)
CONTENT = Bucket("content", "recordings", DAY)
FORKS = f"""
import os, sys
from ringfence.entry import keys
from ringfence.platform.settings import load_settings
for line in sys.stdin:  # the imports of 33 starts are made once; each start is a process of its own
    child = os.fork()
    if child == 0:
        keys.main(load_settings(), lease_seconds={LEASE})
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


class Process:
    """``entry.keys.main``, started and killed again and again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pid: int | None = None
        self._reading, writing = os.pipe()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RINGFENCE_")}
        environment = clean | {
            "RINGFENCE_NODE__DATA_DIR": str(settings.data_dir), READY_FD: str(writing),
        }  # fmt: skip
        self._forks = subprocess.Popen(
            [sys.executable, "-c", FORKS], env=environment, pass_fds=(writing,), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        os.close(writing)

    def _said(self) -> str:
        assert self._forks.stdout is not None
        return self._forks.stdout.readline().strip()

    def start(self) -> None:
        assert self._forks.stdin is not None
        self._forks.stdin.write("start\n")
        self._forks.stdin.flush()
        self.pid = int(self._said())
        assert os.read(self._reading, 64) == b"ready\n"

    def kill(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
            assert self._said() == "ended"

    def close(self) -> None:
        try:
            self.kill()
        finally:
            self._forks.kill()
            self._forks.communicate()
            os.close(self._reading)


@dataclass
class Known:
    """What clients were told, and what they saw."""

    living: dict[LeafRef, Value] = field(default_factory=dict)
    ordered: dict[LeafRef, Value] = field(default_factory=dict)
    """Their destruction was asked for and not acknowledged."""
    destroyed: dict[LeafRef, Value] = field(default_factory=dict)
    people: dict[UUID, str] = field(default_factory=dict)
    items: set[UUID] = field(default_factory=set)
    refused_at: dict[LeafRef, float] = field(default_factory=dict)
    opened_at: dict[LeafRef, float] = field(default_factory=dict)
    opened: int = 0


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(Settings(node=NodeSettings(data_dir=tmp_path / "var")))
    try:
        yield process
    finally:
        process.close()


@contextlib.asynccontextmanager
async def clients(settings: Settings, *credentials: str) -> AsyncIterator[list[KeyClient]]:
    made = [key_client(settings, name, SystemClock(), lambda _: None) for name in credentials]
    for client in made:
        client.start()
    try:
        yield made
    finally:
        for client in made:
            await client.stop()


async def write(client: KeyClient, known: Known) -> None:
    """Calls: a caller and their track; both sealed as soon as the keys are acknowledged."""
    while True:
        text, item = uuid4().hex, uuid4()
        with contextlib.suppress(Unavailable):
            (found,) = await client.resolve(
                TENANT, [Identifier("user", text)], [NewItem(item, (), CONTENT)],
                seal=[IDENTIFIERS],
            )  # fmt: skip
            refs = LeafRef(IDENTIFIERS, found.person), LeafRef(CONTENT, None, (item,))
            clear = [
                Value(ref, Place(TENANT, 1, item, ref.person, ref.bucket), text.encode())
                for ref in refs
            ]
            for value, data in zip(
                clear, await client.seal(TENANT, clear, actor="test"), strict=True
            ):
                known.living[value.ref] = Value(value.ref, value.place, data)
            known.people[found.person] = text
            known.items.add(item)
        await asyncio.sleep(0.01)


async def destroy(client: KeyClient, known: Known, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(0.01)
        if len(known.living) < 20:
            continue
        refs = chance.sample(list(known.living), chance.choice((1, 3)))
        for ref in refs:
            known.ordered[ref] = known.living.pop(ref)
        persons = tuple(ErasePerson(ref.person) for ref in refs if ref.person)
        items = tuple(item for ref in refs for item in ref.items)
        with contextlib.suppress(Unavailable):
            await client.destroy(TENANT, Destruction(persons, items), actor="test")
            for ref in refs:
                known.destroyed[ref] = known.ordered.pop(ref)


async def open_some(client: KeyClient, known: Known, chance: random.Random) -> None:
    """Open what lives, what dies and what is dead, and note when."""
    while True:
        await asyncio.sleep(0.002)
        everything = [*known.living.values(), *known.ordered.values(), *known.destroyed.values()]
        if not everything:
            continue
        values = chance.sample(everything, min(10, len(everything)))
        values += list(known.ordered.values())[-5:]
        dead = {value.ref for value in values if value.ref in known.destroyed}
        begun = time.monotonic()
        with contextlib.suppress(Unavailable):
            results = await client.open(TENANT, "service", values, actor="test")
            for value, result in zip(values, results, strict=True):
                if isinstance(result, bytes):
                    assert value.ref not in dead, "opened after its destruction was acknowledged"
                    known.opened_at[value.ref] = begun
                    known.opened += 1
                else:
                    assert isinstance(result, KeyDestroyed), result
                    assert value.ref not in known.living
                    known.refused_at.setdefault(value.ref, time.monotonic())


async def opened(
    client: KeyClient, values: Mapping[LeafRef, Value]
) -> AsyncIterator[tuple[Value, bytes | RingfenceError]]:
    """In requests that are answered well within so short a lease."""
    everything = list(values.values())
    for batch in (everything[at : at + 100] for at in range(0, len(everything), 100)):
        results = await client.open(TENANT, "service", batch, actor="test")
        for value, result in zip(batch, results, strict=True):
            yield value, result


async def check(client: KeyClient, known: Known) -> None:
    """After a start: what was told is true. What was asked for and not told is one or the other."""
    async for _, result in opened(client, known.living):
        assert isinstance(result, bytes), result
    wanted = [ref.person for ref in known.living if ref.person]
    texts = [known.people[person] for person in wanted]
    found = await client.find(TENANT, [Identifier("user", text) for text in texts])
    assert [item and item.person for item in found] == wanted
    async for _, result in opened(client, known.destroyed):
        assert isinstance(result, KeyDestroyed), result
    async for value, result in opened(client, dict(known.ordered)):
        del known.ordered[value.ref]
        if isinstance(result, KeyDestroyed):
            known.destroyed[value.ref] = value
        else:
            assert isinstance(result, bytes), result
            known.living[value.ref] = value


async def test_kill_points(process: Process) -> None:
    chance, known = random.Random(8), Known()
    process.start()
    async with clients(process.settings, "signalling", "web", "worker") as made:
        signalling, web, worker = made
        for _ in range(KILLS):
            tasks = [
                asyncio.ensure_future(write(signalling, known)),
                asyncio.ensure_future(write(web, known)),
                asyncio.ensure_future(destroy(worker, known, chance)),
                asyncio.ensure_future(open_some(web, known, chance)),
                asyncio.ensure_future(open_some(worker, known, chance)),
            ]
            try:
                # the moment of the kill, not a wait for something
                await asyncio.wait(tasks, timeout=chance.uniform(0.02, 0.45))
                process.kill()
                await asyncio.wait(tasks, timeout=chance.uniform(0, LEASE))
            finally:
                for task in tasks:
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(outcome, asyncio.CancelledError), outcome
            await asyncio.to_thread(process.start)
            await check(worker, known)
        status = await asyncio.to_thread(ask_status, process.settings)
    assert (status.stale_shards, status.contradictions) == (0, 0)
    assert len(known.destroyed) > KILLS and len(known.living) > 100 and known.opened > 1000
    both = known.refused_at.keys() & known.opened_at.keys()
    assert both, "some were opened by one and refused to another"
    for ref in both:
        assert known.opened_at[ref] < known.refused_at[ref] + LEASE + SLACK
    process.kill()
    collect_orphans(process.settings, known)


def collect_orphans(settings: Settings, known: Known) -> None:
    """Two days later: whatever no row was written for goes, and nothing else."""
    root = RootKeys(root_key(settings))
    clock = ManualClock(datetime.now(UTC) + timedelta(days=2))
    store = KeyStore(settings.key_store, SlotFile(settings.key_slots, root), root, clock)
    try:
        rotation.recover(store)
        found = orphans.candidates(store, limit=1 << 30)
        rows = known.people.keys() | known.items
        lost = [item for item in found if item.id not in rows]
        with store.transaction():
            kept = [item for item in found if item.id in rows]
            assert orphans.settle(store, kept, lost) == len(lost)
        rotation.rotate_stale(store)
        assert orphans.candidates(store) == [] and store.contradictions() == []
        kinds: dict[Kind, set[UUID]] = {Kind.PERSON: set(), Kind.ITEM: set()}
        for row in store.db.execute("SELECT shard, lookup, tenant, body FROM key").fetchall():
            name, _ = store.unwrap_row(*row)
            if name.kind in kinds:
                kinds[name.kind].add(UUID(bytes=name.id))
        assert kinds[Kind.PERSON] == {ref.person for ref in known.living if ref.person}
        assert kinds[Kind.ITEM] == {item for ref in known.living for item in ref.items}
    finally:
        store.close()
