"""Queue, cache and engine errors, with an engine that does as it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ringfence.engine.ports import SpeechReply, SpeechRequest
from ringfence.engine.speech import service as module
from ringfence.engine.speech import weights
from ringfence.engine.speech.cache import SpeechCache
from ringfence.engine.speech.client import SpeechClient
from ringfence.engine.speech.engine import Samples
from ringfence.engine.speech.errors import SpeechUnavailable
from ringfence.engine.speech.hibari import Hibari
from ringfence.engine.speech.service import SpeechService
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.platform.rpc import RpcError
from ringfence.platform.settings import NodeSettings, Settings, SpeechSettings


class Slow:
    """Says a tone for each sentence when it is let."""

    identity, rate = "slow/1", 8000
    voices = {"low": "en", "tief": "de"}  # noqa: RUF012

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.go = threading.Event()
        self.broken = False

    def load(self) -> None:
        if self.broken:
            raise SpeechUnavailable("broken")

    def speak(self, sentence: str, voice: str) -> Samples:
        self.said.append((sentence, voice))
        assert self.go.wait(10)
        return np.sin(np.arange(1600) / 3).astype(np.float32)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        node=NodeSettings(data_dir=tmp_path / "d", run_dir=tmp_path),
        speech=SpeechSettings(cache_bytes=10_000, voice="low"),
    )


@pytest.fixture
def engine() -> Slow:
    return Slow()


@pytest.fixture
async def client(settings: Settings, engine: Slow) -> AsyncIterator[SpeechClient]:
    service = SpeechService(settings, engine, SystemClock())
    await service.start()
    client = SpeechClient(settings.speech_socket)
    client.start()
    yield client
    engine.go.set()
    await client.stop()
    await service.stop()


async def until(condition: object) -> None:
    async with asyncio.timeout(10):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def test_one_at_a_time_and_no_more_than_may_wait(
    client: SpeechClient, engine: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    tasks = [asyncio.ensure_future(client.render(SpeechRequest(f"{n}."))) for n in range(3)]
    same = asyncio.ensure_future(client.render(SpeechRequest("0.")))
    await until(lambda: engine.said)
    with pytest.raises(RpcError) as caught:
        await client.render(SpeechRequest("3."))
    assert caught.value.code == "speech_busy" and len(engine.said) == 1
    engine.go.set()
    replies = await asyncio.gather(*tasks, same)
    assert replies[0] == replies[3] and [said for said, _ in engine.said] == ["0.", "1.", "2."]
    assert (await client.render(SpeechRequest("3."))).seconds == pytest.approx(0.2, abs=0.03)


async def test_what_nobody_waits_for_is_not_spoken(
    client: SpeechClient, engine: Slow, settings: Settings
) -> None:
    first = asyncio.ensure_future(client.render(SpeechRequest("One. Two.", personal=True)))
    await until(lambda: engine.said)
    other = SpeechClient(settings.speech_socket)
    other.start()
    given_up = asyncio.ensure_future(other.render(SpeechRequest("Never.")))
    kept = asyncio.ensure_future(client.render(SpeechRequest("Last.")))
    await asyncio.sleep(0)
    while not other._rpc.connected:
        await asyncio.sleep(0.005)
    await other.stop()
    with pytest.raises(Exception, match="closed"):
        await given_up
    engine.go.set()
    await asyncio.gather(first, kept)
    assert "Never." not in [said for said, _ in engine.said]


async def test_voices_and_languages(client: SpeechClient, engine: Slow) -> None:
    engine.go.set()
    await client.render(SpeechRequest("A.", voice="tief", language="de-AT"))
    await client.render(SpeechRequest("B.", language="en_GB"))
    assert engine.said == [("A.", "tief"), ("B.", "low")]
    for fields in ({"voice": "tief"}, {"language": "de"}, {"voice": "x"}):
        with pytest.raises(RpcError) as caught:
            await client.render(SpeechRequest("C.", **fields))
        assert caught.value.code == "speech_voice"


async def test_an_engine_that_cannot_be_used_is_tried_again(
    client: SpeechClient, engine: Slow
) -> None:
    engine.broken = True
    engine.go.set()
    with pytest.raises(RpcError) as caught:
        await client.render(SpeechRequest("A."))
    assert caught.value.code == "speech_unavailable"
    engine.broken = False
    assert (await client.render(SpeechRequest("A."))).source


async def test_what_the_disk_does_not_take_is_answered(
    client: SpeechClient, engine: Slow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.go.set()
    long = await client.render(SpeechRequest("Word. " * 30))
    assert long.audio and not long.source, "more than cache_bytes"
    monkeypatch.setattr(module.SpeechCache, "put", _full)
    reply: SpeechReply = await client.render(SpeechRequest("B."))
    assert reply.audio and not reply.source


def _full(*_: object) -> bool:
    raise OSError(28, "No space left on device")


def test_the_least_recently_used_file_goes_first(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    cache = SpeechCache(tmp_path, 4 * 1058, clock)
    cache.open()
    for key in "abcd":
        assert cache.put(key, bytes(1000))
        clock.advance(timedelta(minutes=2))
    assert cache.get("a") == 1000
    assert cache.put("e", bytes(1000))
    assert not cache.path("b").exists() and cache.get("b") is None
    assert cache.bytes == 4 * 1058 and all(cache.path(key).exists() for key in "acde")
    cache.path("c").unlink()
    assert cache.get("c") is None and cache.bytes == 3 * 1058
    clock.advance(timedelta(minutes=2))
    (tmp_path / "x.draft").write_bytes(b"")
    later = SpeechCache(tmp_path, 2 * 1058, clock)
    later.open()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "e.wav"]
    assert later.put("f", bytes(1000)) and later.put("g", bytes(1000))
    assert later.path("f").exists() and later.path("g").exists(), "somebody was just given it"
    assert not later.put("h", bytes(3000))


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.problem() is None
    monkeypatch.setitem(weights.SHA256, "vocab.json", "0" * 64)
    assert weights.problem() == "vocab.json is not the file that was tested"
    with pytest.raises(SpeechUnavailable):
        Hibari().load()
    monkeypatch.setattr(weights, "PACKAGE", "nosuchpackage")
    assert weights.problem() == "the package nosuchpackage is not installed"
