"""Reading recordings and settings, as the tenant that they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import cast
from uuid import UUID

from ringfence.domains.recordings.contracts import (
    ConsentOverride,
    Custody,
    Gap,
    RecordingFilter,
    RecordingInfo,
    RecordingNotFound,
    RecordingPage,
    SettingsInfo,
    TrackInfo,
)
from ringfence.domains.recordings.models import Recording, RecordingSettings, RecordingTrack
from ringfence.kernel.clock import to_micros
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform_django.tenancy import APP, tenant

MAX_PAGE = 200


def track_info(row: RecordingTrack) -> TrackInfo:
    return TrackInfo(
        id=row.id,
        leg_id=row.leg_id,
        role=row.role,
        person_id=row.person_id,
        duration_ms=row.duration_ms,
        bytes=row.bytes,
        samples=row.samples,
        complete=row.complete,
        state=row.state,
    )


def recording_info(row: Recording, tracks: Iterable[RecordingTrack]) -> RecordingInfo:
    return RecordingInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        call_id=row.call_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        state=row.state,
        basis=row.basis,
        rule=row.rule,
        day=row.day,
        gap=row.gap,
        marks=tuple((pause, resume) for pause, resume in row.marks or ()),
        customer_keys=tuple(row.customer_keys),
        duration_ms=row.duration_ms,
        analysis_until=row.analysis_until,
        deletion_reason=row.deletion_reason,
        custody=cast(Custody, row.custody),
        tracks=tuple(track_info(track) for track in tracks),
    )


def with_tracks(rows: Iterable[Recording], using: str = APP) -> tuple[RecordingInfo, ...]:
    """Recordings with their tracks, caller first: one query more."""
    rows = list(rows)
    tracks: dict[UUID, list[RecordingTrack]] = defaultdict(list)
    found = RecordingTrack.objects.using(using).filter(recording_id__in=[row.id for row in rows])
    for track in found.order_by("role", "id"):
        tracks[track.recording_id].append(track)
    return tuple(recording_info(row, tracks[row.id]) for row in rows)


def get_recording(tenant_id: UUID, recording_id: UUID) -> RecordingInfo:
    """One recording of the tenant. Raises RecordingNotFound."""
    with tenant(tenant_id):
        found = with_tracks(Recording.objects.filter(id=recording_id))
    if not found:
        raise RecordingNotFound("no such recording")
    return found[0]


def list_recordings(
    tenant_id: UUID,
    wanted: RecordingFilter,
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> RecordingPage:
    """The tenant's recordings, newest first."""
    limit = min(max(limit, 1), MAX_PAGE)
    with tenant(tenant_id):
        rows = Recording.objects.order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        if wanted.call_id is not None:
            rows = rows.filter(call_id=wanted.call_id)
        if wanted.since is not None:
            rows = rows.filter(id__gte=uuid7_floor(to_micros(wanted.since) // 1000))
        if wanted.until is not None:
            rows = rows.filter(id__lt=uuid7_floor(to_micros(wanted.until) // 1000))
        found = with_tracks(rows[: limit + 1])
    cursor = found[limit - 1].id if len(found) > limit else None
    return RecordingPage(found[:limit], cursor)


def get_settings(tenant_id: UUID) -> SettingsInfo:
    """The tenant's settings; without any, nothing is recorded."""
    with tenant(tenant_id):
        row = RecordingSettings.objects.filter(tenant_id=tenant_id).first()
    return SettingsInfo() if row is None else settings_info(row)


def settings_info(row: RecordingSettings) -> SettingsInfo:
    return SettingsInfo(
        enabled=row.enabled,
        gap=cast(Gap, row.gap),
        consent_override=cast("ConsentOverride | None", row.consent_override),
        prompt=row.prompt,
        customer_key=row.customer_key,
        analysis_hours=row.analysis_hours,
    )
