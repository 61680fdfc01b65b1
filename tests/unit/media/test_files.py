"""Files to play: decoded once, kept within a bound, read anew when they changed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ringfence.engine.media import files
from ringfence.engine.media.errors import PlaySourceInvalid
from ringfence.engine.media.files import AudioFiles
from ringfence.protocols import g711, wav


def write(path: Path, audio: bytes) -> str:
    path.write_bytes(wav.header(wav.Encoding.ULAW, len(audio)) + audio)
    return str(path)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of a file."""
    made: list[str] = []
    real = files._load

    def load(path: str) -> tuple[tuple[int, int, int], bytes]:
        made.append(path)
        return real(path)

    monkeypatch.setattr(files, "_load", load)
    return made


async def test_many_who_ask_at_once_cost_one_reading(tmp_path: Path, loads: list[str]) -> None:
    path, store = write(tmp_path / "a", b"\x01" * 4000), AudioFiles()
    assert store.cached(path) is None
    heard = await asyncio.gather(*(store.read(path) for _ in range(50)))
    assert set(heard) == {b"\x01" * 4000} and loads == [path]
    assert store.cached(path) is heard[0] and store.bytes == 4000


async def test_the_least_recently_played_go_first(tmp_path: Path, loads: list[str]) -> None:
    store = AudioFiles(cache_bytes=10_000)
    a, b, c = (write(tmp_path / name, name.encode() * 4000) for name in "abc")
    await store.read(a)
    await store.read(b)
    assert store.cached(a) == b"a" * 4000
    await store.read(c)
    assert store.bytes == 8000
    assert store.cached(b) is None and store.cached(a) and store.cached(c)
    large = write(tmp_path / "large", b"d" * 10_001)
    assert await store.read(large) == b"d" * 10_001
    assert store.cached(large) is None and store.bytes == 8000


async def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path, store = write(tmp_path / "a", b"\x01" * 400), AudioFiles()
    await store.read(path)
    os.utime(path, ns=(1, Path(path).stat().st_mtime_ns))  # somebody read it: the same file
    assert store.cached(path) is not None
    Path(write(tmp_path / "new", b"\x02" * 400)).rename(path)
    assert store.cached(path) is None and store.bytes == 0
    assert await store.read(path) == b"\x02" * 400
    Path(path).unlink()
    with pytest.raises(PlaySourceInvalid):
        store.cached(path)


async def test_a_failed_reading_is_tried_again(tmp_path: Path) -> None:
    store, path = AudioFiles(), str(tmp_path / "a")
    with pytest.raises(PlaySourceInvalid):
        await store.read(path)
    write(tmp_path / "a", b"\x01")
    assert await store.read(path) == b"\x01"


async def test_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    with pytest.raises(PlaySourceInvalid):
        await AudioFiles().read(write(tmp_path / "a", bytes(1000)))


async def test_linear_samples_are_companded(tmp_path: Path) -> None:
    samples = g711.tone((300,), 20_001)
    body = b"".join(value.to_bytes(2, "little", signed=True) for value in samples)
    path = tmp_path / "a"
    path.write_bytes(wav.header(wav.Encoding.PCM16, len(body) + 1) + body + b"\0")
    assert await AudioFiles().read(str(path)) == g711.encode_ulaw(samples)
