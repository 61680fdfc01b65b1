"""What the journal costs: CPU per event written, and per call delivered and made a call record."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from bench.report import emit

_EVENTS = 20_000
_CALLS = 1_000
_PER_TICK = 5
"""Calls that begin per delivery: 50 calls a second delivered every 100 ms."""
_PHASES = ((0, 4), (4, 5), (5, 8), (8, 11))
"""Events that reach the disk together: begin, ringing, answer, end."""
_ONE = ThreadPoolExecutor(1)
"""Deliveries share one thread and so its database connections."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name:
        asyncio.run(_write(Path(name) / "spool"))
        _deliver(Path(name))


async def _write(directory: Path) -> None:
    from ringfence.platform.spool import SpoolReader, SpoolWriter
    from ringfence.platform.spool.reader import Position

    writer = SpoolWriter(directory)
    record = os.urandom(250)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(_EVENTS // 100):
        for _ in range(100):
            writer.append(record)
        await writer.durable()
    emit("journal", "write_cpu", (time.process_time() - cpu) / _EVENTS * 1e6, "us/event", _EVENTS)
    emit("journal", "group_of_100", (time.perf_counter() - start) / _EVENTS * 1e5, "ms", _EVENTS)
    waits = []
    for _ in range(200):
        writer.append(record)
        begin = time.perf_counter()
        await writer.durable()
        waits.append(time.perf_counter() - begin)
    waits.sort()
    emit("journal", "durable_p50", waits[100] * 1e3, "ms", len(waits))
    emit("journal", "durable_p99", waits[197] * 1e3, "ms", len(waits))
    await writer.close()
    cpu, position, count = time.process_time(), Position(0, 0), 0
    reader = SpoolReader(directory)
    while batch := reader.read(position, 2000):
        position, count = batch[-1][0], count + len(batch)
    emit("journal", "read_cpu", (time.process_time() - cpu) / count * 1e6, "us/event", count)


def _deliver(directory: Path) -> None:
    os.environ["RINGFENCE_NODE__DATA_DIR"] = str(directory / "data")
    from ringfence.entry.database import prepare
    from ringfence.platform.postgres import EmbeddedPostgres
    from ringfence.platform.settings import load_settings

    settings = load_settings()
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    server.start()
    try:
        prepare(settings)
        assert server.pid is not None
        for per_tick in (_PER_TICK, 50, 1):
            asyncio.run(_measure(directory / f"spool-{per_tick}", server.pid, per_tick))
    finally:
        server.stop()


async def _measure(spool: Path, postgres: int, per_tick: int) -> None:
    from django.db import connections

    from ringfence.entry.control.shipper import Shipper
    from ringfence.platform.spool import SpoolWriter

    writer = SpoolWriter(spool)
    shipper = Shipper(spool, spool.name)
    loop = asyncio.get_running_loop()
    calls = _CALLS if per_tick > 1 else _CALLS // 4
    ticks = _ticks(calls, per_tick)
    for record in next(ticks):
        writer.append(record)
    await writer.durable()
    await loop.run_in_executor(_ONE, shipper.deliver)  # connections and plans
    before = _cpu(postgres)
    control = 0.0
    for records in ticks:
        for record in records:
            writer.append(record)
        await writer.durable()
        control += await loop.run_in_executor(_ONE, _timed, shipper.deliver)
    server = _cpu(postgres) - before
    await writer.close()
    await loop.run_in_executor(_ONE, connections.close_all)
    for metric, seconds in (("control", control), ("postgres", server), ("sum", control + server)):
        name = f"deliver_cpu_{metric}_{per_tick}_per_batch"
        emit("journal", name, seconds / calls * 1e3, "ms/call", calls)


def _timed(work: Any) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _cpu(root: int) -> float:
    """CPU seconds of a process and its children, those that ended included."""
    process = psutil.Process(root)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return total


def _ticks(calls: int, per_tick: int) -> Iterator[list[bytes]]:
    """What each delivery finds: the phases of several generations of calls."""
    live: list[list[list[bytes]]] = []
    tenant = uuid4()
    started = 0
    while started < calls or live:
        if started < calls:
            live += [_call(tenant) for _ in range(per_tick)]
            started += per_tick
        yield [record for call in live for record in call.pop(0)]
        live = [call for call in live if call]


def _call(tenant: UUID) -> list[list[bytes]]:
    from ringfence.engine.journal.records import EventRecord, encode
    from ringfence.kernel.clock import SystemClock
    from ringfence.kernel.ids import uuid7

    clock = SystemClock()
    id_, a, b = uuid7(clock), uuid7(clock).hex, uuid7(clock).hex
    numbers = {"from": "+14155550100", "to": "+12025550100"}
    media = {"codec": "PCMU", "rx_packets": 510, "tx_packets": 509, "rx_lost": 3, "mos": 4.4}
    leg = {"transport": "udp", "trunk": a, "sip_call_id": a, **numbers}
    steps: list[tuple[str, dict[str, Any]]] = [
        (
            "call.started",
            {"direction": "inbound", "trunk": a, "source": "192.0.2.1:5060", **numbers},
        ),
        ("leg.created", {"leg": a, "role": "caller", **leg}),
        ("call.routed", {"number": a, "verbs": ["dial"]}),
        ("leg.created", {"leg": b, "role": "callee", **leg}),
        ("leg.progress", {"leg": b, "status": 180, "early_media": False}),
        ("leg.answered", {"leg": b, "codec": "PCMU"}),
        ("call.answered", {"leg": b}),
        ("leg.answered", {"leg": a, "codec": "PCMU"}),
        ("leg.ended", {"leg": b, "by": "remote", "q850": 16, "media": media}),
        ("leg.ended", {"leg": a, "by": "local", "media": media}),
        ("call.ended", {"reason": "callee_hangup", "by": "callee", "q850": 16}),
    ]
    records = [
        encode(EventRecord(id_, seq, clock.micros(), kind, tenant, data))
        for seq, (kind, data) in enumerate(steps, 1)
    ]
    return [records[first:last] for first, last in _PHASES]
