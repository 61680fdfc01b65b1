"""Recordings follow the journal: the events of a call, folded, are its recordings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.recordings.contracts import RecordingInfo, TrackInfo
from ringfence.domains.recordings.rules.recording_record import KINDS, recordings
from ringfence.kernel.clock import to_micros
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.platform_django.projection import begin_projection
from ringfence.platform_django.tenancy import across_tenants

_EVENTS = """
    SELECT call_id, seq, at, kind, tenant_id, data FROM calls_journal
    WHERE call_id = ANY(%s) AND kind = ANY(%s) ORDER BY call_id, seq
"""
_HOURS = "SELECT tenant_id, analysis_hours FROM recordings_settings WHERE tenant_id = ANY(%s)"
_DEFAULT_HOURS = 24
_RECORDINGS = """
    INSERT INTO recordings_recording AS known (
        id, tenant_id, call_id, started_at, ended_at, state, basis, rule, day, gap, marks,
        customer_keys, duration_ms, analysis_until, deletion_reason, custody
    )
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[],
        %s::text[], %s::text[], %s::integer[], %s::text[], %s::jsonb[], %s::jsonb[], %s::bigint[],
        %s::timestamptz[], %s::text[], %s::text[]
    )
    ON CONFLICT (id) DO UPDATE SET
        ended_at = excluded.ended_at, marks = excluded.marks, duration_ms = excluded.duration_ms,
        state = CASE WHEN known.state = 'stored' THEN known.state ELSE excluded.state END,
        analysis_until = coalesce(known.analysis_until, excluded.analysis_until)
    WHERE known.state <> 'deleted'
"""
_TRACKS = """
    INSERT INTO recordings_track AS known (
        id, leg_id, role, person_id, duration_ms, bytes, samples, complete, state,
        tenant_id, recording_id, call_id
    )
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::boolean[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[]
    )
    ON CONFLICT (id) DO UPDATE SET
        duration_ms = excluded.duration_ms, bytes = excluded.bytes, complete = excluded.complete
    WHERE known.state = 'recording'
"""
_track = attrgetter(*TrackInfo.__slots__)


def project_recordings(calls: Collection[UUID]) -> None:
    """Bring the recordings of ``calls`` up to date with the journal.

    One transaction, as the operator's role. Made from all events of each call, and never back from
    what the platform itself has done with a recording: doing it again is harmless. Raises
    django.db.Error; ValueError for an event that is not as kernel.events says.
    """
    if not calls:
        return
    with across_tenants("projection") as alias, connections[alias].cursor() as cursor:
        begin_projection(cursor)
        cursor.execute(_EVENTS, [list(calls), [kind.value for kind in KINDS]])
        found = [
            info
            for _, events in groupby(_events(cursor.fetchall()), key=attrgetter("call"))
            for info in recordings(events)
        ]
        if not found:
            return
        cursor.execute(_HOURS, [list({info.tenant_id for info in found})])
        hours = dict(cursor.fetchall())
        rows = [_row(info, hours.get(info.tenant_id, _DEFAULT_HOURS)) for info in found]
        cursor.execute(_RECORDINGS, _columns(rows))
        tracks = [
            (*_track(track), info.tenant_id, info.id, info.call_id)
            for info in found
            for track in info.tracks
        ]
        if tracks:
            cursor.execute(_TRACKS, _columns(tracks))


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _row(info: RecordingInfo, analysis_hours: int) -> tuple[Any, ...]:
    analysis_until = None
    if info.customer_keys and info.custody == "platform" and info.ended_at is not None:
        analysis_until = info.ended_at + timedelta(hours=analysis_hours)
    marks = None if info.deletion_reason else _json(info.marks)
    return (
        info.id, info.tenant_id, info.call_id, info.started_at, info.ended_at, info.state,
        info.basis, info.rule, info.day, info.gap, marks, _json(info.customer_keys),
        info.duration_ms, analysis_until, info.deletion_reason, info.custody,
    )  # fmt: skip


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _events(rows: Iterable[tuple[Any, ...]]) -> Iterator[CallEvent]:
    for call, seq, at, kind, tenant, data in rows:
        yield CallEvent(
            call, seq, to_micros(at), EventKind(kind), tenant, msgspec.json.decode(data)
        )
