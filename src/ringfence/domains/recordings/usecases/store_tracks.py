"""Tracks of ended calls go from the disk that media writes to into the object store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from ringfence.domains.calls.api import append_event
from ringfence.domains.recordings.contracts import RecordingInfo, TrackInfo
from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.queries import with_tracks
from ringfence.domains.recordings.rules.states import COMPLETED, DELETED, LOST, RECORDING, STORED
from ringfence.domains.recordings.track_file import (
    Inspection,
    inspect,
    local_path,
    object_key,
    object_store,
)
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import Notice
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import Prefix, public_id, uuid7_millis
from ringfence.platform.storage import StorageUnavailable
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

BATCH = 100
_LOST = timedelta(days=1)
_SAMPLES_PER_MS = 8
_log = logging.getLogger("ringfence.recordings")


class StoredWrong(RingfenceError):
    """The object store does not hold what was put there."""

    code = "stored_wrong"


def store_tracks() -> int:
    """Store what is complete, or will not become so; how many recordings are now stored.

    Each step may be repeated: a crash anywhere costs an upload at most. The local file goes last.
    """
    stored = 0
    for info in _waiting():
        try:
            stored += _store(info)
        except (OSError, RingfenceError) as error:
            code = getattr(error, "code", type(error).__name__)
            kv = {"recording": info.id.hex, "code": code}
            _log.error("recording could not be stored", extra={"kv": kv})
            if isinstance(error, StorageUnavailable):
                break
    return stored


def _waiting() -> Iterator[RecordingInfo]:
    """Oldest first; one that has to wait longer holds up no other."""
    last = UUID(int=0)
    while True:
        with across_tenants("store tracks") as db:
            rows = Recording.objects.using(db).filter(
                state=COMPLETED, deletion_reason=None, id__gt=last
            )
            batch = with_tracks(rows.order_by("id")[:BATCH], db)
        if not batch:
            return
        yield from batch
        last = batch[-1].id


def _store(info: RecordingInfo) -> bool:
    """Whether every track of it is settled now."""
    settled = [_store_track(info, track) for track in info.tracks if track.state == RECORDING]
    if not all(settled):
        return False
    with across_tenants("store tracks") as db:
        known = Recording.objects.using(db).filter(id=info.id, state=COMPLETED)
        if known.update(state=STORED):
            _tell(info)
            append_event(
                info.call_id,
                info.tenant_id,
                EventKind.RECORDING_STORED,
                {"recording": info.id.hex},
            )
    return True


def _tell(info: RecordingInfo) -> None:
    data = {
        "recording": public_id(Prefix.RECORDING, info.id),
        "call": public_id(Prefix.CALL, info.call_id),
    }
    kind, key = EventKind.RECORDING_STORED, f"{info.id.hex}:stored"
    webhooks.enqueue_notices([Notice(info.tenant_id, kind, data, key)])


def _store_track(info: RecordingInfo, track: TrackInfo) -> bool:
    path = local_path(info.tenant_id, track.id)
    ended = info.ended_at or info.started_at
    try:
        found = inspect(path)
    except FileNotFoundError:
        return clock().now() >= ended + _LOST and _mark_lost(track)
    if found.writing:
        return False
    key = object_key(info.tenant_id, track.id, info.day)
    store = object_store()
    store.put_file(key, path)
    if store.size(key) != found.bytes:
        raise StoredWrong("the object is not as long as the file")
    if not _mark_stored(track, found):
        store.delete(key)  # it was deleted meanwhile
    path.unlink(missing_ok=True)
    return True


def _mark_stored(track: TrackInfo, found: Inspection) -> bool:
    return _mark(
        track,
        state=STORED,
        bytes=found.bytes,
        samples=found.samples,
        complete=found.complete,
        duration_ms=found.samples // _SAMPLES_PER_MS,
    )


def _mark_lost(track: TrackInfo) -> bool:
    _mark(track, state=LOST, bytes=0, samples=0, complete=False, duration_ms=0)
    _log.error("track lost", extra={"kv": {"track": track.id.hex}})
    return True


def _mark(track: TrackInfo, **values: Any) -> bool:
    with across_tenants("store tracks") as db:
        rows = RecordingTrack.objects.using(db).filter(id=track.id, state=RECORDING)
        return rows.update(**values) == 1


def remove_leftovers() -> int:
    """Delete local files that are stored, deleted, or that no row knows a day after they began.

    How many there were.
    """
    files = list(_track_files(settings.RINGFENCE.track_dir))
    known = dict(
        RecordingTrack.objects.using(OPERATOR)
        .filter(id__in=[track for track, _ in files])
        .values_list("id", "state")
    )
    oldest = clock().micros() // 1000 - _LOST // timedelta(milliseconds=1)
    removed = 0
    for track, path in files:
        state = known.get(track)
        unknown_for_a_day = state is None and uuid7_millis(track) < oldest
        if unknown_for_a_day or state in (STORED, DELETED):
            path.unlink(missing_ok=True)
            removed += 1
    if removed:
        _log.warning("left-over track files deleted", extra={"kv": {"count": removed}})
    return removed


def _track_files(folder: Path) -> list[tuple[UUID, Path]]:
    found = []
    for path in folder.glob("*/*"):
        try:
            found.append((UUID(hex=path.name), path))
        except ValueError:
            continue
    return found
