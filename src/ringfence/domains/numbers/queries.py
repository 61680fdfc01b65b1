"""Reading numbers, and finding the one that was dialled."""

from __future__ import annotations

import json
from uuid import UUID

from django.db import connections

from ringfence.domains.numbers.contracts import NumberInfo, NumberNotFound, RoutePlan
from ringfence.domains.numbers.models import Number
from ringfence.domains.numbers.rules.dialing import load_targets
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants, tenant


def number_info(row: Number) -> NumberInfo:
    return NumberInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        e164=row.e164,
        label=row.label,
        dial=load_targets(row.dial),
        dial_timeout_seconds=row.dial_timeout_seconds,
        caller_id=row.caller_id,
        max_seconds=row.max_seconds,
        status=row.status,
    )


def list_numbers(tenant_id: UUID) -> tuple[NumberInfo, ...]:
    """The tenant's numbers, oldest first."""
    with tenant(tenant_id):
        return tuple(number_info(row) for row in Number.objects.order_by("id"))


def get_number(tenant_id: UUID, number_id: UUID) -> NumberInfo:
    """One of the tenant's numbers. Raises NumberNotFound."""
    with tenant(tenant_id):
        row = Number.objects.filter(id=number_id).first()
    if row is None:
        raise NumberNotFound("no such number")
    return number_info(row)


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
    tenant_id, number_id, dial, timeout, caller_id, max_seconds = row
    stored = json.loads(dial) if isinstance(dial, str) else dial
    return RoutePlan(tenant_id, number_id, load_targets(stored), timeout, caller_id, max_seconds)
