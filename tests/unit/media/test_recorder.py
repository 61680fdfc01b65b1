"""Tracks of one process: what goes wrong, and what is on disk then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ringfence.engine.media.errors import KeysUnavailable, TrackUnwritable, UnknownLeg, UnknownTrack
from ringfence.engine.media.recorder import Recorder, Tap, Track
from ringfence.engine.media.timeline import Timeline
from ringfence.engine.media.track import track_path
from ringfence.engine.media.track_keys import TrackKeys, track_place
from ringfence.engine.ports import TrackRequest
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.errors import CutOff
from ringfence.platform.keys.objects import CHUNK_BYTES, Leaf, open_object

KEY = b"k" * 32
REQUEST = TrackRequest(uuid4(), uuid4(), uuid4(), uuid4(), uuid4(), 20_000)
HEADER_BYTES = 58


class Keys:
    """Gives one leaf, when it is let."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()
        self.allowed.set()

    async def leaf(self, request: TrackRequest) -> Leaf:
        await self.allowed.wait()
        return Leaf(KEY, track_place(request))


class Desk:
    """A recorder, a leg, and time in the test's hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.keys = Keys()
        self.failed: list[UUID] = []
        self.timeline: Timeline | None = None
        self.leg_there = True
        self.recorder = Recorder(directory, self.keys, self.clock, self._failed, lambda *_: None)
        self._timestamp = 0

    def _failed(self, track: Track) -> None:
        self.failed.append(track.id)

    def tap_of(self) -> Tap:
        if not self.leg_there:
            raise UnknownLeg("gone")
        return self._tap

    def _tap(self, timeline: Timeline | None) -> None:
        self.timeline = timeline

    async def begin(self, request: TrackRequest = REQUEST) -> None:
        await self.recorder.begin(request, self.tap_of)

    def speak(self, seconds: float, code: int = 7) -> None:
        """Packets of one octet value, in time; what is due is sealed as the worker would."""
        for n in range(int(seconds * 50)):
            self.clock.advance(timedelta(milliseconds=20))
            self._timestamp += 160
            if self.timeline is not None:
                self.timeline.place(bytes([code]) * 160, self._timestamp, self.clock.monotonic())
            if n % 25 == 0:
                self.recorder.advance()

    @property
    def path(self) -> Path:
        return track_path(self.directory, REQUEST.tenant, REQUEST.track)

    def opened(self) -> tuple[bytes, bool]:
        """What the file holds, and whether its end is there."""
        out = bytearray()
        try:
            for chunk in open_object([self.path.read_bytes()], Leaf(KEY, track_place(REQUEST))):
                out += chunk
        except CutOff:
            return bytes(out), False
        return bytes(out), True


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "tracks")


async def test_a_long_track_is_whole(desk: Desk) -> None:
    await desk.begin()
    desk.speak(60)
    stats = await desk.recorder.stop(REQUEST.session, REQUEST.track)
    assert stats.complete and stats.duration_ms == 60_000
    content, whole = desk.opened()
    assert whole and content[HEADER_BYTES:] == bytes([7]) * 480_000
    assert stats.bytes == desk.path.stat().st_size


async def test_what_is_on_disk_before_the_end(desk: Desk) -> None:
    """At a kill, a chunk and what may still be rearranged are lost: under eleven seconds."""
    await desk.begin()
    assert desk.opened() == (b"", False)
    desk.speak(60)
    content, whole = desk.opened()
    assert not whole and len(content) % CHUNK_BYTES == 0
    assert len(content) >= (60 - 11) * 8000


async def test_a_disk_that_fills_up_ends_the_track_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.begin()
    desk.speak(20)
    before, _ = desk.opened()
    write = os.write
    monkeypatch.setattr(os, "write", _full_after(100, write))
    desk.speak(20)
    monkeypatch.setattr(os, "write", write)
    assert desk.failed == [REQUEST.track] and desk.timeline is None
    stats = await desk.recorder.stop(REQUEST.session, REQUEST.track)
    assert not stats.complete and desk.failed == [REQUEST.track]
    content, whole = desk.opened()
    assert not whole and content == before and len(content) > 0
    assert stats.bytes == desk.path.stat().st_size


def _full_after(room: int, write: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
    def limited(fd: int, data: Any) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        written = write(fd, data[:room])
        room -= written
        return written

    return limited


async def test_a_disk_that_refuses_the_end_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.begin()
    desk.speak(1)

    def refused(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refused)
    (track,) = desk.recorder.end(REQUEST.session)
    assert track.completion is not None and not (await track.completion).complete
    assert desk.failed == [REQUEST.track]


async def test_a_directory_that_cannot_be_made_is_an_error(desk: Desk) -> None:
    desk.directory.write_text("in the way")
    with pytest.raises(TrackUnwritable):
        await desk.begin()
    assert desk.timeline is None


async def test_nothing_is_heard_before_the_key(desk: Desk) -> None:
    desk.keys.allowed.clear()
    begun = asyncio.ensure_future(desk.begin())
    await asyncio.sleep(0)
    assert desk.timeline is None and not desk.path.exists()
    desk.keys.allowed.set()
    await begun
    assert desk.timeline is not None and desk.path.exists()


@pytest.mark.parametrize("how", ["stopped", "leg gone", "cancelled"])
async def test_a_track_that_is_not_wanted_any_more_leaves_no_file(desk: Desk, how: str) -> None:
    desk.keys.allowed.clear()
    begun = asyncio.ensure_future(desk.begin())
    await asyncio.sleep(0)
    if how == "stopped":
        with pytest.raises(UnknownTrack):
            desk.recorder.stop(REQUEST.session, REQUEST.track)
    elif how == "leg gone":
        desk.leg_there = False
    desk.keys.allowed.set()
    if how == "cancelled":
        async with asyncio.timeout(5):
            while not desk.path.exists():
                await asyncio.sleep(0)
                begun.cancel()
    with pytest.raises((UnknownTrack, UnknownLeg, asyncio.CancelledError)):
        await begun
    async with asyncio.timeout(5):
        while desk.path.exists():
            await asyncio.sleep(0.001)
    assert desk.timeline is None


async def test_a_session_that_is_forgotten_completes_its_tracks(desk: Desk) -> None:
    await desk.begin()
    desk.speak(2)
    desk.recorder.end(REQUEST.session, REQUEST.leg)
    desk.recorder.forget(REQUEST.session)
    await desk.recorder.settle()
    assert desk.opened()[1]
    with pytest.raises(UnknownTrack):
        desk.recorder.command(REQUEST.session, REQUEST.track, "pause")


async def test_keys_that_are_away_are_one_error() -> None:
    class Away:
        async def resolve(self, *_: object) -> None:
            raise Unavailable("no socket")

    with pytest.raises(KeysUnavailable):
        await TrackKeys(Away()).leaf(REQUEST)  # type: ignore[arg-type]
