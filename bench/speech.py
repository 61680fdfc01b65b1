"""What speech costs: a sentence rendered, one from the cache, the process's memory, and a media
worker's CPU time per packet that it plays.

The speech process renders prompts of an interactive menu, each once, then each again. The worker
plays a file to many legs at once.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil

from bench.relay import WORKER, ignore
from bench.report import emit
from ringfence.engine.media.client import MediaClient
from ringfence.engine.ports import SpeechRequest
from ringfence.engine.speech.client import SpeechClient
from ringfence.platform.rpc import RpcUnavailable
from ringfence.platform.settings import MediaSettings, NodeSettings, Settings

PROMPTS = 60
LEGS = 100
SECONDS = 6.0
_SPEECH = WORKER.replace("entry.media", "entry.speech").replace(", 0)", ")")


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder, _processes(Path(folder)) as started:
        settings, speech, media = started
        source = await _speak(settings, speech)
        await _play(settings, media, source)


async def _speak(settings: Settings, process: psutil.Process) -> str:
    client = SpeechClient(settings.speech_socket)
    client.start()
    try:
        ready = await _ready(client)
        texts = [
            SpeechRequest(f"You are caller number {n}. Please hold the line for sales and support.")
            for n in range(PROMPTS)
        ]
        before, start = process.cpu_times(), time.monotonic()
        replies = [await client.render(text) for text in texts]
        after, wall = process.cpu_times(), time.monotonic() - start
        cpu = after.user + after.system - before.user - before.system
        seconds = sum(reply.seconds for reply in replies)
        emit("speech", "cpu_per_sentence", cpu / (2 * PROMPTS) * 1000, "ms", 2 * PROMPTS)
        emit("speech", "wall_per_prompt", wall / PROMPTS * 1000, "ms", PROMPTS)
        emit("speech", "cpu_per_second_of_speech", cpu / seconds, "s", PROMPTS)
        emit("speech", "times_real_time", seconds / cpu, "x", PROMPTS)
        start = time.monotonic()
        for _ in range(10):
            for text in texts:
                await client.render(text)
        emit("speech", "wall_cached", (time.monotonic() - start) / 10 / PROMPTS * 1e6, "us", 600)
        memory = process.memory_full_info()
        emit("speech", "rss", memory.rss / 2**20, "MiB", 1)
        emit("speech", "uss", memory.uss / 2**20, "MiB", 1)
        return ready
    finally:
        await client.stop()


async def _ready(client: SpeechClient) -> str:
    """A prompt of some length, rendered when the process has loaded its engine."""
    while True:
        try:
            text = "Please stay on the line. Your call is important to us. " * 4
            return (await client.render(SpeechRequest(text))).source
        except RpcUnavailable:
            continue


async def _play(settings: Settings, process: psutil.Process, source: str) -> None:
    client = MediaClient([settings.media_socket(0)], "bench", ignore, ignore)
    client.start()
    try:
        await client.wait_connected(20)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            sdp = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {phone.getsockname()[1]} RTP/AVP 0\r\n"
            ).encode()
            for name, kind in (("file", source), ("silence", "silence")):
                legs = [(uuid4(), uuid4()) for _ in range(LEGS)]
                start = process.cpu_times()
                for session, leg in legs:
                    await client.answer(session, leg, sdp, "offer")
                    await client.play(session, leg, kind, loop=0)
                made = process.cpu_times()
                began = await _sent(client, legs)
                before = process.cpu_times()
                await asyncio.sleep(SECONDS)
                after, ended = process.cpu_times(), await _sent(client, legs)
                cpu = after.user + after.system - before.user - before.system
                cost = cpu / (ended - began) * 1e6
                emit("speech", f"cpu_per_packet_played_{name}", cost, "us", ended - began)
                begun = made.user + made.system - start.user - start.system
                emit("speech", f"cpu_per_leg_begun_{name}", begun / LEGS * 1e6, "us", LEGS)
                for session, _ in legs:
                    await client.delete(session)
    finally:
        await client.stop()


async def _sent(client: MediaClient, legs: list[tuple[object, object]]) -> int:
    stats = [await client.stats(session) for session, _ in legs]  # type: ignore[arg-type]
    return sum(leg.tx_packets for item in stats for leg in item.legs.values())


@contextmanager
def _processes(folder: Path) -> Iterator[tuple[Settings, psutil.Process, psutil.Process]]:
    """A speech process and a media worker."""
    settings = Settings(
        node=NodeSettings(data_dir=folder / "data", run_dir=folder),
        media=MediaSettings(workers=1, bind_address="127.0.0.1"),
    )
    text = settings.model_dump_json()
    started = [subprocess.Popen([sys.executable, "-c", code, text]) for code in (_SPEECH, WORKER)]
    try:
        yield settings, psutil.Process(started[0].pid), psutil.Process(started[1].pid)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
