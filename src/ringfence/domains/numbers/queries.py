"""Reading numbers, and finding the one that was dialled."""

from __future__ import annotations

import json
from uuid import UUID

from django.db import connections

from ringfence.domains.numbers.contracts import (
    NumberInfo,
    NumberNotFound,
    NumberPage,
    RoutePlan,
)
from ringfence.domains.numbers.models import Number
from ringfence.domains.numbers.rules.dialing import load_targets
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants, tenant

MAX_PAGE = 200


def number_info(row: Number) -> NumberInfo:
    return NumberInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        e164=row.e164,
        label=row.label,
        dial=load_targets(row.dial),
        flow_id=row.flow_id,
        dial_timeout_seconds=row.dial_timeout_seconds,
        caller_id=row.caller_id,
        max_seconds=row.max_seconds,
        status=row.status,
    )


def list_numbers(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> NumberPage:
    """A page of the tenant's numbers, newest first, at most 200; ``before`` is a cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        rows = Number.objects.filter(tenant_id=tenant_id)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows.order_by("-id")[: limit + 1])
    page = tuple(map(number_info, found[:limit]))
    return NumberPage(page, page[-1].id if len(found) > limit else None)


def find_number(tenant_id: UUID, number_id: UUID) -> Number:
    """Within a transaction of the tenant. Raises NumberNotFound."""
    row = Number.objects.filter(tenant_id=tenant_id, id=number_id).first()
    if row is None:
        raise NumberNotFound("no such number")
    return row


def get_number(tenant_id: UUID, number_id: UUID) -> NumberInfo:
    """One of the tenant's numbers. Raises NumberNotFound."""
    with tenant(tenant_id):
        return number_info(find_number(tenant_id, number_id))


def list_all_numbers() -> tuple[NumberInfo, ...]:
    """Every number of the installation. For the operator."""
    with across_tenants("list numbers") as db:
        return tuple(number_info(row) for row in Number.objects.using(db).order_by("id"))


def route(called: str) -> RoutePlan | None:
    """Where a call to ``called`` (E.164) goes; None if no active number of an active tenant.

    Read as the call plane's role, before any tenant is known.
    """
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_route_number(%s)", [called])
        row = cursor.fetchone()
    if row is None:
        return None
    tenant_id, number_id, dial, timeout, caller_id, max_seconds, flow_id = row
    targets = load_targets(json.loads(dial) if isinstance(dial, str) else dial)
    return RoutePlan(tenant_id, number_id, targets, timeout, caller_id, max_seconds, flow_id)


def owned_numbers(tenant_id: UUID, numbers: frozenset[str]) -> frozenset[str]:
    """Those of the E.164 numbers that are active numbers of the tenant."""
    with tenant(tenant_id):
        rows = Number.objects.filter(tenant_id=tenant_id, e164__in=numbers, status="active")
        return frozenset(rows.values_list("e164", flat=True))


def routed_numbers(tenant_id: UUID, flow_id: UUID) -> tuple[str, ...]:
    """The tenant's active numbers whose calls a flow takes."""
    with tenant(tenant_id):
        rows = Number.objects.filter(tenant_id=tenant_id, flow_id=flow_id, status="active")
        return tuple(rows.order_by("e164").values_list("e164", flat=True))


def led_over(tenant_id: UUID, trunk_id: UUID) -> tuple[str, ...]:
    """Public ids of the tenant's active numbers that dial over a trunk."""
    with tenant(tenant_id):
        rows = Number.objects.filter(
            tenant_id=tenant_id, dial__contains=[{"trunk": trunk_id.hex}], status="active"
        )
        ids = rows.order_by("id").values_list("id", flat=True)
        return tuple(public_id(Prefix.NUMBER, id_) for id_ in ids)
