"""The speech process as its clients see it, with the engine that ships."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from ringfence.engine.ports import SpeechReply, SpeechRequest
from ringfence.engine.speech.client import SpeechClient
from ringfence.platform.rpc import RpcError, RpcUnavailable
from ringfence.platform.settings import NodeSettings, Settings, SpeechSettings
from ringfence.protocols import g711, wav

MENU = "Thank you for calling Acme. For sales, press 1. For support, press 2."
SECRET = "Jane Zweistein, your balance is $4711."
_RUN = (
    "import sys; from ringfence.entry.speech import main;"
    "from ringfence.platform.settings import Settings;"
    "main(Settings.model_validate_json(sys.argv[1]))"
)


class Process:
    """`ringfence speech` on its own data directory."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            node=NodeSettings(data_dir=folder / "data", run_dir=folder),
            speech=SpeechSettings(max_characters=5000, cache_bytes=20_000_000),
        )
        self.log = folder / "log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RINGFENCE_")}
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", _RUN, self.settings.model_dump_json()],
                env=environment | {"TMPDIR": str(self.temporary), "HOME": str(self.temporary)},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(10)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[SpeechClient]:
        client = SpeechClient(self.settings.speech_socket)
        client.start()
        try:
            yield client
        finally:
            await client.stop()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with tempfile.TemporaryDirectory() as folder:
        process = Process(Path(folder))
        process.start()
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
async def speech(process: Process) -> AsyncIterator[Callable[..., object]]:
    async with process.client() as client:

        async def render(text: str, **fields: object) -> SpeechReply:
            deadline = time.monotonic() + 60  # the machine may be busy and the process is niced
            while True:
                try:
                    return await client.render(SpeechRequest(text, **fields))  # type: ignore[arg-type]
                except RpcUnavailable:
                    assert time.monotonic() < deadline

        yield render


def samples_of(octets: bytes) -> np.ndarray:
    return np.array(g711.decode_ulaw(octets)) / 32768


async def test_renders_telephone_audio(speech, process: Process) -> None:  # type: ignore[no-untyped-def]
    reply = await speech(MENU)
    path = Path(reply.source.removeprefix("file:"))
    assert reply.source.startswith("file:") and path.parent == process.settings.speech_dir
    assert not reply.audio and 3 < reply.seconds < 9
    data = path.read_bytes()
    header = wav.parse(data)
    assert (header.encoding, header.channels, header.rate) == (wav.Encoding.ULAW, 1, 8000)
    assert header.data_bytes == round(reply.seconds * 8000) == len(data) - header.data_start
    assert path.stat().st_mode & 0o777 == 0o600
    samples = samples_of(data[header.data_start :])
    peak = np.abs(samples).max()
    assert 0.66 < peak < 0.75 and np.flatnonzero(np.abs(samples) > 0.006 * peak)[0] <= 400
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
    band = power[(hertz > 80) & (hertz < 3500)].sum() / power.sum()
    assert band > 0.99 and power[hertz > 3800].sum() / power.sum() < 1e-3


async def test_the_same_text_is_rendered_once(speech, process: Process) -> None:  # type: ignore[no-untyped-def]
    text = "This is said by many at once."
    replies = await asyncio.gather(*(speech(text) for _ in range(20)))
    assert len({reply.source for reply in replies}) == 1
    path = Path(replies[0].source.removeprefix("file:"))
    first = path.stat()
    assert await speech(text) == replies[0]
    again = path.stat()
    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert again.st_atime_ns > first.st_mtime_ns, "its use is not noted"
    assert (await speech(text + " Indeed.")).source != replies[0].source


async def test_a_personal_text_leaves_nothing(speech, process: Process) -> None:  # type: ignore[no-untyped-def]
    shared = await speech("Your balance is four dollars.")
    before = set(process.settings.data_dir.rglob("*"))
    reply = await speech(SECRET, personal=True)
    assert not reply.source and len(reply.audio) == round(reply.seconds * 8000) > 8000
    assert 0.66 < np.abs(samples_of(reply.audio)).max() < 0.75
    assert set(process.settings.data_dir.rglob("*")) == before
    needles = [b"Zweistein", b"4711", reply.audio[4000:4040]]
    marker = process.temporary / "marker"
    marker.write_bytes(b"..".join(needles))
    found = [
        (path, needle)
        for path in process.log.parent.rglob("*")
        if path.is_file()
        for needle in needles
        if needle in path.read_bytes()
    ]
    assert found == [(marker, needle) for needle in needles], "or the search finds nothing at all"
    assert not [path for path in process.temporary.iterdir() if path != marker]
    assert shared.source
    marker.unlink()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": ""}, "speech_text"),
        ({"text": " \n"}, "speech_text"),
        ({"text": "... !"}, "speech_text"),
        ({"text": "\u65e5\u672c\u8a9e"}, "speech_text"),
        ({"text": "a" * 5001}, "speech_text"),
        ({"text": "Hi.", "voice": "emma"}, "speech_voice"),
        ({"text": "Hi.", "voice": "../x"}, "speech_voice"),
        ({"text": "Hi.", "language": "de-DE"}, "speech_voice"),
    ],
)
async def test_errors(speech, fields: dict[str, str], code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RpcError) as caught:
        await speech(**fields)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["1" * 4000, "/" * 4000, "([" * 2000, "a/b-" * 40, "\u00bd'" * 200]
)
async def test_hostile_texts_end_in_time(speech, text: str) -> None:  # type: ignore[no-untyped-def]
    with contextlib.suppress(RpcError):
        assert (await speech(text[:400])).seconds > 0
    assert (await speech("Still there.")).seconds > 0.3


async def test_it_talks_to_nobody(speech, process: Process) -> None:  # type: ignore[no-untyped-def]
    """The runtime below reports to its vendor unless it is told not to: an id on the disk, and a
    connection."""
    await speech("Nobody else hears this.", personal=True)
    running = psutil.Process(process.pid)
    assert not running.net_connections("inet")
    assert not list(process.temporary.rglob("*"))
    assert running.environ().get("HOME") == str(process.temporary)
    maps = {Path(item.path).name for item in running.memory_maps()}
    assert any("onnxruntime" in name for name in maps), "or nothing was there that could report"


async def test_it_gives_way_to_media(speech, process: Process) -> None:  # type: ignore[no-untyped-def]
    await speech("Ready.")
    running = psutil.Process(process.pid)
    assert running.nice() == min(psutil.Process().nice() + 10, 19) and running.num_threads() <= 6


async def test_killed_while_rendering_leaves_no_broken_file(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        process = Process(Path(folder))
        process.start()
        try:
            directory = process.settings.speech_dir
            async with process.client() as client:
                deadline = time.monotonic() + 60
                while True:
                    with contextlib.suppress(RpcUnavailable):
                        await client.render(SpeechRequest("Ready."))
                        break
                    assert time.monotonic() < deadline
                for kill in range(4):
                    texts = [f"Text {n} of round {kill}, spoken at length." for n in range(8)]
                    tasks = [asyncio.ensure_future(client.render(SpeechRequest(t))) for t in texts]
                    count = len(list(directory.glob("*.wav")))
                    while len(list(directory.glob("*.wav"))) < count + 1 + kill:
                        assert time.monotonic() < deadline + 60
                        await asyncio.sleep(0.002)
                    process.kill()
                    gone = await asyncio.gather(*tasks, return_exceptions=True)
                    assert any(isinstance(error, RpcUnavailable) for error in gone)
                    (directory / "half.draft").write_bytes(b"RIFF")
                    process.start()
                    while True:
                        with contextlib.suppress(RpcUnavailable):
                            reply = await client.render(SpeechRequest(texts[-1]))
                            break
                        assert time.monotonic() < deadline + 60
                    assert reply.seconds > 1
            assert not list(directory.glob("*.draft"))
            for path in directory.iterdir():
                data = path.read_bytes()
                header = wav.parse(data)
                assert header.data_bytes and len(data) == header.data_start + header.data_bytes
        finally:
            process.kill()
