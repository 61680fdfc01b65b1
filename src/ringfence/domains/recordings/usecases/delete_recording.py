"""A recording is deleted: its keys first, then its objects, then what its rows say of it."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.privacy import api as privacy
from ringfence.domains.recordings.contracts import DeletionReason, RecordingNotFound
from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.rules.states import DELETED
from ringfence.platform_django.tenancy import across_tenants, tenant
from ringfence.platform_django.use import current_actor


def request_deletion(tenant_id: UUID, recording_id: UUID) -> None:
    """From now on nobody opens the recording; a job of the caller's transaction destroys it.

    Repeating it changes nothing. Raises RecordingNotFound.
    """
    with tenant(tenant_id):
        row = Recording.objects.filter(id=recording_id).first()
        if row is None:
            raise RecordingNotFound("no such recording")
        rows = Recording.objects.filter(id=recording_id, deletion_reason=None)
        if row.state == DELETED or not rows.update(deletion_reason="request"):
            return
        tracks = RecordingTrack.objects.filter(recording_id=recording_id)
        items = [recording_id, *tracks.values_list("id", flat=True)]
        privacy.request_items_erasure(tenant_id, items, actor=current_actor(), reason="request")


def destroy_recording(
    tenant_id: UUID, recording_id: UUID, *, reason: DeletionReason, actor: str
) -> None:
    """Delete a recording now. Needs the right to destroy keys; not part of a transaction.

    Returns when its keys are dead and its objects gone; may be repeated. Raises RecordingNotFound,
    Unavailable.
    """
    with across_tenants("delete recording") as db:
        rows = Recording.objects.using(db).filter(id=recording_id, tenant_id=tenant_id)
        if not rows.exists():
            raise RecordingNotFound("no such recording")
        rows.filter(deletion_reason=None).update(deletion_reason=reason)
        tracks = RecordingTrack.objects.using(db).filter(recording_id=recording_id)
        items = [recording_id, *tracks.values_list("id", flat=True)]
    privacy.destroy_items(tenant_id, items, actor=actor, reason=reason)
