"""A worker whose commander goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from ringfence.engine.media.client import MediaClient
from ringfence.engine.media.errors import KeysUnavailable
from ringfence.engine.media.worker import MediaWorker, advertised_address
from ringfence.engine.ports import TrackRequest
from ringfence.kernel.clock import SystemClock
from ringfence.platform.keys.objects import Leaf
from ringfence.platform.settings import MediaSettings, NodeSettings, Settings, SipSettings

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\n"
)
ORPHAN_SECONDS = 0.4


class NoKeys:
    async def leaf(self, request: TrackRequest) -> Leaf:
        raise KeysUnavailable("there are none")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        node=NodeSettings(data_dir=tmp_path, run_dir=tmp_path),
        media=MediaSettings(workers=1, bind_address="127.0.0.7"),
    )


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[MediaWorker]:
    worker = MediaWorker(settings, 0, SystemClock(), NoKeys(), orphan_seconds=ORPHAN_SECONDS)
    await worker.start()
    yield worker
    await worker.stop()


async def connected(settings: Settings, epoch: str) -> MediaClient:
    client = MediaClient([settings.media_socket(0)], epoch, lambda _: None, lambda _: None)
    client.start()
    await client.wait_connected(5)
    return client


async def eventually_no_sessions(worker: MediaWorker) -> float:
    start = time.monotonic()
    while worker.sessions:
        assert time.monotonic() - start < 5
        await asyncio.sleep(0.005)
    return time.monotonic() - start


async def test_orphans_are_deleted_after_the_grace(worker: MediaWorker, settings: Settings) -> None:
    client = await connected(settings, "one")
    await client.answer(uuid4(), uuid4(), SDP, "offer")
    await client.stop()
    assert await eventually_no_sessions(worker) >= ORPHAN_SECONDS / 2


async def test_the_same_epoch_in_time_keeps_them(worker: MediaWorker, settings: Settings) -> None:
    first = await connected(settings, "one")
    await first.answer(uuid4(), uuid4(), SDP, "offer")
    await first.stop()
    second = await connected(settings, "one")
    end = time.monotonic() + ORPHAN_SECONDS * 1.5
    while time.monotonic() < end:
        assert worker.sessions == 1
        await asyncio.sleep(0.01)
    await second.stop()


async def test_a_client_that_stops_loses_nothing(worker: MediaWorker, settings: Settings) -> None:
    lost: list[object] = []
    client = MediaClient([settings.media_socket(0)], "one", lambda _: None, lost.append)
    client.start()
    await client.wait_connected(5)
    await client.answer(uuid4(), uuid4(), SDP, "offer")
    await client.stop()
    async with asyncio.timeout(5):
        while client.connected:
            await asyncio.sleep(0.005)
    assert lost == []


async def test_another_epoch_deletes_them_at_once(worker: MediaWorker, settings: Settings) -> None:
    first = await connected(settings, "one")
    await first.answer(uuid4(), uuid4(), SDP, "offer")
    second = await connected(settings, "two")
    assert worker.sessions == 0
    await first.stop()
    await second.stop()


def test_advertised_address(settings: Settings) -> None:
    assert advertised_address(settings) == "127.0.0.7"
    public = SipSettings(advertised_address="192.0.2.5")
    assert advertised_address(settings.model_copy(update={"sip": public})) == "192.0.2.5"
    own = MediaSettings(advertised_address="192.0.2.6")
    both = settings.model_copy(update={"sip": public, "media": own})
    assert advertised_address(both) == "192.0.2.6"
    anywhere = settings.model_copy(update={"media": MediaSettings(bind_address="0.0.0.0")})
    assert advertised_address(anywhere) not in ("0.0.0.0", "192.0.2.1", "")
