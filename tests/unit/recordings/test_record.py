"""Events of a call become its recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from ringfence.domains.recordings.contracts import RecordingInfo
from ringfence.domains.recordings.rules.recording_record import recordings
from ringfence.kernel.clock import to_micros
from ringfence.kernel.events import CallEvent, EventKind

TENANT, CALL, RECORDING = UUID(int=1), UUID(int=2), UUID(int=3)
CALLER, CALLEE = UUID(int=10), UUID(int=11)
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STARTED: dict[str, Any] = {
    "recording": RECORDING.hex,
    "basis": "one_party:TX",
    "rule": "recordings",
    "day": 20779,
    "gap": "tone",
    "customer_keys": [],
    "tracks": [
        {"track": CALLER.hex, "leg": UUID(int=20).hex, "role": "caller", "person": "00" * 16},
        {"track": CALLEE.hex, "leg": UUID(int=21).hex, "role": "callee", "person": "01" * 16},
    ],
}


def event(seq: int, kind: EventKind, seconds: float, **data: Any) -> CallEvent:
    at = to_micros(START) + int(seconds * 1_000_000)
    return CallEvent(CALL, seq, at, kind, TENANT, data)


def about(**data: Any) -> dict[str, Any]:
    return {"recording": RECORDING.hex} | data


BEGUN = [
    event(1, EventKind.RECORDING_STARTED, 0, **STARTED),
    event(2, EventKind.RECORDING_PAUSED, 5, **about(offset_ms=5000)),
    event(3, EventKind.RECORDING_RESUMED, 8, **about(offset_ms=8000)),
    event(4, EventKind.RECORDING_PAUSED, 9, **about(offset_ms=9000)),
]
COMPLETED = event(
    5,
    EventKind.RECORDING_COMPLETED,
    10,
    **about(
        duration_ms=10_000,
        tracks=[{"track": CALLER.hex, "duration_ms": 9990, "bytes": 80_000, "complete": True}],
    ),
)
ENDED = event(6, EventKind.CALL_ENDED, 11, reason="caller_hangup", by="caller")


def only(*events: CallEvent) -> RecordingInfo:
    (found,) = recordings(events)
    return found


def test_while_it_is_made() -> None:
    info = only(*BEGUN)
    assert (info.id, info.tenant_id, info.call_id) == (RECORDING, TENANT, CALL)
    assert (info.state, info.started_at, info.ended_at) == ("recording", START, None)
    assert info.marks == ((5000, 8000), (9000, None))
    assert [(track.id, track.role) for track in info.tracks] == [
        (CALLER, "caller"),
        (CALLEE, "callee"),
    ]
    assert info.complete is None


def test_completed_tells_of_its_tracks() -> None:
    info = only(*BEGUN, COMPLETED, ENDED)
    assert (info.state, info.duration_ms) == ("completed", 10_000)
    assert info.ended_at == START.replace(second=10)
    assert [(track.complete, track.bytes) for track in info.tracks] == [
        (True, 80_000),
        (None, None),
    ]


def test_a_crash_leaves_open_what_became_of_the_tracks() -> None:
    info = only(*BEGUN, ENDED)
    assert (info.state, info.duration_ms, info.ended_at) == (
        "completed",
        11_000,
        START.replace(second=11),
    )
    assert [track.complete for track in info.tracks] == [None, None]
    heartbeat = to_micros(START) + 7_000_000
    billed = event(6, EventKind.CALL_ENDED, 60, reason="engine_crash", at_micros=heartbeat)
    assert only(*BEGUN, billed).ended_at == START.replace(second=7)


def test_what_the_platform_says_later() -> None:
    stored = event(1_000_000, EventKind.RECORDING_STORED, 20, **about())
    deleted = event(1_000_001, EventKind.RECORDING_DELETED, 30, **about(reason="erasure"))
    assert only(*BEGUN, COMPLETED, ENDED, stored).state == "stored"
    info = only(*BEGUN, COMPLETED, ENDED, stored, deleted)
    assert (info.state, info.deletion_reason, info.marks) == ("deleted", "erasure", ())
    assert only(*BEGUN, COMPLETED, ENDED, deleted, stored).state == "deleted"


def test_calls_without_a_recording_and_events_of_nobody() -> None:
    assert recordings([ENDED]) == ()
    assert recordings([event(1, EventKind.RECORDING_PAUSED, 0, **about(offset_ms=1))]) == ()
    nobody = CallEvent(CALL, 1, 0, EventKind.RECORDING_STARTED, None, STARTED)
    assert recordings([nobody]) == ()


def test_an_event_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"recording\.started"):
        only(event(1, EventKind.RECORDING_STARTED, 0, recording=RECORDING.hex))
