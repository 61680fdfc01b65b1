"""REST API of flows."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.flows import api
from ringfence.domains.flows.http.schemas import (
    DiffOut,
    FlowChange,
    FlowIn,
    FlowList,
    FlowOut,
    PageQuery,
    ProblemOut,
    PublishIn,
    RollbackIn,
    ValidateIn,
    ValidateOut,
    VersionList,
    VersionOut,
    VersionQuery,
    diff_out,
    flow_out,
    flow_summary_out,
    version_out,
    version_summary_out,
)
from ringfence.domains.flows.problems import shown
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["flows"])
_READ, _WRITE = "flows:read", "flows:write"


def _flow(text: str) -> UUID:
    return parse_public_id(Prefix.FLOW, text)


@router.get("/flows", response=responses(FlowList, 422), operation_id="list_flows")
@requires(_READ)
def list_flows(request: HttpRequest, query: Query[PageQuery]) -> FlowList:
    """The tenant's flows, newest first."""
    page = api.list_flows(
        caller_of(request).tenant_id, before=query.cursor(Prefix.FLOW), limit=query.limit
    )
    cursor = page.next_cursor
    return FlowList(
        flows=[flow_summary_out(info) for info in page.flows],
        next=None if cursor is None else public_id(Prefix.FLOW, cursor),
    )


@router.post("/flows", response=responses(FlowOut, 422, success=201), operation_id="create_flow")
@requires(_WRITE)
def create_flow(request: HttpRequest, new: FlowIn) -> Status[FlowOut]:
    """Begin a flow. No call gets it before it is published."""
    return Status(201, flow_out(api.create_flow(caller_of(request).tenant_id, new.name, new.draft)))


@router.post(
    "/flows/validate", response=responses(ValidateOut, 404, 422), operation_id="validate_flow"
)
@requires(_READ)
def validate_flow(request: HttpRequest, asked: ValidateIn) -> ValidateOut:
    """All that stands against publishing a graph; nothing is stored."""
    flow = None if asked.flow is None else _flow(asked.flow)
    found = api.validate_graph(caller_of(request).tenant_id, asked.graph, flow)
    problems = [ProblemOut(**shown(problem)) for problem in found]
    return ValidateOut(valid=not problems, problems=problems)


@router.get("/flows/{flow_id}", response=responses(FlowOut, 404, 422), operation_id="get_flow")
@requires(_READ)
def get_flow(request: HttpRequest, flow_id: str) -> FlowOut:
    """One flow and its draft."""
    return flow_out(api.get_flow(caller_of(request).tenant_id, _flow(flow_id)))


@router.patch(
    "/flows/{flow_id}",
    response=responses(FlowOut, 404, 412, 422, 428),
    operation_id="change_flow",
)
@requires(_WRITE)
def change_flow(request: HttpRequest, flow_id: str, change: FlowChange) -> FlowOut:
    """Save a draft, or rename a flow; what calls get stays as it is."""
    tenant_id, id_ = caller_of(request).tenant_id, _flow(flow_id)
    check_etag(request, flow_out(api.get_flow(tenant_id, id_)))
    return flow_out(api.save_draft(tenant_id, id_, name=change.name, draft=change.draft))


@router.delete(
    "/flows/{flow_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="archive_flow",
)
@requires(_WRITE)
def archive_flow(request: HttpRequest, flow_id: str) -> Status[None]:
    """Put a flow away that no number and no published flow leads to."""
    api.archive_flow(caller_of(request).tenant_id, _flow(flow_id))
    return Status(204, None)


@router.post(
    "/flows/{flow_id}/publish",
    response=responses(VersionOut, 404, 422, success=201),
    operation_id="publish_flow",
)
@requires(_WRITE)
def publish_flow(request: HttpRequest, flow_id: str, asked: PublishIn) -> Status[VersionOut]:
    """Publish the draft: calls that start from now on get it, calls in progress keep theirs."""
    made = api.publish(caller_of(request).tenant_id, _flow(flow_id), asked.note)
    return Status(201, version_out(made))


@router.post(
    "/flows/{flow_id}/rollback",
    response=responses(VersionOut, 404, 422, success=201),
    operation_id="roll_back_flow",
)
@requires(_WRITE)
def roll_back_flow(request: HttpRequest, flow_id: str, asked: RollbackIn) -> Status[VersionOut]:
    """Publish an earlier version anew, as the next one. The draft stays as it is."""
    tenant_id = caller_of(request).tenant_id
    made = api.rollback(tenant_id, _flow(flow_id), asked.version, asked.note)
    return Status(201, version_out(made))


@router.get(
    "/flows/{flow_id}/versions",
    response=responses(VersionList, 404, 422),
    operation_id="list_flow_versions",
)
@requires(_READ)
def list_versions(request: HttpRequest, flow_id: str, query: Query[VersionQuery]) -> VersionList:
    """What was published, newest first."""
    page = api.list_versions(
        caller_of(request).tenant_id, _flow(flow_id), before=query.before, limit=query.limit
    )
    return VersionList(
        versions=[version_summary_out(info) for info in page.versions], next=page.next_cursor
    )


@router.get(
    "/flows/{flow_id}/versions/{version}",
    response=responses(VersionOut, 404, 422),
    operation_id="get_flow_version",
)
@requires(_READ)
def get_version(request: HttpRequest, flow_id: str, version: int) -> VersionOut:
    """One version of a flow."""
    return version_out(api.get_version(caller_of(request).tenant_id, _flow(flow_id), version))


@router.get(
    "/flows/{flow_id}/versions/{old}/diff/{new}",
    response=responses(DiffOut, 404, 422),
    operation_id="diff_flow_versions",
)
@requires(_READ)
def diff_versions(
    request: HttpRequest, flow_id: str, old: int, new: int | Literal["draft"]
) -> DiffOut:
    """What changed from one version to another, or to the draft."""
    later = None if new == "draft" else new
    return diff_out(api.diff_versions(caller_of(request).tenant_id, _flow(flow_id), old, later))
