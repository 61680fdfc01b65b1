"""How the events of one call become its recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from ringfence.domains.recordings.contracts import Custody, RecordingInfo, TrackInfo
from ringfence.domains.recordings.rules.states import COMPLETED, DELETED, RECORDING, STORED
from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent, EventKind

KINDS = (
    EventKind.RECORDING_STARTED,
    EventKind.RECORDING_PAUSED,
    EventKind.RECORDING_RESUMED,
    EventKind.RECORDING_COMPLETED,
    EventKind.RECORDING_STORED,
    EventKind.RECORDING_DELETED,
    EventKind.CALL_ENDED,
)
"""What ``recordings`` looks at."""


class _Track(msgspec.Struct):
    track: UUID
    leg: UUID
    role: str
    person: UUID


class _Started(msgspec.Struct):
    recording: UUID
    rule: str
    day: int
    gap: str
    customer_keys: tuple[str, ...]
    tracks: tuple[_Track, ...]
    custody: Custody = "platform"
    basis: str | None = None  # it leaves the event with the person whose state it names


class _Mark(msgspec.Struct):
    recording: UUID
    offset_ms: int


class _TrackEnd(msgspec.Struct):
    track: UUID
    duration_ms: int
    bytes: int
    complete: bool


class _Completed(msgspec.Struct):
    recording: UUID
    duration_ms: int
    tracks: tuple[_TrackEnd, ...]


class _Platform(msgspec.Struct):
    recording: UUID
    reason: str | None = None


T = TypeVar("T")


def recordings(events: Iterable[CallEvent]) -> tuple[RecordingInfo, ...]:
    """The recordings of one call from its events so far, in order of ``seq``.

    A call that ended without saying so of its recording was cut off by a crash: what became of the
    tracks is unknown then. Raises ValueError for an event that is not as kernel.events says.
    """
    found: dict[UUID, RecordingInfo] = {}
    for event in events:
        if event.kind is EventKind.RECORDING_STARTED and event.tenant is not None:
            made = _started(event, event.tenant)
            found.setdefault(made.id, made)
        elif event.kind is EventKind.CALL_ENDED:
            for id_, info in found.items():
                if info.state == RECORDING:
                    found[id_] = _ended(info, event)
        elif event.kind in KINDS:
            about = _read(event, _Platform).recording
            if about in found:
                found[about] = _changed(found[about], event)
    return tuple(found.values())


def _started(event: CallEvent, tenant: UUID) -> RecordingInfo:
    data = _read(event, _Started)
    return RecordingInfo(
        id=data.recording,
        tenant_id=tenant,
        call_id=event.call,
        started_at=from_micros(event.at),
        ended_at=None,
        state=RECORDING,
        basis=data.basis,
        rule=data.rule,
        day=data.day,
        gap=data.gap,
        marks=(),
        customer_keys=data.customer_keys,
        duration_ms=None,
        analysis_until=None,
        deletion_reason=None,
        custody=data.custody,
        tracks=tuple(
            TrackInfo(
                item.track, item.leg, item.role, item.person, None, None, None, None, RECORDING
            )
            for item in data.tracks
        ),
    )


def _changed(info: RecordingInfo, event: CallEvent) -> RecordingInfo:
    if info.state == DELETED:
        return info
    match event.kind:
        case EventKind.RECORDING_PAUSED:
            mark = (_read(event, _Mark).offset_ms, None)
            return replace(info, marks=(*info.marks, mark))
        case EventKind.RECORDING_RESUMED if info.marks and info.marks[-1][1] is None:
            closed = (info.marks[-1][0], _read(event, _Mark).offset_ms)
            return replace(info, marks=(*info.marks[:-1], closed))
        case EventKind.RECORDING_COMPLETED:
            return _completed(info, event)
        case EventKind.RECORDING_STORED:
            return _in_state(info, STORED)
        case EventKind.RECORDING_DELETED:
            reason = _read(event, _Platform).reason
            return replace(_in_state(info, DELETED), marks=(), deletion_reason=reason)
    return info


def _completed(info: RecordingInfo, event: CallEvent) -> RecordingInfo:
    data = _read(event, _Completed)
    ends = {item.track: item for item in data.tracks}
    tracks = tuple(
        replace(track, duration_ms=end.duration_ms, bytes=end.bytes, complete=end.complete)
        if (end := ends.get(track.id)) is not None
        else track
        for track in info.tracks
    )
    return replace(
        info,
        state=COMPLETED,
        ended_at=from_micros(event.at),
        duration_ms=data.duration_ms,
        tracks=tracks,
    )


def _ended(info: RecordingInfo, event: CallEvent) -> RecordingInfo:
    micros: Any = event.data.get("at_micros")
    ended_at = max(info.started_at, from_micros(micros if isinstance(micros, int) else event.at))
    length = int((ended_at - info.started_at).total_seconds() * 1000)
    return replace(info, state=COMPLETED, ended_at=ended_at, duration_ms=length)


def _in_state(info: RecordingInfo, state: str) -> RecordingInfo:
    tracks = tuple(replace(track, state=state) for track in info.tracks)
    return replace(info, state=state, tracks=tracks)


def _read(event: CallEvent, kind: type[T]) -> T:
    try:
        return msgspec.convert(event.data, kind)
    except msgspec.ValidationError:
        raise ValueError(f"{event.kind} is not of its form") from None
