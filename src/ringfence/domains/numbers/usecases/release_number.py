"""A tenant gives a number up. Its record stays: calls were made to it."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.flows import api as flows
from ringfence.domains.numbers.contracts import NumberInUse
from ringfence.domains.numbers.models import Number
from ringfence.domains.numbers.queries import find_number
from ringfence.platform_django.tenancy import tenant


def release_number(tenant_id: UUID, number_id: UUID) -> None:
    """No call reaches it from now on; again is harmless. Raises NumberNotFound, NumberInUse."""
    with tenant(tenant_id):
        row = find_number(tenant_id, number_id)
        if row.status != "active":
            return
        presented_by = flows.flows_using(tenant_id, row.e164)
        others = Number.objects.filter(tenant_id=tenant_id, caller_id=row.e164, status="active")
        numbers = list(others.exclude(id=row.id).values_list("e164", flat=True))
        if presented_by or numbers:
            raise NumberInUse(
                "a published flow or another number presents the number",
                details={"flows": list(presented_by), "numbers": sorted(numbers)},
            )
        row.status = "inactive"
        row.save(update_fields=["status"])
