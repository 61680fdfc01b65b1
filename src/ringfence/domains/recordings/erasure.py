"""What recordings do for privacy: find the items to destroy, and clean up after their keys.

Items are the tracks, and one more name: the recording's own id. No key has it. It stands for the
objects: a destruction that names it deletes them and the rows' facts. One that names all tracks of
a customer-held recording, and not the recording, ends the platform's access; the objects stay for
the customer. The erasure journal keeps that difference, so that a restore repeats the right one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from ringfence.domains.calls.api import (
    NewEvent,
    append_events,
    calls_of_person,
    strip_events,
)
from ringfence.domains.privacy.api import (
    register_file_removal,
    register_item_cleanup,
    register_items_of_bucket,
    register_items_of_person,
    register_next_item_day,
    register_person_cleanup,
)
from ringfence.domains.recordings.contracts import RecordingInfo
from ringfence.domains.recordings.models import Recording, RecordingTrack
from ringfence.domains.recordings.queries import with_tracks
from ringfence.domains.recordings.rules.states import DELETED
from ringfence.domains.recordings.track_file import local_path, object_key, object_store
from ringfence.kernel.events import EventKind
from ringfence.kernel.fields import CONTENT, CUSTOMER_RECORDINGS
from ringfence.platform_django.clock import clock
from ringfence.platform_django.projection import wait_for_projections
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

_BASIS = "basis"
_BATCH = 200
"""Recordings whose rows change in one transaction: writers of the journal wait for its end."""
_WITH_BASIS = (EventKind.RECORDING_ANNOUNCED, EventKind.RECORDING_STARTED)


def register() -> None:
    """Called when the app is ready."""
    register_items_of_person(items_of_person)
    register_items_of_bucket(items_of_bucket)
    register_next_item_day(next_item_day)
    register_item_cleanup(clean_up)
    register_person_cleanup(forget_basis)
    register_file_removal(remove_files)


def items_of_person(tenant: UUID, person: UUID) -> list[UUID]:
    """Of every recording that the person speaks in, also the other speakers' tracks."""
    spoken = RecordingTrack.objects.using(OPERATOR).filter(tenant_id=tenant, person_id=person)
    recordings = set(spoken.values_list("recording_id", flat=True))
    tracks = RecordingTrack.objects.using(OPERATOR).filter(recording_id__in=recordings)
    return [*recordings, *tracks.values_list("id", flat=True)]


def items_of_bucket(
    tenant: UUID | None, category: str, rule: str, day: int
) -> list[tuple[UUID, UUID]]:
    """Tenant and id of each item that ends with a day."""
    if category != CONTENT:
        return []
    rows = Recording.objects.using(OPERATOR).filter(rule=rule, day=day)
    if tenant is not None:
        rows = rows.filter(tenant_id=tenant)
    owners = dict(rows.values_list("id", "tenant_id"))
    tracks = RecordingTrack.objects.using(OPERATOR).filter(recording_id__in=owners)
    return [(owner, id_) for id_, owner in owners.items()] + list(
        tracks.values_list("tenant_id", "id")
    )


def next_item_day(tenant: UUID, category: str, rule: str, first: int, end: int) -> int | None:
    """The first day from ``first`` on, before ``end``, of which the tenant has recordings."""
    if category != CONTENT:
        return None
    rows = Recording.objects.using(OPERATOR).filter(tenant_id=tenant, rule=rule)
    days = rows.filter(day__gte=first, day__lt=end).order_by("day").values_list("day", flat=True)
    return days.first()


def forget_basis(tenant: UUID, person: UUID) -> int:
    """The rule that decided about an announcement may name the state of any party of a call."""
    calls = calls_of_person(tenant, person)
    cleared = strip_events(calls, _WITH_BASIS, _BASIS)
    wait_for_projections()
    with across_tenants("clean up recordings") as db:
        rows = Recording.objects.using(db).filter(tenant_id=tenant, call_id__in=calls)
        return cleared + rows.exclude(basis=None).update(basis=None)


def clean_up(tenant: UUID, items: Sequence[UUID], reason: str) -> None:
    """The keys of these items are dead: delete objects, clear rows. May be repeated."""
    with across_tenants("clean up recordings") as db:
        rows = Recording.objects.using(db).filter(tenant_id=tenant)
        tracks = RecordingTrack.objects.using(db).filter(tenant_id=tenant, id__in=items)
        named = set(rows.filter(id__in=items).values_list("id", flat=True))
        touched = set(tracks.values_list("recording_id", flat=True)) | named
        found = with_tracks(rows.filter(id__in=touched), db)
    gone, dying = [info for info in found if info.id in named], set(items)
    for first in range(0, len(gone), _BATCH):
        _delete(gone[first : first + _BATCH], reason)
    for info in found:
        dead = {track.id for track in info.tracks} & dying
        if info.id in named:
            continue
        elif info.rule == CUSTOMER_RECORDINGS and len(dead) == len(info.tracks):
            _end_analysis(info)
        else:  # one speaker's part alone
            _delete_tracks(info, dead)


def remove_files(tenant: UUID, held: Collection[UUID]) -> None:
    """Every track of a tenant at its end, whatever the rows know of."""
    kept = {item.hex for item in held}
    store = object_store()
    for key in list(store.list(tenant.hex)):
        if key.rpartition("/")[2] not in kept:
            store.delete(key)
    folder = local_path(tenant, tenant).parent
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _delete(found: Sequence[RecordingInfo], reason: str) -> None:
    """``reason``: of those that have none yet."""
    _delete_objects([(info, track.id) for info in found for track in info.tracks])
    with across_tenants("clean up recordings") as db:
        ids = [info.id for info in found]
        tracks = RecordingTrack.objects.using(db).filter(recording_id__in=ids)
        tracks.exclude(state=DELETED).update(state=DELETED)
        there = Recording.objects.using(db).filter(id__in=ids).exclude(state=DELETED)
        fresh = set(there.order_by("id").select_for_update().values_list("id", flat=True))
        new = [(info, info.deletion_reason or reason) for info in found if info.id in fresh]
        for why in sorted({why for _, why in new}):
            own = [info for info, its in new if its == why]
            rows = Recording.objects.using(db).filter(id__in=[info.id for info in own])
            rows.update(state=DELETED, deletion_reason=why, marks=None)
            if why != "request":
                rows.update(basis=None)  # it names the state of a party
                strip_events({info.call_id for info in own}, _WITH_BASIS, _BASIS)
        append_events([_deleted(info, why) for info, why in new])


def _deleted(info: RecordingInfo, reason: str) -> NewEvent:
    told = {"recording": info.id.hex, "reason": reason}
    return NewEvent(info.call_id, info.tenant_id, EventKind.RECORDING_DELETED, told)


def _delete_tracks(info: RecordingInfo, items: set[UUID]) -> None:
    _delete_objects([(info, item) for item in items])
    with across_tenants("clean up recordings") as db:
        tracks = RecordingTrack.objects.using(db).filter(recording_id=info.id, id__in=items)
        tracks.update(state=DELETED)


def _delete_objects(tracks: Sequence[tuple[RecordingInfo, UUID]]) -> None:
    for info, track in tracks:
        local_path(info.tenant_id, track).unlink(missing_ok=True)
    object_store().delete_all(object_key(info.tenant_id, track, info.day) for info, track in tracks)


def _end_analysis(info: RecordingInfo) -> None:
    with across_tenants("clean up recordings") as db:
        rows = Recording.objects.using(db).filter(id=info.id, analysis_ended_at=None)
        rows.update(analysis_ended_at=clock().now())
