"""The operator renames, suspends or readmits a business customer."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.contracts import InvalidStatus, TenantInfo, TenantNotFound
from ringfence.domains.accounts.models import Tenant
from ringfence.domains.accounts.queries import tenant_info
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.platform_django.tenancy import across_tenants


def change_tenant(
    tenant_id: UUID, *, name: str | None = None, status: str | None = None
) -> TenantInfo:
    """Change what is given. A suspended tenant's keys are refused and its numbers take no call,
    from the next request and the next call on; calls in progress go on.

    Raises TenantNotFound, InvalidName, InvalidStatus.
    """
    if status not in (None, "active", "suspended"):
        raise InvalidStatus("a tenant is active or suspended")
    with across_tenants("change tenant") as db:
        row = Tenant.objects.using(db).select_for_update().filter(id=tenant_id).first()
        if row is None:
            raise TenantNotFound("no such tenant")
        row.name = row.name if name is None else checked_name(name)
        row.status = status or row.status
        row.save(update_fields=["name", "status"])
    return tenant_info(row)
