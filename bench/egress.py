"""What the egress process costs: CPU and latency of a fetch, made here and through the gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import psutil

from bench.installed import command, installed
from bench.report import emit
from bench.webhooks import _receiver
from ringfence.platform.egress import Egress, Outbound, Sending
from ringfence.platform.gate.client import EgressClient

_ONE_BY_ONE = 500
_TOGETHER = 5000
_AT_ONCE = 64
_BODY = b'{"type":"call.ended","timestamp":"2026-01-01T00:00:00Z","data":{"id":"CA1","area":"x"}}'
_FOR = Sending("webhook", UUID(int=1))


def main() -> None:
    with (
        _receiver() as port,
        installed("worker", EGRESS__ALLOW_NETWORKS='["127.0.0.0/8"]') as place,
    ):
        asyncio.run(_measure("library", lambda: Egress(place.settings.egress), port, ()))
        with command("egress") as gate:
            others = {"gate": gate, "database": place.postgres}
            asyncio.run(
                _measure("gate", lambda: EgressClient(place.settings), port, tuple(others.items()))
            )


async def _measure(
    name: str,
    make: Callable[[], Outbound],
    port: int,
    others: tuple[tuple[str, psutil.Process], ...],
) -> None:
    way = make()
    url = f"http://127.0.0.1:{port}/"

    async def fetch() -> None:
        answer = await way.fetch(
            "POST",
            url,
            sending=_FOR,
            headers={"content-type": "application/json"},
            body=_BODY,
            timeout=20,
            max_bytes=1000,
        )
        assert answer.status == 204

    for _ in range(50):
        await fetch()
    took = sorted([await _timed(fetch) for _ in range(_ONE_BY_ONE)])
    emit("egress", f"{name}_p50", took[len(took) // 2] * 1e3, "ms", _ONE_BY_ONE)
    emit("egress", f"{name}_p99", took[len(took) * 99 // 100] * 1e3, "ms", _ONE_BY_ONE)
    before = {other: _cpu(process) for other, process in others}
    start, cpu = time.perf_counter(), time.process_time()
    left = iter(range(_TOGETHER))

    async def work() -> None:
        for _ in left:
            await fetch()

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    emit("egress", f"{name}_fetches", _TOGETHER / wall, "1/s", _TOGETHER)
    emit("egress", f"{name}_cpu_of_asker", cpu / _TOGETHER * 1e6, "us/fetch", _TOGETHER)
    for other, process in others:
        spent = _cpu(process) - before[other]
        emit("egress", f"{name}_cpu_of_{other}", spent / _TOGETHER * 1e6, "us/fetch", _TOGETHER)
    await way.close()


async def _timed(fetch: Callable[[], Awaitable[None]]) -> float:
    start = time.perf_counter()
    await fetch()
    return time.perf_counter() - start


def _cpu(process: psutil.Process) -> float:
    """Of it and of the processes that it has now, in seconds."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


if __name__ == "__main__":
    main()
