"""Members of a tenant, invitations, and roles."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from ringfence.domains.identity import api
from ringfence.domains.identity.schemas import (
    InvitationIn,
    InvitationList,
    InvitationOut,
    MemberChange,
    MemberList,
    MemberOut,
    RoleChange,
    RoleIn,
    RoleList,
    RoleOut,
    invitation_out,
    member_out,
    role_of,
    role_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import OPENS, caller_of, requires, responses

router = Router()


def _member(text: str) -> UUID:
    return parse_public_id(Prefix.MEMBER, text)


def _role(text: str) -> UUID:
    return parse_public_id(Prefix.ROLE, text)


@router.get(
    "/members",
    response=responses(MemberList),
    operation_id="list_members",
    tags=["members"],
    openapi_extra=OPENS,
)
@requires("members:read")
def list_members(request: HttpRequest) -> MemberList:
    """Who works for the tenant."""
    found = api.list_members(caller_of(request).tenant_id)
    return MemberList(members=[member_out(info) for info in found])


@router.get(
    "/members/{member_id}",
    response=responses(MemberOut, 404, 422),
    operation_id="get_member",
    tags=["members"],
    openapi_extra=OPENS,
)
@requires("members:read")
def get_member(request: HttpRequest, member_id: str) -> MemberOut:
    """One of the members."""
    return member_out(api.get_member(caller_of(request).tenant_id, _member(member_id)))


@router.patch(
    "/members/{member_id}",
    response=responses(MemberOut, 404, 409, 422),
    operation_id="change_member",
    tags=["members"],
    openapi_extra=OPENS,
)
@requires("members:write")
def change_member(request: HttpRequest, member_id: str, change: MemberChange) -> MemberOut:
    """Give a member another role, from their next request on."""
    caller, id_ = caller_of(request), _member(member_id)
    check_etag(request, member_out(api.get_member(caller.tenant_id, id_)))
    api.change_member(caller, id_, *role_of(change.role))
    return member_out(api.get_member(caller.tenant_id, id_))


@router.delete(
    "/members/{member_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="remove_member",
    tags=["members"],
)
@requires("members:write")
def remove_member(request: HttpRequest, member_id: str) -> Status[None]:
    """End a membership: the person reaches nothing of the tenant from their next request on."""
    api.remove_member(caller_of(request), _member(member_id))
    return Status(204, None)


@router.get(
    "/invitations",
    response=responses(InvitationList),
    operation_id="list_invitations",
    tags=["members"],
    openapi_extra=OPENS,
)
@requires("members:read")
def list_invitations(request: HttpRequest) -> InvitationList:
    """Invitations that may still be accepted."""
    found = api.list_invitations(caller_of(request).tenant_id)
    return InvitationList(invitations=[invitation_out(info) for info in found])


@router.post(
    "/invitations",
    response=responses(InvitationOut, 422, success=201),
    operation_id="create_invitation",
    tags=["members"],
)
@requires("members:write")
def create_invitation(request: HttpRequest, new: InvitationIn) -> Status[InvitationOut]:
    """Invite somebody by mail. Whether they have an account already is told to nobody."""
    made = api.invite_member(caller_of(request), new.email, *role_of(new.role))
    return Status(201, invitation_out(made.info))


@router.delete(
    "/invitations/{invitation_id}",
    response=responses(None, 404, 422, success=204),
    operation_id="revoke_invitation",
    tags=["members"],
)
@requires("members:write")
def revoke_invitation(request: HttpRequest, invitation_id: str) -> Status[None]:
    """Take an invitation back."""
    id_ = parse_public_id(Prefix.INVITATION, invitation_id)
    api.revoke_invitation(caller_of(request).tenant_id, id_)
    return Status(204, None)


@router.get("/roles", response=responses(RoleList), operation_id="list_roles", tags=["members"])
@requires("roles:read")
def list_roles(request: HttpRequest) -> RoleList:
    """The roles that members may have."""
    return RoleList(roles=[role_out(info) for info in api.list_roles(caller_of(request).tenant_id)])


@router.post(
    "/roles",
    response=responses(RoleOut, 409, 422, success=201),
    operation_id="create_role",
    tags=["members"],
)
@requires("roles:write")
def create_role(request: HttpRequest, new: RoleIn) -> Status[RoleOut]:
    """Make a role of permissions that the caller has."""
    made = api.create_role(
        caller_of(request),
        new.name,
        tuple(new.permissions),
        tuple(new.purposes),
        new.mfa_required,
    )
    return Status(201, role_out(made))


@router.get(
    "/roles/{role_id}",
    response=responses(RoleOut, 404, 422),
    operation_id="get_role",
    tags=["members"],
)
@requires("roles:read")
def get_role(request: HttpRequest, role_id: str) -> RoleOut:
    """One of the tenant's own roles."""
    return role_out(api.get_role(caller_of(request).tenant_id, _role(role_id)))


@router.patch(
    "/roles/{role_id}",
    response=responses(RoleOut, 404, 409, 422),
    operation_id="change_role",
    tags=["members"],
)
@requires("roles:write")
def change_role(request: HttpRequest, role_id: str, change: RoleChange) -> RoleOut:
    """Change a role for everybody who has it, from their next request on."""
    caller, id_ = caller_of(request), _role(role_id)
    check_etag(request, role_out(api.get_role(caller.tenant_id, id_)))
    changed = api.change_role(
        caller,
        id_,
        name=change.name,
        permissions=None if change.permissions is None else tuple(change.permissions),
        purposes=None if change.purposes is None else tuple(change.purposes),
        mfa_required=change.mfa_required,
    )
    return role_out(changed)


@router.delete(
    "/roles/{role_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="delete_role",
    tags=["members"],
)
@requires("roles:write")
def delete_role(request: HttpRequest, role_id: str) -> Status[None]:
    """Delete a role that nobody has."""
    api.delete_role(caller_of(request).tenant_id, _role(role_id))
    return Status(204, None)
