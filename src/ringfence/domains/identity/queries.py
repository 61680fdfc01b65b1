"""Who a session acts as, and reading members, roles, invitations and access grants."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connections
from django.db.models import Q

from ringfence.domains.accounts.contracts import TenantNotFound, TenantSuspended
from ringfence.domains.identity.bulk import openings
from ringfence.domains.identity.contracts import (
    GrantRequired,
    InvitationInfo,
    LocationRefused,
    MemberInfo,
    MemberNotFound,
    MembershipInfo,
    NoMembership,
    RoleInfo,
    RoleNotFound,
    Session,
    TenantRequired,
    UserPrincipal,
)
from ringfence.domains.identity.models import Invitation, Membership, Role, User
from ringfence.domains.identity.rules import access
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import APP, OPERATOR, across_tenants, tenant
from ringfence.platform_django.use import using
from ringfence.policies.roles import matrix

CUSTOM = "custom"
_CODES = Authenticator.Type.RECOVERY_CODES


class Seat(NamedTuple):
    """A membership of somebody, before a tenant is known."""

    id: UUID
    tenant_id: UUID | None
    tenant_name: str | None
    tenant_status: str | None
    role: str
    permissions: Sequence[str] | None
    purposes: Sequence[str] | None
    role_mfa: bool | None
    tenant_mfa: bool | None
    work_location: str


def seats_of(user_id: UUID) -> list[Seat]:
    """Where somebody is a member, oldest first."""
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_memberships(%s)", [user_id])
        return [Seat(*row) for row in cursor.fetchall()]


def memberships_of(user_id: UUID) -> tuple[MembershipInfo, ...]:
    """Where somebody is a member, as they see it."""
    return tuple(
        MembershipInfo(seat.id, seat.tenant_id, seat.tenant_name or "Operator", seat.role)
        for seat in seats_of(user_id)
    )


def principal_of(session: Session, wanted: UUID | None) -> UserPrincipal:
    """Who a session acts as in the tenant ``wanted``, or in the only one there is.

    Raises NoMembership, TenantRequired, TenantNotFound (of a tenant that the person has nothing to
    do with, or that is not there), TenantSuspended, GrantRequired, LocationRefused.
    """
    seats = seats_of(session.user_id)
    if session.sso_tenant is not None:  # its provider vouches for nobody elsewhere
        seats = [seat for seat in seats if seat.tenant_id == session.sso_tenant]
    if not seats:
        raise NoMembership("this account is a member of nothing")
    if wanted is None:
        if len(seats) > 1:
            names = [_tenant_text(seat.tenant_id) for seat in seats]
            raise TenantRequired("say which tenant", details={"tenants": names})
        return _as_member(session, seats[0])
    chosen = [seat for seat in seats if (seat.tenant_id or INSTALLATION) == wanted]
    if chosen:
        return _as_member(session, chosen[0])
    staff = [seat for seat in seats if seat.tenant_id is None]
    if staff:
        return _as_staff(session, staff[0], wanted)
    raise TenantNotFound("no such tenant")


def _tenant_text(tenant_id: UUID | None) -> str:
    return public_id(Prefix.TENANT, tenant_id or INSTALLATION)


def _as_member(session: Session, seat: Seat) -> UserPrincipal:
    if seat.tenant_status not in (None, "active"):
        raise TenantSuspended("the tenant is suspended or closed")
    if seat.role == CUSTOM:
        granted = access.of_custom_role(
            matrix(),
            seat.permissions or (),
            mfa_required=bool(seat.role_mfa),
            tenant_requires_mfa=bool(seat.tenant_mfa),
        )
        purposes = tuple(seat.purposes or ())
    else:
        granted = access.of_role(matrix(), seat.role, tenant_requires_mfa=bool(seat.tenant_mfa))
        purposes = matrix().roles[seat.role].purposes
    return UserPrincipal(
        tenant_id=seat.tenant_id or INSTALLATION,
        credential_id=session.user_id,
        access=granted,
        purposes=purposes,
        mfa=session.mfa,
        is_bulk=partial(openings.is_bulk, session.user_id, clock().now()),
        fresh=_fresh(session),
    )


def has_second_factor(user_id: UUID) -> bool:
    """Whether somebody has an authenticator app or a passkey; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user_id=user_id).exclude(type=_CODES).exists())


def lacks_second_factor(user_id: UUID) -> bool:
    """Whether somebody signs in with a password alone although a role of theirs asks for more."""
    if has_second_factor(user_id):
        return False
    nothing = Session(user_id, mfa=False, authenticated_at=None)
    return any(
        _as_member(nothing, seat).access.mfa_required
        for seat in seats_of(user_id)
        if seat.tenant_status in (None, "active")
    )


def online_accounts_of(user_id: UUID) -> tuple[UUID, ...]:
    """The tenants whose account somebody reaches by signing in: where their role may more than the
    roles that need no second factor may. Those that are closed are none."""
    return tuple(
        seat.tenant_id
        for seat in seats_of(user_id)
        if seat.tenant_id is not None
        and seat.tenant_status != "closed"
        and _reaches_the_account(seat)
    )


def _reaches_the_account(seat: Seat) -> bool:
    if seat.role == CUSTOM:
        return access.of_custom_role(matrix(), seat.permissions or ()).mfa_required
    return access.of_role(matrix(), seat.role).mfa_required


def _as_staff(session: Session, seat: Seat, wanted: UUID) -> UserPrincipal:
    now = clock().now()
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT * FROM ringfence_access_grant(%s, %s, %s)", [session.user_id, wanted, now]
        )
        row = cursor.fetchone()
    if row is None:
        raise GrantRequired("the tenant has not let you in, or not any more")
    grant_id, us_only, status = row
    if us_only and seat.work_location != access.HOME:
        raise LocationRefused("this tenant lets in staff who work in the United States alone")
    if status != "active":
        raise TenantSuspended("the tenant is suspended or closed")
    return UserPrincipal(
        tenant_id=wanted,
        credential_id=session.user_id,
        access=access.under_grant(matrix(), seat.role, seat.work_location),
        purposes=matrix().roles[seat.role].purposes,
        mfa=session.mfa,
        is_bulk=partial(openings.is_bulk, session.user_id, clock().now()),
        fresh=_fresh(session),
        grant_id=grant_id,
    )


def _fresh(session: Session) -> bool:
    limit = timedelta(seconds=settings.RINGFENCE.accounts.step_up_seconds)
    at = session.authenticated_at
    return at is not None and clock().now() - at <= limit


class _Identity(NamedTuple):
    email: str
    name_sealed: bytes | None
    person_id: UUID | None
    last_login: datetime | None
    mfa: bool


def _identities(tenant_id: UUID | None) -> dict[UUID, _Identity]:
    """Who the members of the tenant in force are, or the operator's staff."""
    if tenant_id is None:
        alias, function = OPERATOR, "ringfence_staff_identities()"
    else:
        alias, function = APP, "ringfence_member_identities()"
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}")  # noqa: S608 - one of two constants
        return {row[0]: _Identity(*row[1:]) for row in cursor.fetchall()}


def _named(who: UUID, identity: _Identity) -> User:
    return User(
        id=who,
        email=identity.email,
        person_id=identity.person_id,
        name_sealed=identity.name_sealed,
    )


def list_members(tenant_id: UUID | None) -> tuple[MemberInfo, ...]:
    """The members of a tenant, or the operator's staff (None), oldest first.

    Opens their names: needs a use in force.
    """
    if tenant_id is None:
        with across_tenants("list staff") as db:
            return _members(db, None)
    with tenant(tenant_id):
        return _members(APP, tenant_id)


def _members(db: str, tenant_id: UUID | None) -> tuple[MemberInfo, ...]:
    rows = Membership.objects.using(db).filter(tenant_id=tenant_id)
    rows = rows.select_related("custom_role").order_by("id")
    known = _identities(tenant_id)
    found = [(row, known[row.user_id]) for row in rows if row.user_id in known]
    names = open_fields([_named(row.user_id, one) for row, one in found], "name_sealed")
    return tuple(
        MemberInfo(
            id=row.id,
            user_id=row.user_id,
            email=one.email,
            name=opened["name_sealed"].value,
            role=row.role if row.custom_role is None else row.custom_role.name,
            role_id=row.custom_role_id,
            mfa=one.mfa,
            last_sign_in_at=one.last_login,
            created_at=row.created_at,
            work_location=row.work_location,
        )
        for (row, one), opened in zip(found, names, strict=True)
    )


def get_member(tenant_id: UUID, member_id: UUID) -> MemberInfo:
    """One of a tenant's members. Raises MemberNotFound."""
    return _one(list_members(tenant_id), member_id)


def list_staff() -> tuple[MemberInfo, ...]:
    """The operator's staff in roles that its console speaks of, oldest first."""
    roles = matrix().roles
    return tuple(info for info in list_members(None) if roles[info.role].visible)


def get_staff(member_id: UUID) -> MemberInfo:
    """One of them. Raises MemberNotFound."""
    return _one(list_staff(), member_id)


def _one(members: Sequence[MemberInfo], member_id: UUID) -> MemberInfo:
    for info in members:
        if info.id == member_id:
            return info
    raise MemberNotFound("no such member")


class PersonName(NamedTuple):
    """How somebody is called."""

    email: str
    name: str | None


def name_of(user_id: UUID) -> PersonName:
    """Of the signed-in person, for themselves."""
    user = User.objects.get(id=user_id)
    with using("service", f"user:{user_id.hex}"):
        opened = open_fields([user], "name_sealed")[0]["name_sealed"]
    return PersonName(user.email, opened.value)


def work_location_of(user_id: UUID) -> str:
    """The country that one of the operator's staff works in; empty: unknown, or no staff."""
    with across_tenants("find staff") as db:
        rows = Membership.objects.using(db).filter(tenant_id=None, user_id=user_id)
        return rows.values_list("work_location", flat=True).first() or ""


def list_roles(tenant_id: UUID) -> tuple[RoleInfo, ...]:
    """The roles that a tenant may give: those of the matrix, then its own by name."""
    table = matrix()
    built_in = tuple(
        RoleInfo(
            id=None,
            name=name,
            permissions=tuple(sorted(access.of_role(table, name).permissions)),
            purposes=role.purposes,
            mfa_required=role.mfa_required,
            description=role.description,
        )
        for name, role in table.roles.items()
        if role.realm == "tenant" and role.visible
    )
    with tenant(tenant_id):
        own = tuple(role_info(row) for row in Role.objects.order_by("name"))
    return built_in + own


def role_info(row: Role) -> RoleInfo:
    return RoleInfo(
        id=row.id,
        name=row.name,
        permissions=tuple(sorted(row.permissions)),
        purposes=tuple(row.purposes),
        mfa_required=access.of_custom_role(
            matrix(), row.permissions, mfa_required=row.mfa_required
        ).mfa_required,
    )


def get_role(tenant_id: UUID, role_id: UUID) -> RoleInfo:
    """One of a tenant's own roles. Raises RoleNotFound."""
    with tenant(tenant_id):
        row = Role.objects.filter(id=role_id).first()
    if row is None:
        raise RoleNotFound("no such role")
    return role_info(row)


def invitation_info(row: Invitation, email: Opened | str | None) -> InvitationInfo:
    return InvitationInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        email=email.value if isinstance(email, Opened) else email,
        role=row.role if row.custom_role is None else row.custom_role.name,
        role_id=row.custom_role_id,
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
    )


def list_invitations(tenant_id: UUID | None) -> tuple[InvitationInfo, ...]:
    """The invitations of a tenant, or of the operator (None), that may still be accepted, newest
    first. Opens their addresses: needs a use in force."""
    if tenant_id is None:
        with across_tenants("list invitations") as db:
            return _open_invitations(db, None)
    with tenant(tenant_id):
        return _open_invitations(APP, tenant_id)


def _open_invitations(db: str, tenant_id: UUID | None) -> tuple[InvitationInfo, ...]:
    waiting = Q(accepted_at=None, revoked_at=None, expires_at__gt=clock().now())
    rows = list(
        Invitation.objects.using(db)
        .filter(waiting, tenant_id=tenant_id)
        .select_related("custom_role")
        .order_by("-id")[:500]
    )
    opened = open_fields(rows, "email_sealed")
    return tuple(
        invitation_info(row, one["email_sealed"]) for row, one in zip(rows, opened, strict=True)
    )


def token_hash(token: str) -> bytes | None:
    """SHA-256 of the random bytes in an invitation's token; None when it is none."""
    try:
        random = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha256(random).digest() if len(random) == 32 else None


def staff_emails() -> dict[UUID, str]:
    """The e-mail of each of the operator's staff; in a transaction across tenants."""
    return {who: identity.email for who, identity in _identities(None).items()}


def member_emails(tenant_id: UUID) -> dict[UUID, str]:
    """The e-mail of each member of a tenant."""
    with tenant(tenant_id):
        return {who: identity.email for who, identity in _identities(tenant_id).items()}


def emails_with(tenant_id: UUID, permission: str) -> dict[UUID, str]:
    """The e-mail of each member of a tenant whose role has a permission."""
    with tenant(tenant_id):
        people = _identities(tenant_id)
        rows = Membership.objects.filter(tenant_id=tenant_id).select_related("custom_role")
        return {
            row.user_id: people[row.user_id].email
            for row in rows
            if row.user_id in people and permission in _permissions(row)
        }


def _permissions(row: Membership) -> frozenset[str]:
    if row.custom_role is not None:
        return access.of_custom_role(matrix(), row.custom_role.permissions).permissions
    return access.of_role(matrix(), row.role).permissions
