"""Access of the operator's staff to tenants: asked for here, decided by the tenant."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from ringfence.domains.identity import api
from ringfence.domains.identity.schemas import AccessIn, GrantList, GrantOut, grant_out
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.http import anyone, caller_of, operator_only, requires, responses

router = Router()


def _grant(text: str) -> UUID:
    return parse_public_id(Prefix.ACCESS_GRANT, text)


@router.get(
    "/access-grants", response=responses(GrantList), operation_id="list_access_grants",
    tags=["access"],
)  # fmt: skip
@anyone
@requires("access:read")
def list_access_grants(request: HttpRequest) -> GrantList:
    """For a tenant: who of the operator's staff asked to be let in to it. For staff: what they
    asked for."""
    caller = caller_of(request)
    found = (
        api.grants_of_staff(caller.credential_id)
        if caller.is_operator
        else api.grants_of_tenant(caller.tenant_id)
    )
    return GrantList(grants=[grant_out(info) for info in found])


@router.post(
    "/tenants/{tenant_id}/access-grants",
    response=responses(GrantOut, 404, 422, success=201),
    operation_id="request_access",
    tags=["access"],
)
@operator_only
@requires("access:request")
def request_access(request: HttpRequest, tenant_id: str, new: AccessIn) -> Status[GrantOut]:
    """Ask to be let in to a tenant. Its settings say whether that is granted at once, waits for
    the tenant, or is refused. In force, requests name the tenant in ``Ringfence-Tenant``."""
    id_ = parse_public_id(Prefix.TENANT, tenant_id)
    made = api.request_access(caller_of(request), id_, new.reason, new.minutes)
    return Status(201, grant_out(made))


@router.post(
    "/access-grants/{grant_id}/end",
    response=responses(GrantOut, 404, 409, 422),
    operation_id="end_access",
    tags=["access"],
)
@operator_only
@requires("access:request")
def end_access(request: HttpRequest, grant_id: str) -> GrantOut:
    """Give back one's own access before its time is over."""
    return grant_out(api.end_access(caller_of(request), _grant(grant_id)))


@router.post(
    "/access-grants/{grant_id}/approve",
    response=responses(GrantOut, 404, 409, 422),
    operation_id="approve_access",
    tags=["access"],
)
@requires("access:write")
def approve_access(request: HttpRequest, grant_id: str) -> GrantOut:
    """Let the staff in: the time begins now."""
    return grant_out(api.decide_access(caller_of(request), _grant(grant_id), "approve"))


@router.post(
    "/access-grants/{grant_id}/deny",
    response=responses(GrantOut, 404, 409, 422),
    operation_id="deny_access",
    tags=["access"],
)
@requires("access:write")
def deny_access(request: HttpRequest, grant_id: str) -> GrantOut:
    """Let nobody in."""
    return grant_out(api.decide_access(caller_of(request), _grant(grant_id), "deny"))


@router.post(
    "/access-grants/{grant_id}/revoke",
    response=responses(GrantOut, 404, 409, 422),
    operation_id="revoke_access",
    tags=["access"],
)
@requires("access:write")
def revoke_access(request: HttpRequest, grant_id: str) -> GrantOut:
    """End an access that is in force: the staff's next request is refused."""
    return grant_out(api.decide_access(caller_of(request), _grant(grant_id), "revoke"))
