"""Bodies of the REST API of people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from ringfence.domains.identity.contracts import (
    GrantInfo,
    InvitationInfo,
    MemberInfo,
    MembershipInfo,
    RoleInfo,
)
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

Email = Annotated[str, Field(min_length=3, max_length=254)]
RoleText = Annotated[str, Field(min_length=1, max_length=60)]
Permissions = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=100)]
Purposes = Annotated[list[Annotated[str, Field(max_length=24)]], Field(max_length=16)]


def role_of(text: str) -> tuple[str, UUID | None]:
    """A role of the matrix by its name, or a custom one by its id."""
    if text.startswith(Prefix.ROLE.value):
        return "custom", parse_public_id(Prefix.ROLE, text)
    return text, None


class MembershipOut(Schema):
    """Where the signed-in person is a member. ``tenant`` goes into the header
    ``Ringfence-Tenant``."""

    tenant: str
    name: str
    role: str


class MeOut(Schema):
    """Who is signed in. ``mfa``: with a second factor."""

    id: str
    email: str
    name: str | None
    mfa: bool
    memberships: list[MembershipOut]


class MemberOut(Schema):
    """Somebody who works for the tenant. ``role``: a built-in role, or the id of one of the
    tenant's own."""

    volatile: ClassVar[frozenset[str]] = frozenset({"last_sign_in_at"})

    id: str
    user: str
    email: str
    name: str | None
    role: str
    role_name: str
    mfa: bool
    last_sign_in_at: datetime | None
    created_at: datetime


class MemberList(Schema):
    """The members, oldest first."""

    members: list[MemberOut]


class MemberChange(Schema, extra="forbid"):
    role: RoleText


class StaffOut(MemberOut):
    """One of the operator's staff, and the country that they work in."""

    work_location: str


class StaffList(Schema):
    """The operator's staff, oldest first."""

    staff: list[StaffOut]


class StaffChange(Schema, extra="forbid"):
    """What is left out stays."""

    role: RoleText | None = None
    work_location: str | None = Field(None, max_length=2)


class InvitationIn(Schema, extra="forbid"):
    email: Email
    role: RoleText


class StaffInvitationIn(InvitationIn, extra="forbid"):
    """``work_location``: the country that they work in (ISO 3166-1, two letters)."""

    work_location: str = Field("", max_length=2)


class OwnerIn(Schema, extra="forbid"):
    email: Email


class InvitationOut(Schema):
    """An invitation that may still be accepted; who has the mail has the link."""

    id: str
    email: str | None
    role: str
    role_name: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class InvitationList(Schema):
    """Invitations that may still be accepted, newest first."""

    invitations: list[InvitationOut]


class RoleIn(Schema, extra="forbid"):
    """``permissions``: of the catalogue, none that the caller lacks. ``purposes``: what personal
    data may be opened for, the usual one first."""

    name: RoleText
    permissions: Permissions
    purposes: Purposes = Field(default_factory=list)
    mfa_required: bool = False


class RoleChange(Schema, extra="forbid"):
    """What is left out stays."""

    name: RoleText | None = None
    permissions: Permissions | None = None
    purposes: Purposes | None = None
    mfa_required: bool | None = None


class RoleOut(Schema):
    """A role: built in (``id`` is its name), or one that the tenant made."""

    id: str
    name: str
    built_in: bool
    permissions: list[str]
    purposes: list[str]
    mfa_required: bool
    description: str


class RoleList(Schema):
    """The roles that members may have: the built-in ones, then the tenant's own by name."""

    roles: list[RoleOut]


class AccessIn(Schema, extra="forbid"):
    """``reason``: why; the tenant reads it. ``minutes``: how long, at most eight hours."""

    reason: str = Field(min_length=10, max_length=500)
    minutes: int = Field(60, ge=1, le=480)


class GrantOut(Schema):
    """An access grant: who of the operator's staff asked to be let in, why, and what became of
    it."""

    id: str
    tenant: str
    staff: str
    staff_email: str
    staff_role: str
    work_location: str
    reason: str
    minutes: int
    state: Literal["requested", "active", "expired", "denied", "revoked"]
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


class GrantList(Schema):
    """Access grants, newest first."""

    grants: list[GrantOut]


def membership_out(info: MembershipInfo) -> MembershipOut:
    return MembershipOut(
        tenant=public_id(Prefix.TENANT, info.tenant_id or INSTALLATION),
        name=info.tenant_name,
        role=info.role,
    )


def _role(name: str, role_id: UUID | None) -> str:
    return name if role_id is None else public_id(Prefix.ROLE, role_id)


def member_out(info: MemberInfo) -> MemberOut:
    return MemberOut(
        id=public_id(Prefix.MEMBER, info.id),
        user=public_id(Prefix.USER, info.user_id),
        email=info.email,
        name=info.name,
        role=_role(info.role, info.role_id),
        role_name=info.role,
        mfa=info.mfa,
        last_sign_in_at=info.last_sign_in_at,
        created_at=info.created_at,
    )


def staff_out(info: MemberInfo) -> StaffOut:
    return StaffOut(work_location=info.work_location, **member_out(info).model_dump())


def invitation_out(info: InvitationInfo) -> InvitationOut:
    return InvitationOut(
        id=public_id(Prefix.INVITATION, info.id),
        email=info.email,
        role=_role(info.role, info.role_id),
        role_name=info.role,
        invited_by=info.invited_by,
        created_at=info.created_at,
        expires_at=info.expires_at,
    )


def role_out(info: RoleInfo) -> RoleOut:
    return RoleOut(
        id=_role(info.name, info.id),
        name=info.name,
        built_in=info.id is None,
        permissions=list(info.permissions),
        purposes=list(info.purposes),
        mfa_required=info.mfa_required,
        description=info.description,
    )


def grant_out(info: GrantInfo) -> GrantOut:
    return GrantOut(
        id=public_id(Prefix.ACCESS_GRANT, info.id),
        tenant=public_id(Prefix.TENANT, info.tenant_id),
        staff=public_id(Prefix.USER, info.staff_id),
        staff_email=info.staff_email,
        staff_role=info.staff_role,
        work_location=info.work_location,
        reason=info.reason,
        minutes=info.minutes,
        state=info.state,  # type: ignore[arg-type]
        requested_at=info.requested_at,
        decided_at=info.decided_at,
        decided_by=info.decided_by,
        expires_at=info.expires_at,
        revoked_at=info.revoked_at,
    )
