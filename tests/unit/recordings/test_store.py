"""Tracks on their way from media's disk to the object store; privacy's clean-up."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from tests.keys_fixture import Keys
from tests.recorded_calls import Recorded, World, recorded_world, ulaw_tone

from ringfence.domains.calls.api import NewEvent, append_events
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.queries import erasures_since
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings import erasure as erasing
from ringfence.domains.recordings.models import RecordingTrack
from ringfence.domains.recordings.usecases import store_tracks as storing
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.storage import ObjectStore, StorageUnavailable
from ringfence.platform_django.tenancy import OPERATOR

LEFT, RIGHT = ulaw_tone(440, 2), ulaw_tone(1000, 2)


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


def objects() -> set[str]:
    folder = django_settings.RINGFENCE.data_dir / "objects"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def files() -> set[str]:
    return {path.name for path in django_settings.RINGFENCE.track_dir.rglob("*") if path.is_file()}


def later_kinds(made: Recorded) -> list[tuple[int, str]]:
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute(
            "SELECT seq, kind FROM calls_journal WHERE call_id = %s AND seq >= 1000000 ORDER BY 1",
            [made.call],
        )
        return list(cursor.fetchall())


def state(world: World, made: Recorded) -> str:
    return recordings.get_recording(made.tenant, made.recording).state


def test_an_ended_recording_moves_into_the_store(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    assert objects() == {made.caller_track.hex, made.callee_track.hex}
    assert files() == set()
    info = recordings.get_recording(made.tenant, made.recording)
    assert [(item.samples, item.duration_ms, item.complete) for item in info.tracks] == [
        (16_000, 2000, True)
    ] * 2
    assert later_kinds(made) == [(1_000_000, "recording.stored")]
    assert world.store() == 0
    recordings.project_recordings([made.call])
    assert recordings.get_recording(made.tenant, made.recording) == info


class Killed(BaseException):
    """The process dies here."""


def die(*args: Any, **kwargs: Any) -> Any:
    raise Killed


@pytest.mark.parametrize(
    "kill",
    [
        lambda patch: patch.setattr(storing, "inspect", die),
        lambda patch: patch.setattr(storing, "_mark_stored", die),
        lambda patch: patch.setattr(Path, "unlink", die),
        lambda patch: patch.setattr(storing, "append_event", die),
    ],
    ids=["before", "uploaded", "marked", "at the end"],
)
def test_a_crash_anywhere_is_made_good(
    world: World, kill: Callable[[pytest.MonkeyPatch], None]
) -> None:
    made = world.record(LEFT, RIGHT, store=False)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill(patch)
        world.store()
    assert state(world, made) == "completed"
    assert world.store() == 1
    recordings.remove_leftovers()
    assert state(world, made) == "stored"
    assert objects() == {made.caller_track.hex, made.callee_track.hex}
    assert files() == set()
    assert later_kinds(made) == [(1_000_000, "recording.stored")]


def test_a_store_that_is_away_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.record(LEFT, RIGHT, store=False)

    def away(*args: Any) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "put_file", away)
        assert world.store() == 0
    assert files() == {made.caller_track.hex, made.callee_track.hex}
    with monkeypatch.context() as patch:
        patch.setattr("ringfence.platform.storage._LocalFolder._size", lambda self, key: 1)
        assert world.store() == 0
    assert len(files()) == 2
    assert world.store() == 1


def test_a_file_without_its_end_is_left_alone_while_it_may_grow(world: World) -> None:
    made = world.record(LEFT, RIGHT, cut=1, completed=False, store=False)
    with made.file(made.caller_track).open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)  # as its writer does for as long as it lives
        assert world.store() == 0
        assert made.caller_track.hex in files()
    assert world.store() == 1
    info = recordings.get_recording(made.tenant, made.recording)
    assert [(item.role, item.complete, item.samples) for item in info.tracks] == [
        ("callee", True, 16_000),
        ("caller", False, 0),
    ]
    assert info.complete is False


def test_one_that_waits_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "BATCH", 1)
    for _ in range(2):
        waiting = world.record(LEFT, RIGHT, store=False)
        waiting.file(waiting.caller_track).unlink()
    made = world.record(LEFT, RIGHT, store=False)
    assert world.store() == 1
    assert state(world, made) == "stored"


def test_a_track_that_never_came_is_lost_after_a_day(world: World) -> None:
    made = world.record(LEFT, RIGHT, store=False)
    made.file(made.caller_track).unlink()
    world.keys.clock.advance(timedelta(hours=23))
    assert world.store() == 0
    world.keys.clock.advance(timedelta(hours=2))
    assert world.store() == 1
    states = {track.role: track.state for track in _tracks(made)}
    assert states == {"caller": "lost", "callee": "stored"}


def _tracks(made: Recorded) -> list[RecordingTrack]:
    rows = RecordingTrack.objects.using(OPERATOR).filter(recording_id=made.recording)
    return list(rows)


def test_files_that_nobody_knows_go_after_a_day(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    made = world.record(LEFT, RIGHT, store=False)
    stray = made.file(uuid7(world.keys.clock))
    stray.write_bytes(b"left over")
    assert recordings.remove_leftovers() == 0
    world.keys.clock.advance(timedelta(hours=25))
    assert recordings.remove_leftovers() == 1
    assert files() == {made.caller_track.hex, made.callee_track.hex}
    assert "left-over track files deleted" in caplog.messages
    assert stray.name not in caplog.text


def test_erasing_one_speaker_destroys_every_track_of_the_call(world: World) -> None:
    made = world.record(LEFT, RIGHT, numbers=("+14155550100", "+12125550111"))
    other = world.record(LEFT, RIGHT, numbers=("+13035550122", "+12125550133"))
    with world.worker():
        privacy.destroy_person(made.tenant, made.callee_person, actor="test")
    assert objects() == {other.caller_track.hex, other.callee_track.hex}
    info = recordings.get_recording(made.tenant, made.recording)
    assert (info.state, info.deletion_reason, info.marks, info.basis) == (
        "deleted",
        "erasure",
        (),
        None,
    )
    assert later_kinds(made)[-1][1] == "recording.deleted"
    recordings.project_recordings([made.call])
    again = recordings.get_recording(made.tenant, made.recording)
    assert (again.state, again.basis) == ("deleted", None)
    assert state(world, other) == "stored"


def test_a_day_that_expires_takes_its_recordings(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    world.keys.clock.advance(timedelta(days=1))
    younger = world.record(LEFT, RIGHT)
    with world.worker():
        privacy.expire(made.tenant, "content", "recordings", made.day, actor="test")
    assert objects() == {younger.caller_track.hex, younger.callee_track.hex}
    assert state(world, made) == "deleted"
    assert state(world, younger) == "stored"
    assert recordings.get_recording(made.tenant, made.recording).deletion_reason == "retention"


def test_a_day_ends_in_batches_and_each_call_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_BATCH", 2)
    made = [world.record(LEFT, RIGHT) for _ in range(3)]
    told = NewEvent(made[0].call, made[0].tenant, EventKind.RECORDING_DELETED, {"n": 1})
    append_events([told, told])
    before = [later_kinds(one) for one in made]
    first = before[0][-1][0]
    assert [seq for seq, _ in before[0]][-2:] == [first - 1, first]
    with world.worker():
        privacy.expire(made[0].tenant, "content", "recordings", made[0].day, actor="test")
    assert objects() == set()
    assert [state(world, one) for one in made] == ["deleted"] * 3
    for one, earlier in zip(made, before, strict=True):
        last = earlier[-1][0]
        assert later_kinds(one) == [*earlier, (last + 1, "recording.deleted")]
    with world.worker():
        for order in erasures_since(world.keys.clock.now() - timedelta(days=1)):
            privacy.sweep_again(order)
    assert [len(later_kinds(one)) for one in made] == [len(earlier) + 1 for earlier in before]


def test_deleted_before_it_was_stored(world: World) -> None:
    made = world.record(LEFT, RIGHT, store=False)
    with world.worker():
        recordings.destroy_recording(made.tenant, made.recording, reason="request", actor="test")
    assert files() == objects() == set()
    assert world.store() == 0
    with world.worker():
        recordings.destroy_recording(made.tenant, made.recording, reason="request", actor="test")
    assert [kind for _, kind in later_kinds(made)] == ["recording.deleted"]


def test_deleted_while_it_is_being_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.record(LEFT, RIGHT, store=False)
    put = ObjectStore.put_file

    def put_and_delete(store: ObjectStore, key: str, path: Path) -> None:
        put(store, key, path)
        recordings.destroy_recording(made.tenant, made.recording, reason="request", actor="test")
        put(store, key, _copy(path))

    def _copy(path: Path) -> Path:
        path.write_bytes(b"late")
        return path

    monkeypatch.setattr(ObjectStore, "put_file", put_and_delete)
    monkeypatch.setattr("ringfence.platform.storage._LocalFolder._size", _size_of(made))
    world.store()
    assert objects() == set()
    assert state(world, made) == "deleted"


def _size_of(made: Recorded) -> Callable[[ObjectStore, str], int]:
    sizes = {
        track.hex: made.file(track).stat().st_size
        for track in (made.caller_track, made.callee_track)
    }
    return lambda store, key: sizes[key.rpartition("/")[2]]


def test_another_tenants_recording_is_not_destroyed(world: World) -> None:
    made = world.record(LEFT, RIGHT)
    with world.worker(), pytest.raises(RingfenceError):
        recordings.destroy_recording(world.bolt, made.recording, reason="request", actor="test")
    assert state(world, made) == "stored"
