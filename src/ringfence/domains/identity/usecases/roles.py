"""Which role somebody may give, and roles that a tenant makes."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError
from django.db.models import ProtectedError

from ringfence.domains.accounts.contracts import ALL_PURPOSES
from ringfence.domains.identity.contracts import (
    InvalidRole,
    RoleExists,
    RoleInfo,
    RoleInUse,
    RoleNotFound,
    RoleRefused,
    UnknownRole,
)
from ringfence.domains.identity.models import Role
from ringfence.domains.identity.queries import CUSTOM, role_info
from ringfence.domains.identity.rules import access
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import tenant
from ringfence.policies.roles import matrix


def checked_role(giver: Caller, role: str, role_id: UUID | None) -> tuple[str, Role | None]:
    """The role that ``giver`` gives a member of their tenant: built in, or a custom one.

    Raises UnknownRole, RoleRefused. In the tenant's transaction.
    """
    if role_id is not None:
        row = Role.objects.filter(id=role_id).first()
        if row is None:
            raise UnknownRole("there is no such role")
        _check_giver(giver, frozenset(row.permissions))
        return CUSTOM, row
    info = matrix().roles.get(role)
    if info is None or info.realm != "tenant":
        raise UnknownRole("there is no such role")
    _check_giver(giver, access.of_role(matrix(), role).permissions)
    return role, None


def _check_giver(giver: Caller, permissions: frozenset[str]) -> None:
    if not access.may_give(giver.scopes, permissions):
        lacking = sorted(permissions - giver.scopes)
        raise RoleRefused("nobody gives what they lack", details={"permissions": lacking})


def create_role(
    giver: Caller,
    name: str,
    permissions: tuple[str, ...],
    purposes: tuple[str, ...],
    mfa_required: bool,
) -> RoleInfo:
    """Make a role of a tenant. Raises InvalidRole, RoleExists, RoleRefused."""
    name = _checked(name, permissions, purposes)
    _check_giver(giver, frozenset(permissions))
    try:
        with tenant(giver.tenant_id):
            row = Role.objects.create(
                tenant_id=giver.tenant_id,
                name=name,
                permissions=sorted(set(permissions)),
                purposes=list(dict.fromkeys(purposes)),
                mfa_required=mfa_required,
                created_at=clock().now(),
            )
    except IntegrityError:
        raise RoleExists("there is a role with this name") from None
    return role_info(row)


def change_role(
    giver: Caller,
    role_id: UUID,
    *,
    name: str | None = None,
    permissions: tuple[str, ...] | None = None,
    purposes: tuple[str, ...] | None = None,
    mfa_required: bool | None = None,
) -> RoleInfo:
    """Change what is given, for everybody who has the role, from their next request on.

    Raises RoleNotFound, InvalidRole, RoleExists, RoleRefused.
    """
    try:
        with tenant(giver.tenant_id):
            row = _locked(role_id)
            wanted = tuple(row.permissions) if permissions is None else permissions
            use = tuple(row.purposes) if purposes is None else purposes
            row.name = _checked(row.name if name is None else name, wanted, use)
            _check_giver(giver, frozenset(wanted))
            row.permissions, row.purposes = sorted(set(wanted)), list(dict.fromkeys(use))
            row.mfa_required = row.mfa_required if mfa_required is None else mfa_required
            row.save()
    except IntegrityError:
        raise RoleExists("there is a role with this name") from None
    return role_info(row)


def delete_role(tenant_id: UUID, role_id: UUID) -> None:
    """Delete a role that nobody has. Raises RoleNotFound, RoleInUse."""
    try:
        with tenant(tenant_id):
            _locked(role_id).delete()
    except ProtectedError:
        raise RoleInUse("members or invitations have this role") from None


def _locked(role_id: UUID) -> Role:
    row = Role.objects.select_for_update().filter(id=role_id).first()
    if row is None:
        raise RoleNotFound("no such role")
    return row


def _checked(name: str, permissions: tuple[str, ...], purposes: tuple[str, ...]) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 60 or name in matrix().roles or name == CUSTOM:
        raise InvalidRole("a role has a name of its own of 1 to 60 characters")
    unknown = sorted(set(permissions) - access.of_role(matrix(), "owner").permissions)
    if unknown:
        raise InvalidRole("no member may have these", details={"permissions": unknown})
    unfit = sorted(set(purposes) - set(ALL_PURPOSES))
    if unfit:
        raise InvalidRole("unknown purposes", details={"purposes": unfit, "known": ALL_PURPOSES})
    return name
