"""The operator takes on a business customer."""

from __future__ import annotations

from ringfence.domains.accounts.contracts import InvalidName, TenantInfo
from ringfence.domains.accounts.models import Tenant
from ringfence.domains.accounts.queries import tenant_info
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants


def checked_name(name: str) -> str:
    """The name without surrounding blanks. Raises InvalidName."""
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise InvalidName("a name has 1 to 120 characters")
    return name


def create_tenant(name: str) -> TenantInfo:
    """Make an active tenant. Raises InvalidName."""
    name = checked_name(name)
    with across_tenants("create tenant") as db:
        return tenant_info(Tenant.objects.using(db).create(name=name, created_at=clock().now()))
