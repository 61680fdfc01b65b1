"""The steps of a destruction, each its own commit: keys, then rows and objects.

A job that is killed anywhere begins again at the state that its row shows; every step may be
repeated.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import F

from ringfence.domains.privacy.contracts import (
    RECORDS,
    ErasureInfo,
    ErasureNotFound,
    ErasureState,
)
from ringfence.domains.privacy.items import items_of_bucket, items_of_person
from ringfence.domains.privacy.models import ErasureOrder
from ringfence.domains.privacy.queries import is_held, own_items
from ringfence.domains.privacy.records import records_of
from ringfence.domains.privacy.usecases.certify import certificate
from ringfence.domains.privacy.usecases.clean_up import clean_up
from ringfence.domains.privacy.usecases.order_erasure import destruction_of, erasure_info
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform.keys.names import day_date
from ringfence.platform_django.clock import clock
from ringfence.platform_django.idempotency import keys_of_answers
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import OPERATOR, across_tenants


def carry_out(erasure_id: UUID) -> ErasureInfo:
    """Destroy what was ordered, as far as it is not done; returns the end of it.

    Raises ErasureNotFound, Unavailable while ``keys`` is away, django.db.Error.
    """
    row = _row(erasure_id)
    if row.state == ErasureState.ORDERED:
        _destroy(row)
        row = _row(erasure_id)
    if row.state == ErasureState.DESTROYED:
        _clean(row)
    return erasure_info(_row(erasure_id))


def sweep_again(erasure_id: UUID) -> int:
    """Repeat a finished destruction for what came late: events that were still on their way, items
    that were being made, what a hold had kept. Returns how many rows or new items there were."""
    row = _row(erasure_id)
    if row.kind == RECORDS:
        return _remove_records(row)
    known = destruction_of(row)
    late = _complete(row.tenant_id, known)
    fresh = set(late.items) - set(known.items)
    if known.everything:
        keys().destroy(row.tenant_id, known, actor=row.actor)
    elif fresh:
        _note(row, destruction=msgspec.to_builtins(late))
        keys().destroy(row.tenant_id, Destruction(items=tuple(sorted(fresh))), actor=row.actor)
    cleared = clean_up(row.tenant_id, late, row.reason)
    if cleared:
        _note(row, rows_cleared=F("rows_cleared") + cleared)
    return cleared + len(fresh)


def _destroy(row: ErasureOrder) -> None:
    """The items are noted before their keys die: afterwards nobody could find them all again."""
    if row.kind == RECORDS:
        _note(row, expected=ErasureState.ORDERED, state=ErasureState.DESTROYED)
        return
    destruction = _complete(row.tenant_id, destruction_of(row))
    _note(row, destruction=msgspec.to_builtins(destruction))
    died = keys().destroy(row.tenant_id, _with_answers(row, destruction), actor=row.actor)
    _note(
        row,
        expected=ErasureState.ORDERED,
        state=ErasureState.DESTROYED,
        destroyed_at=clock().now(),
        escrowed=died.escrowed,
    )


def _with_answers(row: ErasureOrder, destruction: Destruction) -> Destruction:
    """With the keys of all answers that are kept for repetition: any may name an erased person.
    They are no part of the order, and its certificate does not count them."""
    if not destruction.persons:
        return destruction
    items = {*destruction.items, *keys_of_answers(row.tenant_id)}
    return msgspec.structs.replace(destruction, items=tuple(sorted(items)))


def _clean(row: ErasureOrder) -> None:
    if row.kind == RECORDS:
        _remove_records(row)
        cleared = 0
    else:
        cleared = clean_up(row.tenant_id, destruction_of(row), row.reason)
    row.refresh_from_db(fields=["rows_cleared"])
    row.state, row.cleaned_at = ErasureState.CLEANED, clock().now()
    row.rows_cleared += cleared
    _note(
        row,
        expected=ErasureState.DESTROYED,
        state=row.state,
        cleaned_at=row.cleaned_at,
        rows_cleared=row.rows_cleared,
        certificate=certificate(row),
    )


def _remove_records(row: ErasureOrder) -> int:
    """Counted in the transaction that removes them: a run that dies here certifies no less. What a
    legal hold keeps is left to the next sweep after its release."""
    assert row.rule is not None and row.day is not None
    with across_tenants("erasure") as db:
        if is_held(row.tenant_id):
            return 0
        removed = records_of(row.rule).remove(db, row.tenant_id, day_date(row.day + 1))
        rows = ErasureOrder.objects.using(db).filter(id=row.id)
        rows.update(rows_cleared=F("rows_cleared") + removed)
    return removed


def _complete(tenant_id: UUID, destruction: Destruction) -> Destruction:
    """With every item that dies with its persons and days."""
    joint = settings.RINGFENCE.privacy.joint_content == "call"
    items = set(destruction.items)
    for erased in destruction.persons:
        if "content" not in erased.keep:
            found = items_of_person if joint else own_items
            items |= set(found(tenant_id, erased.person))
    for bucket in destruction.buckets:
        if bucket.day is not None:
            found_items = items_of_bucket(tenant_id, bucket.category, bucket.rule, bucket.day)
            items |= {item for _, item in found_items}
    return msgspec.structs.replace(destruction, items=tuple(sorted(items)))


def _row(erasure_id: UUID) -> ErasureOrder:
    row = ErasureOrder.objects.using(OPERATOR).filter(id=erasure_id).first()
    if row is None:
        raise ErasureNotFound("no such erasure")
    return row


def _note(row: ErasureOrder, *, expected: ErasureState | None = None, **changes: object) -> None:
    """One transaction; a run that was overtaken, no longer in ``expected``, changes nothing."""
    with across_tenants("erasure") as db:
        rows = ErasureOrder.objects.using(db).filter(id=row.id)
        if expected is not None:
            rows = rows.filter(state=expected)
        rows.update(**changes)
