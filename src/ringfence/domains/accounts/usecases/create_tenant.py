"""The operator or a reseller takes on a business customer."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.contracts import (
    InvalidKind,
    InvalidName,
    NotAReseller,
    TenantInfo,
    TreeTooDeep,
    UnknownPlan,
)
from ringfence.domains.accounts.models import Plan, Tenant
from ringfence.domains.accounts.queries import tenant_info
from ringfence.domains.accounts.scope import managing
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

MAX_DEPTH = 4
"""Resellers above a tenant."""
STANDARD = "standard"
"""The plan that exists without a row."""


def checked_name(name: str) -> str:
    """The name without surrounding blanks. Raises InvalidName."""
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise InvalidName("a name has 1 to 120 characters")
    return name


def checked_plan(code: str) -> str:
    """Raises UnknownPlan."""
    if code != STANDARD:
        with across_tenants("check plan") as db:
            if not Plan.objects.using(db).filter(code=code).exists():
                raise UnknownPlan("there is no such plan")
    return code


def create_tenant(
    name: str,
    *,
    kind: str = "tenant",
    plan: str = STANDARD,
    manager: UUID | None = None,
) -> TenantInfo:
    """Make an active tenant of the operator, or of the reseller ``manager``.

    Raises InvalidName, InvalidKind, UnknownPlan, NotAReseller, TreeTooDeep.
    """
    name, plan = checked_name(name), checked_plan(plan)
    if kind not in ("tenant", "reseller"):
        raise InvalidKind("an account is a tenant or a reseller")
    with managing(manager) as db:
        ancestors: list[UUID] = []
        if manager is not None:
            parent = Tenant.objects.using(db).get(id=manager)
            if parent.kind != "reseller":
                raise NotAReseller("only a reseller has tenants")
            ancestors = [*parent.ancestors, manager]
        if len(ancestors) > MAX_DEPTH:
            raise TreeTooDeep("there are too many resellers above", details={"limit": MAX_DEPTH})
        row = Tenant.objects.using(db).create(
            name=name,
            kind=kind,
            plan=plan,
            parent_id=manager,
            ancestors=ancestors,
            created_at=clock().now(),
        )
    return tenant_info(row)
