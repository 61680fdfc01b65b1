"""What other domains and the entrances see of identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from ringfence.domains.identity.rules.access import Access
from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.addresses import Network
from ringfence.platform_django.admission import (
    Admission,
    ExportRefused,
    InsufficientScope,
    MfaRequired,
    StepUpRequired,
)


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser's session proved."""

    user_id: UUID
    mfa: bool
    """It was opened with a second factor, or with a passkey that verified its user."""
    authenticated_at: datetime | None
    """Last time that the person proved who they are, by a second factor where they have one;
    None: unknown."""
    sso_tenant: UUID | None = None
    """The tenant whose identity provider vouched for the person; the session is worth nothing
    elsewhere."""


@dataclass(frozen=True, slots=True)
class UserPrincipal:
    """What a request with a session acts as: somebody in one of their roles."""

    tenant_id: UUID
    """INSTALLATION for the operator's staff outside any tenant."""
    credential_id: UUID
    """The user."""
    access: Access
    purposes: tuple[str, ...]
    mfa: bool
    is_bulk: Callable[[], bool]
    """Counts one opening of content, and says whether it is one too many without a second
    factor."""
    fresh: bool
    """They proved who they are within the time of ``accounts.step_up_seconds``."""
    grant_id: UUID | None = None
    """The access grant under which staff works in a tenant."""
    expires_at: datetime | None = None

    @property
    def scopes(self) -> frozenset[str]:
        return self.access.permissions

    @property
    def is_operator(self) -> bool:
        return self.tenant_id == INSTALLATION

    @property
    def networks(self) -> tuple[Network, ...]:
        """A person works from anywhere."""
        return ()

    @property
    def most_per_minute(self) -> int:
        """Keys that a person makes may have whatever the tenant has."""
        return 0

    @property
    def actor(self) -> str:
        """As the audit trail names it; staff with the grant that let them in."""
        name = f"user:{self.credential_id.hex}"
        return name if self.grant_id is None else f"{name}/grant:{self.grant_id.hex}"

    def admit(self, admission: Admission) -> None:
        """Raises MfaRequired, InsufficientScope, StepUpRequired, ExportRefused."""
        if self.access.mfa_required and not self.mfa:
            raise MfaRequired("this role signs in with a second factor")
        if admission.scope not in self.access.permissions:
            raise InsufficientScope(
                "the role does not allow this", details={"required_scope": admission.scope}
            )
        if admission.export and not self.access.may_export:
            raise ExportRefused("nothing is exported from where this session works")
        if admission.scope in self.access.step_up and not self.fresh:
            raise StepUpRequired("this needs a fresh sign-in")
        if admission.content and not self.mfa and self.is_bulk():
            raise MfaRequired("opening this much content needs a second factor")


@dataclass(frozen=True, slots=True)
class MembershipInfo:
    """Where somebody is a member, as they see it."""

    id: UUID
    tenant_id: UUID | None
    tenant_name: str
    role: str


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A member, as the tenant sees them."""

    id: UUID
    user_id: UUID
    email: str
    name: str | None
    role: str
    """Of the matrix, or the custom role's name."""
    role_id: UUID | None
    """The custom role."""
    mfa: bool
    """They have a second factor."""
    last_sign_in_at: datetime | None
    created_at: datetime
    work_location: str = ""


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """A role of a tenant, built in or made by it."""

    id: UUID | None
    """None: of the matrix."""
    name: str
    permissions: tuple[str, ...]
    purposes: tuple[str, ...]
    mfa_required: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class InvitationInfo:
    """An invitation without its token."""

    id: UUID
    tenant_id: UUID | None
    email: str | None
    """None when it does not open any more."""
    role: str
    role_id: UUID | None
    invited_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made, with the only copy of its token."""

    info: InvitationInfo
    token: str


@dataclass(frozen=True, slots=True)
class OfferInfo:
    """An invitation, as whoever has its token sees it."""

    id: UUID
    tenant_id: UUID | None
    tenant_name: str
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class GrantInfo:
    """An access grant: asked for, in force, or over."""

    id: UUID
    tenant_id: UUID
    staff_id: UUID
    staff_email: str
    staff_role: str
    work_location: str
    reason: str
    minutes: int
    state: str
    """``requested``, ``active``, ``expired``, ``denied`` or ``revoked``."""
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


ViewerKind = Literal["member", "staff", "key", "client", "software"]


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """One opening of an object's values, and who did it."""

    id: UUID
    at: datetime
    kind: ViewerKind
    who: str
    """An e-mail, the name of a key, or a part of the software."""
    actor: str
    purpose: str
    grant_id: UUID | None
    """Of the operator's staff: the access grant that let them in, and its reason."""
    reason: str | None
    outcome: str
    """``ok``, or the code of the first error."""
    case_id: UUID | None = None
    """The case (CPNI) in which the customer was told."""


class NoMembership(RingfenceError):
    """The person is no member of the tenant that the request names, or of none."""

    code = "no_membership"
    http_status = 403


class TenantRequired(InvalidInput):
    """The person is a member of several tenants, and the request does not say which."""

    code = "tenant_required"
    http_status = 400


class GrantRequired(RingfenceError):
    """Staff of the operator work in a tenant under an access grant alone."""

    code = "access_grant_required"
    http_status = 403


class LocationRefused(RingfenceError):
    """The tenant lets in staff who work in the United States alone."""

    code = "location_refused"
    http_status = 403


class AccessRefused(RingfenceError):
    """The tenant lets in nobody of the operator's staff."""

    code = "access_refused"
    http_status = 403


class InvalidAccessRequest(InvalidInput):
    """Access needs a reason and a time of at most eight hours."""

    code = "invalid_access_request"


class GrantNotFound(NotFound):
    """No such access grant."""

    code = "access_grant_not_found"


class GrantDecided(RingfenceError):
    """The request was decided, or its grant is over."""

    code = "access_grant_decided"
    http_status = 409


class MemberNotFound(NotFound):
    """No such member."""

    code = "member_not_found"


class LastOwner(RingfenceError):
    """An account has at least one owner."""

    code = "last_owner"
    http_status = 409


class RoleRefused(RingfenceError):
    """Nobody gives a role that may do what they may not."""

    code = "role_refused"
    http_status = 403


class UnknownRole(InvalidInput):
    """There is no such role."""

    code = "unknown_role"


class RoleNotFound(NotFound):
    """No such custom role."""

    code = "role_not_found"


class RoleInUse(RingfenceError):
    """Members or invitations have the role."""

    code = "role_in_use"
    http_status = 409


class RoleExists(RingfenceError):
    """There is a role with this name."""

    code = "role_exists"
    http_status = 409


class InvalidRole(InvalidInput):
    """A role has a name and permissions of the catalogue."""

    code = "invalid_role"


class InvalidEmail(InvalidInput):
    """This is no e-mail address."""

    code = "invalid_email"


class InvitationNotFound(NotFound):
    """No such invitation."""

    code = "invitation_not_found"


class InvitationUnusable(RingfenceError):
    """The link was used, taken back or is too old, or it is somebody else's."""

    code = "invitation_unusable"
    http_status = 409


class AgeNotAttested(RingfenceError):
    """Somebody did not say that they are as old as the policy wants people to be
    (``details.minimum``, in years)."""

    code = "age_not_attested"
    http_status = 403


class AlreadyMember(RingfenceError):
    """The person is a member already."""

    code = "already_member"
    http_status = 409


class HasOwner(RingfenceError):
    """The tenant has an owner, who invites everybody else."""

    code = "has_owner"
    http_status = 409


class InvalidLocation(InvalidInput):
    """A work location is a country's two letters (ISO 3166-1)."""

    code = "invalid_work_location"
