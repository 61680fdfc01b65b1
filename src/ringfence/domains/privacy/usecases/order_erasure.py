"""The intent of a destruction becomes a row, in the caller's transaction, before any key dies."""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.privacy.contracts import END, RECORDS, ErasureInfo, ErasureState
from ringfence.domains.privacy.models import ErasureOrder
from ringfence.platform.keys.erasure import Destruction
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant


def order_erasure(
    tenant_id: UUID, kind: str, destruction: Destruction, *, reason: str, actor: str
) -> ErasureInfo:
    """Note what is to be destroyed; nothing has happened yet. ``carry_out`` does it.

    Ordering the end of a day a second time gives the first order.
    """
    day = destruction.buckets[0] if kind == "bucket" else None
    wanted = {
        "kind": kind,
        "reason": reason,
        "actor": actor,
        "destruction": msgspec.to_builtins(destruction),
        "ordered_at": clock().now(),
    }
    with tenant(tenant_id):
        rows = ErasureOrder.objects.using(APP)
        if day is None:
            row = rows.create(id=new_id(), tenant_id=tenant_id, **wanted)
        else:
            row, _ = rows.get_or_create(
                tenant_id=tenant_id,
                category=day.category,
                rule=day.rule,
                day=day.day,
                defaults=wanted,
            )
    return erasure_info(row)


def order_end(tenant_id: UUID, *, actor: str) -> ErasureInfo:
    """Note that a tenant is at its end; a second time gives the first order."""
    with tenant(tenant_id), connections[APP].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [tenant_id.hex])
        row = ErasureOrder.objects.using(APP).filter(tenant_id=tenant_id, kind=END).first()
        if row is not None:
            return erasure_info(row)
        destruction = Destruction(everything=True)
        return order_erasure(tenant_id, END, destruction, reason="closure", actor=actor)


def order_records(tenant_id: UUID, rule: str, day: int, *, actor: str) -> ErasureInfo:
    """Note that a tenant's records of a rule end up to a day, that one included; a second time
    gives the first order."""
    with tenant(tenant_id):
        row, _ = ErasureOrder.objects.using(APP).get_or_create(
            tenant_id=tenant_id,
            category=RECORDS,
            rule=rule,
            day=day,
            defaults={
                "kind": RECORDS,
                "reason": "retention",
                "actor": actor,
                "destruction": msgspec.to_builtins(Destruction()),
                "ordered_at": clock().now(),
            },
        )
    return erasure_info(row)


def destruction_of(row: ErasureOrder) -> Destruction:
    """What a row orders."""
    return msgspec.convert(row.destruction, Destruction)


def erasure_info(row: ErasureOrder) -> ErasureInfo:
    return ErasureInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        reason=row.reason,
        actor=row.actor,
        state=ErasureState(row.state),
        ordered_at=row.ordered_at,
        destroyed_at=row.destroyed_at,
        cleaned_at=row.cleaned_at,
        items=len(destruction_of(row).items),
        rows=row.rows_cleared,
        escrowed=row.escrowed,
        certificate=row.certificate or None,
    )
