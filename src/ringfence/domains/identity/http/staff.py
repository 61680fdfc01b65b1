"""The operator's staff."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from ringfence.domains.identity import api
from ringfence.domains.identity.contracts import UnknownRole
from ringfence.domains.identity.schemas import (
    InvitationOut,
    StaffChange,
    StaffInvitationIn,
    StaffList,
    StaffOut,
    invitation_out,
    staff_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import OPENS, caller_of, operator_only, requires, responses

router = Router()


def _member(text: str) -> UUID:
    return parse_public_id(Prefix.MEMBER, text)


@router.get(
    "/staff",
    response=responses(StaffList),
    operation_id="list_staff",
    tags=["staff"],
    openapi_extra=OPENS,
)
@operator_only
@requires("staff:read")
def list_staff(request: HttpRequest) -> StaffList:
    """The operator's staff."""
    return StaffList(staff=[staff_out(info) for info in api.list_staff()])


@router.get(
    "/staff/{member_id}",
    response=responses(StaffOut, 404, 422),
    operation_id="get_staff",
    tags=["staff"],
    openapi_extra=OPENS,
)
@operator_only
@requires("staff:read")
def get_staff(request: HttpRequest, member_id: str) -> StaffOut:
    """One of the operator's staff."""
    return staff_out(api.get_staff(_member(member_id)))


@router.post(
    "/staff",
    response=responses(InvitationOut, 422, success=201),
    operation_id="invite_staff",
    tags=["staff"],
)
@operator_only
@requires("staff:write")
def invite_staff(request: HttpRequest, new: StaffInvitationIn) -> Status[InvitationOut]:
    """Invite somebody to the operator's staff, by mail."""
    if new.role not in api.visible_staff_roles():
        raise UnknownRole("there is no such role of the operator's staff")
    made = api.invite_staff(new.email, new.role, new.work_location, caller_of(request).actor)
    return Status(201, invitation_out(made.info))


@router.patch(
    "/staff/{member_id}",
    response=responses(StaffOut, 404, 409, 422),
    operation_id="change_staff",
    tags=["staff"],
    openapi_extra=OPENS,
)
@operator_only
@requires("staff:write")
def change_staff(request: HttpRequest, member_id: str, change: StaffChange) -> StaffOut:
    """Give one of the staff another role or work location, from their next request on."""
    id_ = _member(member_id)
    check_etag(request, staff_out(api.get_staff(id_)))
    api.change_staff(id_, role=change.role, work_location=change.work_location)
    return staff_out(api.get_staff(id_))


@router.delete(
    "/staff/{member_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="remove_staff",
    tags=["staff"],
)
@operator_only
@requires("staff:write")
def remove_staff(request: HttpRequest, member_id: str) -> Status[None]:
    """End somebody's work for the operator, from their next request on."""
    api.remove_staff(_member(member_id))
    return Status(204, None)
