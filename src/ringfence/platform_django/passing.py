"""Values of hours: kept answers and waiting mails, sealed under keys that end by themselves.

Such a value may name anybody, and nobody knows whom. Its key is an item of six hours (UTC) of its
tenant and field, which no row of the database ever confirms: it is destroyed with the orphan keys,
24 to 36 hours after a value was sealed (decision 0047), whatever became of the row. Erasing a
person of the tenant destroys the keys of its kept answers at once; what is sealed after that in the
same six hours has another key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from ringfence.kernel.clock import to_micros
from ringfence.kernel.fields import INSTALLATION, PASSING, SealedFieldNumber
from ringfence.kernel.ids import uuid7_floor, uuid7_millis
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.messages import SEAL
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import NewItem
from ringfence.platform_django.clock import clock
from ringfence.platform_django.keys import keys
from ringfence.platform_django.use import current_actor, current_use

SLOT = timedelta(hours=6)
_SLOT_MILLIS = int(SLOT.total_seconds() * 1000)
_LIFE = timedelta(hours=48)
"""More than any key lives while orphans are collected."""
_GENERATIONS = 8
"""Erasures within one slot that the values after each share a key after."""


def seal_passing(tenant: UUID | None, number: SealedFieldNumber, row: UUID, data: bytes) -> bytes:
    """A value sealed for a row that is made now; ``row`` is a UUIDv7 of this moment.

    The key is durable when this returns. Raises Unavailable, Refused.
    """
    owner = tenant or INSTALLATION
    place = Place(owner, number, row, None, _bucket(owner))
    refs = [*_refs(owner, number, row)]
    known = [ref for ref in refs if keys().has(owner, SEAL, [ref])]
    for ref in (*known[:1], *refs):
        try:
            if ref not in known:
                keys().resolve(owner, [], [NewItem(ref.items[0], (), ref.bucket)])
            (sealed,) = keys().seal(owner, [Value(ref, place, data)], actor=current_actor())
        except KeyDestroyed:
            continue
        return sealed
    raise KeyDestroyed("no key of these hours is left")


def open_passing(
    tenant: UUID | None,
    number: SealedFieldNumber,
    row: UUID,
    sealed: bytes,
    *,
    objects: tuple[str, ...] = (),
) -> bytes | None:
    """The clear text for the current use; None once its key is destroyed.

    Raises PurposeRequired, Refused, Unavailable.
    """
    owner, use = tenant or INSTALLATION, current_use()
    place = Place(owner, number, row, None, _bucket(owner))
    for ref in _refs(owner, number, row):
        value = Value(ref, place, sealed)
        (opened,) = keys().open(owner, use.purpose, [value], actor=use.actor, objects=objects)
        if isinstance(opened, bytes):
            return opened
    return None


def living(tenant: UUID, number: SealedFieldNumber) -> list[UUID]:
    """The items of a tenant that open values of a field now. Of the worker alone.

    Raises Unavailable.
    """
    now = to_micros(clock().now()) // 1000
    first = now - int(_LIFE.total_seconds() * 1000)
    refs = [
        LeafRef(_bucket(tenant), items=(item,))
        for millis in range(first, now + _SLOT_MILLIS, _SLOT_MILLIS)
        for item in _shared(number, millis)
    ]
    known = keys().leaves(tenant, SEAL, refs, actor=current_actor())
    return [ref.items[0] for ref, leaf in known.items() if isinstance(leaf, bytes)]


def _bucket(tenant: UUID) -> Bucket:
    return Bucket(PASSING, PASSING, account=tenant)


def _refs(tenant: UUID, number: SealedFieldNumber, row: UUID) -> Iterator[LeafRef]:
    """In the order in which they are taken; the last is the row's own."""
    for item in (*_shared(number, uuid7_millis(row)), row):
        yield LeafRef(_bucket(tenant), items=(item,))


def _shared(number: SealedFieldNumber, millis: int) -> list[UUID]:
    """The items of a field and of the slot that a moment lies in."""
    slot = uuid7_floor(millis // _SLOT_MILLIS * _SLOT_MILLIS).int
    return [UUID(int=slot | number << 8 | generation) for generation in range(_GENERATIONS)]
