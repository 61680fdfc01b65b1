"""The platform's own key to a customer-held recording ends with the time allowed for analysis."""

from __future__ import annotations

import logging
from itertools import groupby
from uuid import UUID

from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.rules.states import DELETED
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import across_tenants

BATCH = 500
_ACTOR = "job:end_analysis"
_log = logging.getLogger("ringfence.recordings")


def end_analysis() -> int:
    """Destroy the item keys of what is due; how many recordings that was.

    Afterwards only the customer's private key opens the objects, which stay. The destruction names
    the tracks and not the recording, which tells it from a deletion (see ``erasure``).
    """
    now = clock().now()
    with across_tenants("end analysis") as db:
        due = list(
            Recording.objects.using(db)
            .filter(analysis_until__lte=now, analysis_ended_at=None)
            .exclude(state=DELETED)
            .order_by("tenant_id")
            .values_list("tenant_id", "id")[:BATCH]
        )
    for tenant_id, pairs in groupby(due, key=lambda pair: pair[0]):
        recordings = [recording for _, recording in pairs]
        keys().destroy(tenant_id, Destruction(items=_tracks(recordings)), actor=_ACTOR)
        with across_tenants("end analysis") as db:
            ended = Recording.objects.using(db).filter(id__in=recordings, analysis_ended_at=None)
            ended.update(analysis_ended_at=now)
    if due:
        _log.info("analysis ended", extra={"kv": {"recordings": len(due)}})
    return len(due)


def _tracks(recordings: list[UUID]) -> tuple[UUID, ...]:
    with across_tenants("end analysis") as db:
        rows = RecordingTrack.objects.using(db).filter(recording_id__in=recordings)
        return tuple(rows.values_list("id", flat=True))
