"""What recordings add to a person's package: what the person themselves said, each track alone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from ringfence.domains.privacy.api import register_package_part
from ringfence.domains.privacy.contracts import PackagePart
from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.queries import with_tracks
from ringfence.domains.recordings.rules.states import DELETED, LOST
from ringfence.domains.recordings.usecases.open_audio import open_track
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.tenancy import OPERATOR


def register() -> None:
    """Called when the app is ready."""
    register_package_part(tracks_of_person)


def tracks_of_person(tenant: UUID, person: UUID) -> Iterator[PackagePart]:
    """Every track of the person that is there. One that does not open, as a customer-held one does
    not after its analysis, is listed with the reason. Raises Unavailable."""
    spoken = RecordingTrack.objects.using(OPERATOR).filter(tenant_id=tenant, person_id=person)
    own = set(spoken.exclude(state__in=(DELETED, LOST)).values_list("recording_id", flat=True))
    rows = Recording.objects.using(OPERATOR).filter(tenant_id=tenant, id__in=own)
    for info in with_tracks(rows.order_by("id"), OPERATOR):
        for track in info.tracks:
            if track.person_id != person or track.state in (DELETED, LOST):
                continue
            recording = public_id(Prefix.RECORDING, info.id)
            name = f"recordings/{recording}-{track.id.hex}.wav"
            about = {"recording": recording, "started_at": info.started_at.isoformat()}
            try:
                body, error = open_track(info, track).body, None
            except Unavailable:
                raise
            except RingfenceError as refused:
                body, error = None, refused.code
            yield PackagePart(name, about, body, error)
