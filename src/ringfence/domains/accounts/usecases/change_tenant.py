"""A manager renames, suspends, readmits, closes or reactivates a business customer."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from ringfence.domains.accounts.contracts import (
    ClosedForGood,
    HasTenants,
    InvalidStatus,
    TenantClosed,
    TenantInfo,
)
from ringfence.domains.accounts.models import Tenant
from ringfence.domains.accounts.queries import tenant_info
from ringfence.domains.accounts.scope import managed, managing
from ringfence.domains.accounts.usecases.create_tenant import checked_name, checked_plan
from ringfence.domains.accounts.usecases.granting import check_tenant_limit
from ringfence.platform_django.clock import clock


def change_tenant(
    tenant_id: UUID,
    *,
    name: str | None = None,
    status: str | None = None,
    plan: str | None = None,
    manager: UUID | None = None,
) -> TenantInfo:
    """Change what is given. A suspended tenant's keys and sessions are refused and its numbers take
    no call, from the next request and the next call on; calls in progress go on.

    Raises TenantNotFound, InvalidName, InvalidStatus, UnknownPlan, TenantClosed.
    """
    if status not in (None, "active", "suspended"):
        raise InvalidStatus("a tenant is active or suspended")
    with managing(manager) as db:
        row = managed(db, manager, tenant_id)
        if row.status == "closed" and status is not None:
            raise TenantClosed("a closed tenant is reactivated first")
        row.name = row.name if name is None else checked_name(name)
        row.plan = row.plan if plan is None else checked_plan(plan)
        row.status = status or row.status
        row.save(using=db, update_fields=["name", "plan", "status"])
    return tenant_info(row)


def limit_tenant(
    tenant_id: UUID, requests_per_minute: int | None, *, manager: UUID | None = None
) -> TenantInfo:
    """Settle how much a tenant may ask for, in all; None: the installation's default.

    Raises TenantNotFound, LimitTooHigh where a reseller is allowed less itself.
    """
    with managing(manager) as db:
        row = managed(db, manager, tenant_id)
        if manager is not None:
            own = Tenant.objects.using(db).get(id=manager)
            check_tenant_limit(own.requests_per_minute, requests_per_minute)
        row.requests_per_minute = requests_per_minute
        row.save(using=db, update_fields=["requests_per_minute"])
    return tenant_info(row)


def close_tenant(tenant_id: UUID, *, manager: UUID | None = None) -> TenantInfo:
    """Close a tenant: refused like a suspended one, and open to reactivation for the days of
    ``accounts.reactivation_days``. Again changes nothing.

    Raises TenantNotFound, HasTenants for a reseller with customers that are not closed.
    """
    with managing(manager) as db:
        row = managed(db, manager, tenant_id)
        below = Tenant.objects.using(db).filter(ancestors__contains=[tenant_id])
        if below.exclude(status="closed").exists():
            raise HasTenants("its own customers are closed first")
        if row.status != "closed":
            now = clock().now()
            row.status, row.closed_at = "closed", now
            row.ends_at = now + timedelta(days=settings.RINGFENCE.accounts.reactivation_days)
            row.save(using=db, update_fields=["status", "closed_at", "ends_at"])
    return tenant_info(row)


def reactivate_tenant(tenant_id: UUID, *, manager: UUID | None = None) -> TenantInfo:
    """Take a closed tenant back as it was. One that is not closed stays as it is.

    Raises TenantNotFound, ClosedForGood after the window.
    """
    with managing(manager) as db:
        row = managed(db, manager, tenant_id)
        if row.status == "closed":
            if row.ends_at is None or row.ends_at <= clock().now():
                raise ClosedForGood("the time for reactivation is over")
            row.status, row.closed_at, row.ends_at, row.warned_at = "active", None, None, None
            row.save(using=db, update_fields=["status", "closed_at", "ends_at", "warned_at"])
    return tenant_info(row)
