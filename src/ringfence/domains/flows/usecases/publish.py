"""What calls get becomes the draft, or an earlier version again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Max

from ringfence.domains.flows import limits
from ringfence.domains.flows.contracts import FlowVersionInfo, InvalidFlow
from ringfence.domains.flows.graph import Graph
from ringfence.domains.flows.limits import check_room
from ringfence.domains.flows.models import Flow, FlowVersion
from ringfence.domains.flows.problems import checked_graph
from ringfence.domains.flows.published import lock_published
from ringfence.domains.flows.queries import find_flow, find_version, version_info
from ringfence.domains.flows.rules.references import references
from ringfence.domains.flows.text import checked_text
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def publish(tenant_id: UUID, flow_id: UUID, note: str = "") -> FlowVersionInfo:
    """Publish the draft: calls that start from now on get it, calls in progress keep theirs.

    Raises FlowNotFound, InvalidFlow, FlowInvalid, TooMany.
    """
    note = checked_text("note", note, InvalidFlow, most=500)
    with tenant(tenant_id):
        lock_published(tenant_id)
        flow = find_flow(tenant_id, flow_id)
        return _publish(flow, flow.draft, note)


def rollback(tenant_id: UUID, flow_id: UUID, version: int, note: str = "") -> FlowVersionInfo:
    """Publish an earlier version anew, as the next one; the draft stays as it is.

    Raises FlowNotFound, FlowVersionNotFound, InvalidFlow, FlowInvalid when something that it names
    is gone, TooMany.
    """
    note = checked_text("note", note, InvalidFlow, most=500)
    with tenant(tenant_id):
        lock_published(tenant_id)
        flow = find_flow(tenant_id, flow_id)
        return _publish(flow, find_version(tenant_id, flow_id, version).graph, note)


def _publish(flow: Flow, data: Any, note: str) -> FlowVersionInfo:
    graph = checked_graph(flow.tenant_id, flow.id, data)
    versions = FlowVersion.objects.filter(tenant_id=flow.tenant_id, flow_id=flow.id)
    check_room(versions, limits.MAX_VERSIONS)
    last = versions.aggregate(last=Max("version"))["last"] or 0
    row = FlowVersion.objects.create(
        tenant_id=flow.tenant_id,
        flow_id=flow.id,
        version=last + 1,
        graph=data,
        uses=sorted(_uses(graph)),
        uses_flows=sorted(references(graph).flows),
        note=note,
        published_at=clock().now(),
    )
    flow.published_version = row.version
    flow.save(update_fields=["published_version"])
    return version_info(row)


def _uses(graph: Graph) -> set[str]:
    named = references(graph)
    by_id = (
        (Prefix.PROMPT, named.prompts),
        (Prefix.TARGET, named.targets),
        (Prefix.TRUNK, named.trunks),
        (Prefix.DEVICE, named.devices),
    )
    ids = {public_id(prefix, value) for prefix, values in by_id for value in values}
    return ids | named.caller_ids
