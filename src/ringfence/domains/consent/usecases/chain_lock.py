"""One piece of evidence after the other, and the key store in their order."""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from ringfence.platform_django.tenancy import APP


def lock_chain(tenant_id: UUID) -> None:
    """Be alone with a tenant's evidence until the transaction ends."""
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"consent:{tenant_id.hex}"]
        )
