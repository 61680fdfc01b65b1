"""REST API of targets."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.flows import api
from ringfence.domains.flows.http.schemas import (
    PageQuery,
    TargetChange,
    TargetIn,
    TargetList,
    TargetOut,
    target_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["targets"])
_READ, _WRITE = "flows:read", "flows:write"


def _target(text: str) -> UUID:
    return parse_public_id(Prefix.TARGET, text)


@router.get("/targets", response=responses(TargetList, 422), operation_id="list_targets")
@requires(_READ)
def list_targets(request: HttpRequest, query: Query[PageQuery]) -> TargetList:
    """The tenant's targets, newest first."""
    page = api.list_targets(
        caller_of(request).tenant_id, before=query.cursor(Prefix.TARGET), limit=query.limit
    )
    cursor = page.next_cursor
    return TargetList(
        targets=[target_out(info) for info in page.targets],
        next=None if cursor is None else public_id(Prefix.TARGET, cursor),
    )


@router.post(
    "/targets", response=responses(TargetOut, 422, success=201), operation_id="create_target"
)
@requires(_WRITE)
def create_target(request: HttpRequest, new: TargetIn) -> Status[TargetOut]:
    """Name a destination, for flows to dial."""
    return Status(201, target_out(api.create_target(caller_of(request).tenant_id, new.as_new())))


@router.get(
    "/targets/{target_id}", response=responses(TargetOut, 404, 422), operation_id="get_target"
)
@requires(_READ)
def get_target(request: HttpRequest, target_id: str) -> TargetOut:
    """One of the tenant's targets."""
    return target_out(api.get_target(caller_of(request).tenant_id, _target(target_id)))


@router.patch(
    "/targets/{target_id}",
    response=responses(TargetOut, 404, 412, 422, 428),
    operation_id="change_target",
)
@requires(_WRITE)
def change_target(request: HttpRequest, target_id: str, change: TargetChange) -> TargetOut:
    """Change a target, or pass over it; calls that start from now on get it so."""
    tenant_id, id_ = caller_of(request).tenant_id, _target(target_id)
    info = api.get_target(tenant_id, id_)
    check_etag(request, target_out(info))
    return target_out(api.change_target(tenant_id, id_, change.applied_to(info)))


@router.delete(
    "/targets/{target_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="delete_target",
)
@requires(_WRITE)
def delete_target(request: HttpRequest, target_id: str) -> Status[None]:
    """Delete a target that no published flow dials."""
    api.delete_target(caller_of(request).tenant_id, _target(target_id))
    return Status(204, None)
