"""Somebody who signed up without an invitation becomes the owner of a new tenant."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.api import create_tenant
from ringfence.domains.identity.models import Membership, User
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.use import using


def open_account(user: User) -> UUID | None:
    """Make the tenant that the person asked for when they signed up, once their address is
    verified; its id, or None when they asked for none."""
    row = User.objects.select_for_update().get(id=user.id)
    if row.company_sealed is None:
        return None
    with using("service", f"user:{row.id.hex}"):
        opened = open_fields([row], "company_sealed")[0]["company_sealed"]
    row.company_sealed = None
    row.save(update_fields=["company_sealed"])
    if opened.value is None:
        return None
    with across_tenants("open account") as db:
        tenant = create_tenant(opened.value)
        Membership.objects.using(db).create(
            tenant_id=tenant.id, user_id=row.id, role="owner", created_at=clock().now()
        )
    return tenant.id
