"""Reading flows, versions, prompts and targets, as the tenant that they belong to."""

from __future__ import annotations

from typing import BinaryIO, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from ringfence.domains.flows.audio import RATE
from ringfence.domains.flows.contracts import (
    FlowInfo,
    FlowNotFound,
    FlowPage,
    FlowSummary,
    FlowVersionInfo,
    FlowVersionNotFound,
    FlowVersionPage,
    FlowVersionSummary,
    PromptFileMissing,
    PromptInfo,
    PromptNotFound,
    PromptPage,
    TargetInfo,
    TargetKind,
    TargetNotFound,
    TargetPage,
)
from ringfence.domains.flows.models import Flow, FlowVersion, Prompt, Target
from ringfence.domains.flows.prompt_file import prompt_path
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.tenancy import tenant

MAX_PAGE = 200
Row = TypeVar("Row", bound=TenantModel)


def _page(rows: QuerySet[Row], before: UUID | None, limit: int) -> tuple[list[Row], UUID | None]:
    """Newest first, at most 200, and the cursor of the page after it."""
    limit = max(1, min(limit, MAX_PAGE))
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: limit + 1])
    return found[:limit], found[limit - 1].id if len(found) > limit else None


_FLOW = ("id", "tenant_id", "name", "published_version", "created_at", "updated_at")
_VERSION = ("flow_id", "tenant_id", "version", "note", "published_at")


def flow_info(row: Flow) -> FlowInfo:
    return FlowInfo(draft=row.draft, **{name: getattr(row, name) for name in _FLOW})


def version_info(row: FlowVersion) -> FlowVersionInfo:
    return FlowVersionInfo(graph=row.graph, **{name: getattr(row, name) for name in _VERSION})


def prompt_info(row: Prompt) -> PromptInfo:
    return PromptInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        sha256=row.sha256,
        bytes=row.bytes,
        seconds=row.samples / RATE,
        created_at=row.created_at,
    )


def target_info(row: Target) -> TargetInfo:
    return TargetInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        kind=TargetKind(row.kind),
        trunk_id=row.trunk_id,
        number=row.number,
        uri=row.uri,
        device_id=row.device_id,
        enabled=row.enabled,
    )


def find_flow(tenant_id: UUID, flow_id: UUID) -> Flow:
    """Within a transaction of the tenant. Raises FlowNotFound, also for an archived one."""
    row = Flow.objects.filter(tenant_id=tenant_id, id=flow_id, archived=False).first()
    if row is None:
        raise FlowNotFound("no such flow")
    return row


def find_version(tenant_id: UUID, flow_id: UUID, version: int) -> FlowVersion:
    """Within a transaction of the tenant. Raises FlowNotFound, FlowVersionNotFound."""
    find_flow(tenant_id, flow_id)
    rows = FlowVersion.objects.filter(tenant_id=tenant_id, flow_id=flow_id, version=version)
    row = rows.first()
    if row is None:
        raise FlowVersionNotFound("the flow has no such version")
    return row


def get_flow(tenant_id: UUID, flow_id: UUID) -> FlowInfo:
    """One of the tenant's flows. Raises FlowNotFound."""
    with tenant(tenant_id):
        return flow_info(find_flow(tenant_id, flow_id))


def list_flows(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> FlowPage:
    """A page of the tenant's flows, newest first; ``before`` is a cursor."""
    with tenant(tenant_id):
        rows = Flow.objects.filter(tenant_id=tenant_id, archived=False)
        page, cursor = _page(rows.only(*_FLOW), before, limit)
    return FlowPage(
        tuple(FlowSummary(**{name: getattr(row, name) for name in _FLOW}) for row in page), cursor
    )


def get_version(tenant_id: UUID, flow_id: UUID, version: int) -> FlowVersionInfo:
    """One version of a flow. Raises FlowNotFound, FlowVersionNotFound."""
    with tenant(tenant_id):
        return version_info(find_version(tenant_id, flow_id, version))


def list_versions(
    tenant_id: UUID, flow_id: UUID, *, before: int | None = None, limit: int = 50
) -> FlowVersionPage:
    """A page of a flow's versions, newest first; ``before`` is a cursor. Raises FlowNotFound."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        find_flow(tenant_id, flow_id)
        rows = FlowVersion.objects.filter(tenant_id=tenant_id, flow_id=flow_id)
        if before is not None:
            rows = rows.filter(version__lt=before)
        found = list(rows.order_by("-version").values(*_VERSION)[: limit + 1])
    page = tuple(FlowVersionSummary(**row) for row in found[:limit])
    return FlowVersionPage(page, page[-1].version if len(found) > limit else None)


def find_prompt(tenant_id: UUID, prompt_id: UUID) -> Prompt:
    """Within a transaction of the tenant. Raises PromptNotFound."""
    row = Prompt.objects.filter(tenant_id=tenant_id, id=prompt_id).first()
    if row is None:
        raise PromptNotFound("no such prompt")
    return row


def get_prompt(tenant_id: UUID, prompt_id: UUID) -> PromptInfo:
    """One of the tenant's prompts. Raises PromptNotFound."""
    with tenant(tenant_id):
        return prompt_info(find_prompt(tenant_id, prompt_id))


def prompt_audio(tenant_id: UUID, prompt_id: UUID) -> BinaryIO:
    """Its WAV file, open. Raises PromptNotFound, PromptFileMissing."""
    get_prompt(tenant_id, prompt_id)
    try:
        return prompt_path(settings.RINGFENCE.prompt_dir, tenant_id, prompt_id).open("rb")
    except FileNotFoundError:
        raise PromptFileMissing("the prompt's file is not on this machine") from None


def list_prompts(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> PromptPage:
    """A page of the tenant's prompts, newest first; ``before`` is a cursor."""
    with tenant(tenant_id):
        page, cursor = _page(Prompt.objects.filter(tenant_id=tenant_id), before, limit)
    return PromptPage(tuple(map(prompt_info, page)), cursor)


def find_target(tenant_id: UUID, target_id: UUID) -> Target:
    """Within a transaction of the tenant. Raises TargetNotFound."""
    row = Target.objects.filter(tenant_id=tenant_id, id=target_id).first()
    if row is None:
        raise TargetNotFound("no such target")
    return row


def get_target(tenant_id: UUID, target_id: UUID) -> TargetInfo:
    """One of the tenant's targets. Raises TargetNotFound."""
    with tenant(tenant_id):
        return target_info(find_target(tenant_id, target_id))


def list_targets(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> TargetPage:
    """A page of the tenant's targets, newest first; ``before`` is a cursor."""
    with tenant(tenant_id):
        page, cursor = _page(Target.objects.filter(tenant_id=tenant_id), before, limit)
    return TargetPage(tuple(map(target_info, page)), cursor)
