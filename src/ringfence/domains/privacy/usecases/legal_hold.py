"""Legal holds: what one covers is neither destroyed nor cleared while it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence.domains.privacy.contracts import HoldInfo, HoldNotFound
from ringfence.domains.privacy.models import Hold
from ringfence.domains.privacy.queries import erasures_since
from ringfence.domains.privacy.usecases.carry_out import sweep_again
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import OPERATOR, across_tenants


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """A person's record fields of some days, both ends included (days since 1970-01-01)."""

    person: UUID
    first_day: int
    last_day: int
    category: str = IDENTIFIER
    rule: str = CALL_RECORDS

    def refs(self) -> list[LeafRef]:
        return [
            LeafRef(Bucket(self.category, self.rule, day=day), self.person)
            for day in range(self.first_day, self.last_day + 1)
        ]


@dataclass(frozen=True, slots=True)
class HeldItem:
    """An item, and the bucket that it is sealed in.

    A recording is held whole: all its tracks, and its own id, by which its domain cleans it up.
    """

    item: UUID
    bucket: Bucket


def place_hold(
    tenant: UUID,
    persons: Sequence[HeldPerson] = (),
    items: Sequence[HeldItem] = (),
    *,
    actor: str,
) -> HoldInfo:
    """Begin a hold. It holds what exists when it is placed, and what those days get later.

    The row comes first: from then on nothing that it covers is cleared. Raises UnfitName,
    Unavailable; a hold whose keys were not told counts for rows, and is released like any.
    """
    refs = [ref for held in persons for ref in held.refs()]
    refs += [LeafRef(held.bucket, items=(held.item,)) for held in items]
    for ref in refs:
        ref.check()
    with across_tenants("hold") as db:
        row = Hold.objects.using(db).create(
            id=new_id(),
            tenant_id=tenant,
            actor=actor,
            placed_at=clock().now(),
            persons=[[held.person.hex, held.first_day, held.last_day] for held in persons],
            items=[held.item.hex for held in items],
            leaves=len(refs),
        )
    keys().hold(tenant, row.id, refs)
    return _info(row)


def release_hold(tenant: UUID, hold: UUID) -> HoldInfo:
    """End a hold: what it alone kept dies, and the clean-up that it held back is done.

    Raises HoldNotFound, Unavailable.
    """
    row = Hold.objects.using(OPERATOR).filter(id=hold, tenant_id=tenant).first()
    if row is None:
        raise HoldNotFound("no such hold")
    keys().release(tenant, hold)
    with across_tenants("hold") as db:
        Hold.objects.using(db).filter(id=hold, released_at=None).update(released_at=clock().now())
    for erasure in erasures_since(row.placed_at, tenant):
        sweep_again(erasure)
    row.refresh_from_db()
    return _info(row)


def _info(row: Hold) -> HoldInfo:
    return HoldInfo(row.id, row.tenant_id, row.actor, row.placed_at, row.released_at, row.leaves)
