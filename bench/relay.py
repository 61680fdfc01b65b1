"""CPU time of a media worker per relayed packet, its loss, and its memory per call.

The worker runs on one core, the load generator on another; G.711 both ways, 50 packets a second
and direction. CPU time is the worker process's user and system time while the load is steady.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

import psutil

from bench.report import emit
from ringfence.engine.media.client import MediaClient
from ringfence.platform.settings import MediaSettings, NodeSettings, Settings

CALLS = (50, 100, 200)
SECONDS = 8.0
WORKER = (
    "import sys; from ringfence.entry.media import main;"
    "from ringfence.platform.settings import Settings;"
    "main(Settings.model_validate_json(sys.argv[1]), 0)"
)
Call = tuple[UUID, UUID, UUID]
"""Session and both legs."""
_SLOTS = 20
"""Packets of one 20 ms period leave in so many batches, a millisecond apart."""


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    for calls, laws in (*((n, "like") for n in CALLS), (100, "mixed")):
        await _measure(calls, mixed=laws == "mixed")


async def _measure(calls: int, *, mixed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        settings = Settings(
            node=NodeSettings(data_dir=run_dir, run_dir=run_dir),
            media=MediaSettings(workers=1, bind_address="127.0.0.1"),
        )
        cores = sorted(os.sched_getaffinity(0))
        worker = subprocess.Popen([sys.executable, "-c", WORKER, settings.model_dump_json()])  # noqa: ASYNC220
        os.sched_setaffinity(worker.pid, {cores[0]})
        client = MediaClient([settings.media_socket(0)], "bench", ignore, ignore)
        client.start()
        try:
            await client.wait_connected(10)
            process = psutil.Process(worker.pid)
            before = process.memory_full_info().uss
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.bind(("127.0.0.1", 0))
                made = [(uuid4(), uuid4(), uuid4()) for _ in range(calls)]
                ports = await set_up(client, made, phone.getsockname()[1], mixed=mixed)
                memory = (process.memory_full_info().uss - before) / calls
                figures = await load(phone, ports, process, cores[-1], mixed=mixed)
        finally:
            await client.stop()
            worker.terminate()
            worker.wait()
    suffix = f"{calls}_calls" + ("_translated" if mixed else "")
    received, sent, cpu = (
        int(figures["received"]),
        int(figures["sent"]),
        figures["user"] + figures["system"],
    )
    emit("relay", f"cpu_per_packet_{suffix}", cpu / received * 1e6, "us", received)
    emit("relay", f"in_kernel_{suffix}", 100 * figures["system"] / cpu, "%", received)
    emit("relay", f"core_used_{suffix}", 100 * cpu / figures["seconds"], "%", received)
    emit("relay", f"loss_{suffix}", 100 * max(sent - received, 0) / sent, "%", sent)
    emit("relay", f"memory_per_call_{suffix}", memory / 1024, "KiB", calls)


def ignore(_: object) -> None:
    """Events are not measured."""


async def set_up(client: MediaClient, calls: list[Call], port: int, *, mixed: bool) -> list[int]:
    """Bridge calls whose phones all listen on ``port``; the worker's RTP ports."""
    ports = []
    for session, a, b in calls:
        ports.append(_port(await client.answer(session, a, _sdp(port, 0), "offer")))
        ports.append(_port(await client.offer(session, b)))
        await client.answer(session, b, _sdp(port, 8 if mixed else 0), "answer")
        await client.connect(session, a, b)
    return ports


def _sdp(port: int, payload_type: int) -> bytes:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {payload_type}\r\n"
    ).encode()


def _port(sdp: bytes) -> int:
    match = re.search(rb"^m=audio (\d+)", sdp, re.M)
    assert match is not None
    return int(match[1])


async def load(
    phone: socket.socket, ports: list[int], process: psutil.Process, core: int, *, mixed: bool
) -> dict[str, float]:
    """Two seconds to warm up, then SECONDS of load: packets and the worker's CPU seconds."""
    job = json.dumps({"fd": phone.fileno(), "ports": ports, "mixed": mixed, "core": core})
    generator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.relay", job),
        pass_fds=[phone.fileno()],
        stdout=asyncio.subprocess.PIPE,
    )
    assert generator.stdout is not None
    await generator.stdout.readline()
    before, start = process.cpu_times(), time.monotonic()
    line = await generator.stdout.readline()
    after, seconds = process.cpu_times(), time.monotonic() - start
    await generator.wait()
    figures: dict[str, float] = json.loads(line)
    user, system = after.user - before.user, after.system - before.system
    return figures | {"user": user, "system": system, "seconds": seconds}


def _generate(job: dict[str, object]) -> None:
    """Load generator process: one socket is the phone of every leg."""
    os.sched_setaffinity(0, {job["core"]})  # type: ignore[arg-type]
    phone = socket.socket(fileno=job["fd"])  # type: ignore[arg-type]
    phone.setblocking(False)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    ports: list[int] = job["ports"]  # type: ignore[assignment]
    streams = [
        (("127.0.0.1", port), 8 if job["mixed"] and n % 2 else 0, n + 1)
        for n, port in enumerate(ports)
    ]
    slots = [streams[n::_SLOTS] for n in range(_SLOTS)]
    warm, total = 100 * _SLOTS, int((2 + SECONDS) * 1000)
    packet = bytearray(172)
    sent = received = 0
    start = time.monotonic()
    for tick in range(total):
        if tick == warm:
            print("steady", flush=True)
            sent = received = 0
        turn = tick // _SLOTS
        for target, payload_type, ssrc in slots[tick % _SLOTS]:
            struct.pack_into("!BBHII", packet, 0, 0x80, payload_type, turn, turn * 160, ssrc)
            phone.sendto(packet, target)
            sent += 1
        received += _drain(phone, start + (tick + 1) / 1000)
    print(json.dumps({"sent": sent, "received": received}), flush=True)


def _drain(phone: socket.socket, until: float) -> int:
    """Count packets until it is time for the next batch."""
    count = 0
    while True:
        try:
            while True:
                phone.recv(2048)
                count += 1
        except BlockingIOError:
            pause = until - time.monotonic()
            if pause <= 0:
                return count
            time.sleep(min(pause, 0.0005))


if __name__ == "__main__":
    _generate(json.loads(sys.argv[1]))
