"""The operator's staff in tenants of the signed-in person, on the page of their account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from django.http import Http404

from ringfence.domains.accounts.contracts import TenantNotFound, TenantSuspended
from ringfence.domains.identity.contracts import (
    GrantDecided,
    GrantInfo,
    GrantNotFound,
    NoMembership,
    Session,
    UserPrincipal,
)
from ringfence.domains.identity.queries import memberships_of, principal_of
from ringfence.domains.identity.usecases.access_grants import decide_access, grants_of_tenant
from ringfence.platform_django.admission import Admission, InsufficientScope

READ, WRITE = "access:read", "access:write"
_TOLD = {
    "approve": "Access was granted.",
    "deny": "The request was denied.",
    "revoke": "Access was ended.",
}


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """What staff asked for or have in one tenant."""

    tenant_id: UUID
    tenant_name: str
    may_decide: bool
    grants: tuple[GrantInfo, ...]


def shown_to(session: Session) -> list[TenantAccess]:
    """In each tenant whose access the person may see, what is asked for or in force."""
    found = []
    for membership in memberships_of(session.user_id):
        if membership.tenant_id is None:
            continue
        principal = _principal(session, membership.tenant_id)
        if principal is None or READ not in principal.scopes:
            continue
        grants = grants_of_tenant(membership.tenant_id)
        found.append(
            TenantAccess(
                membership.tenant_id,
                membership.tenant_name,
                WRITE in principal.scopes,
                tuple(one for one in grants if one.state in ("requested", "active")),
            )
        )
    return found


def _principal(session: Session, tenant_id: UUID) -> UserPrincipal | None:
    try:
        return principal_of(session, tenant_id)
    except (NoMembership, TenantNotFound, TenantSuspended):
        return None


def decide(session: Session, tenant_id: UUID, grant_id: UUID, decision: str) -> str:
    """Decide as the API does; what to tell the person. Raises Http404, MfaRequired,
    StepUpRequired."""
    member = {one.tenant_id for one in memberships_of(session.user_id)}
    principal = _principal(session, tenant_id) if tenant_id in member else None
    if principal is None or decision not in _TOLD:
        raise Http404
    try:
        principal.admit(Admission(WRITE))
        decide_access(principal, grant_id, cast(Literal["approve", "deny", "revoke"], decision))
    except (InsufficientScope, GrantNotFound):
        raise Http404 from None
    except GrantDecided:
        return "This was decided already."
    return _TOLD[decision]
