"""A member gets another role, or leaves."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.identity.contracts import (
    LastOwner,
    MemberNotFound,
    RoleRefused,
    UnknownRole,
)
from ringfence.domains.identity.models import Membership
from ringfence.domains.identity.rules import access
from ringfence.domains.identity.usecases.invite import checked_location
from ringfence.domains.identity.usecases.roles import checked_role
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import APP, across_tenants, tenant
from ringfence.policies.roles import matrix


def change_member(giver: Caller, member_id: UUID, role: str, role_id: UUID | None = None) -> None:
    """Give a member of the caller's tenant another role, from their next request on.

    Raises MemberNotFound, UnknownRole, RoleRefused, LastOwner.
    """
    with tenant(giver.tenant_id):
        row = _locked(APP, giver.tenant_id, member_id)
        _may_touch(giver, row)
        name, custom = checked_role(giver, role, role_id)
        _keep_an_owner(APP, row, leaves=name != "owner")
        row.role, row.custom_role = name, custom
        row.save(update_fields=["role", "custom_role"])


def remove_member(giver: Caller, member_id: UUID) -> None:
    """End a membership; the person's sessions reach nothing of the tenant from their next request.

    Raises MemberNotFound, RoleRefused, LastOwner.
    """
    with tenant(giver.tenant_id):
        row = _locked(APP, giver.tenant_id, member_id)
        _may_touch(giver, row)
        _keep_an_owner(APP, row, leaves=True)
        row.delete()


def change_staff(
    member_id: UUID, *, role: str | None = None, work_location: str | None = None
) -> None:
    """Change one of the operator's staff, in what is given.

    Raises MemberNotFound (also for a role that the caller does not see), UnknownRole,
    InvalidLocation, LastOwner.
    """
    with across_tenants("change staff") as db:
        row = _staff(db, member_id)
        if role is not None:
            if role not in visible_staff_roles():
                raise UnknownRole("there is no such role of the operator's staff")
            _keep_an_admin(db, row, leaves=role != "operator-admin")
            row.role = role
        if work_location is not None:
            row.work_location = checked_location(work_location)
        row.save(using=db, update_fields=["role", "work_location"])


def remove_staff(member_id: UUID) -> None:
    """Raises MemberNotFound, LastOwner."""
    with across_tenants("remove staff") as db:
        row = _staff(db, member_id)
        _keep_an_admin(db, row, leaves=True)
        row.delete(using=db)


def visible_staff_roles() -> frozenset[str]:
    """The roles of the operator's staff that its console speaks of."""
    roles = matrix().roles.values()
    return frozenset(role.name for role in roles if role.realm == "operator" and role.visible)


def _locked(db: str, tenant_id: UUID | None, member_id: UUID) -> Membership:
    rows = Membership.objects.using(db).select_for_update(of=("self",))
    row = rows.filter(id=member_id, tenant_id=tenant_id).first()
    if row is None:
        raise MemberNotFound("no such member")
    return row


def _staff(db: str, member_id: UUID) -> Membership:
    row = _locked(db, None, member_id)
    if row.role not in visible_staff_roles():
        raise MemberNotFound("no such member")
    return row


def _may_touch(giver: Caller, row: Membership) -> None:
    """Nobody changes or removes who may do more than they."""
    if row.custom_role is not None:
        has = frozenset(row.custom_role.permissions)
    else:
        has = access.of_role(matrix(), row.role).permissions
    if not access.may_give(giver.scopes, has):
        raise RoleRefused("this member may do more than you")


def _keep_an_owner(db: str, row: Membership, *, leaves: bool) -> None:
    _keep(db, row, "owner", leaves)


def _keep_an_admin(db: str, row: Membership, *, leaves: bool) -> None:
    _keep(db, row, "operator-admin", leaves)


def _keep(db: str, row: Membership, role: str, leaves: bool) -> None:
    if not leaves or row.role != role:
        return
    others = Membership.objects.using(db).select_for_update()
    others = others.filter(tenant_id=row.tenant_id, role=role).exclude(id=row.id)
    if not list(others.values_list("id", flat=True)):
        raise LastOwner(f"there is always one {role}")
