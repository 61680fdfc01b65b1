"""CPU time of a media worker per packet that is relayed, and relayed and recorded; its memory.

The same worker, calls and load as in ``relay``: first without tracks, then with one for each leg,
sealed under keys of a real ``keys`` process and written to the data directory.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil

from bench.relay import WORKER, Call, ignore, load, set_up
from bench.report import emit
from ringfence.engine.media.client import MediaClient
from ringfence.engine.ports import TrackRequest
from ringfence.kernel.clock import SystemClock
from ringfence.platform.keys.names import day_number
from ringfence.platform.settings import MediaSettings, NodeSettings, Settings

CALLS = (50, 100)
_KEYS = WORKER.replace("entry.media", "entry.keys").replace(", 0)", ")")


def main() -> None:
    for calls in CALLS:
        asyncio.run(_measure(calls))


async def _measure(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder, _processes(Path(folder)) as (settings, worker):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(worker.pid, {cores[0]})
        client = MediaClient([settings.media_socket(0)], "bench", ignore, ignore)
        client.start()
        try:
            await client.wait_connected(20)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.bind(("127.0.0.1", 0))
                made = [(uuid4(), uuid4(), uuid4()) for _ in range(calls)]
                ports = await set_up(client, made, phone.getsockname()[1], mixed=False)
                plain = await load(phone, ports, worker, cores[-1], mixed=False)
                before = worker.memory_full_info().uss
                requests = await _record(client, made)
                recorded = await load(phone, ports, worker, cores[-1], mixed=False)
                memory = worker.memory_full_info().uss - before
                ended = [await client.delete(session) for session, _, _ in made]
        finally:
            await client.stop()
    complete = sum(item.complete for stats in ended for item in stats.tracks.values())
    _report(calls, plain, recorded)
    emit(
        "recording", f"memory_per_track_{calls}_calls", memory / 1024 / len(requests), "KiB", calls
    )
    emit("recording", f"tracks_complete_{calls}_calls", complete, "tracks", len(requests))


def _report(calls: int, plain: dict[str, float], recorded: dict[str, float]) -> None:
    costs = []
    for name, figures in (("relayed", plain), ("relayed_and_recorded", recorded)):
        received, sent = int(figures["received"]), int(figures["sent"])
        cost = (figures["user"] + figures["system"]) / received * 1e6
        costs.append(cost)
        emit("recording", f"cpu_per_packet_{name}_{calls}_calls", cost, "us", received)
        emit(
            "recording",
            f"loss_{name}_{calls}_calls",
            100 * max(sent - received, 0) / sent,
            "%",
            sent,
        )
    emit("recording", f"cpu_per_packet_added_{calls}_calls", costs[1] - costs[0], "us", received)


async def _record(client: MediaClient, calls: list[Call]) -> list[TrackRequest]:
    """One track for each leg."""
    today, tenant = day_number(SystemClock().now()), uuid4()
    requests = [
        TrackRequest(session, leg, uuid4(), tenant, uuid4(), today)
        for session, *legs in calls
        for leg in legs
    ]
    for request in requests:
        await client.subscribe(request)
    return requests


@contextmanager
def _processes(folder: Path) -> Iterator[tuple[Settings, psutil.Process]]:
    """A media worker and the process that gives it keys."""
    settings = Settings(
        node=NodeSettings(data_dir=folder / "data", run_dir=folder),
        media=MediaSettings(workers=1, bind_address="127.0.0.1"),
    )
    text = settings.model_dump_json()
    started = [subprocess.Popen([sys.executable, "-c", code, text]) for code in (_KEYS, WORKER)]
    try:
        yield settings, psutil.Process(started[1].pid)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
