"""The first owner of a tenant that a manager took on."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity import api
from ringfence.domains.identity.schemas import InvitationOut, OwnerIn, invitation_out
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.http import caller_of, manager_of, managers_only, requires, responses

router = Router()


@router.post(
    "/tenants/{tenant_id}/owner",
    response=responses(InvitationOut, 404, 409, 422, success=201),
    operation_id="invite_owner",
    tags=["tenants"],
)
@managers_only
@requires("tenants:write")
def invite_owner(request: HttpRequest, tenant_id: str, new: OwnerIn) -> Status[InvitationOut]:
    """Invite the first owner of a tenant that has none."""
    info = accounts.get_managed_tenant(
        parse_public_id(Prefix.TENANT, tenant_id), manager_of(request)
    )
    made = api.invite_owner(info.id, new.email, caller_of(request).actor)
    return Status(201, invitation_out(made.info))
