"""A tenant asks what stands against publishing a graph; nothing is stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ringfence.domains.flows.problems import FlowProblem, graph_problems
from ringfence.domains.flows.queries import find_flow
from ringfence.platform_django.tenancy import tenant


def validate_graph(
    tenant_id: UUID, data: Any, flow_id: UUID | None = None
) -> tuple[FlowProblem, ...]:
    """All problems of a graph as that of a flow, or of a new one. Raises FlowNotFound."""
    with tenant(tenant_id):
        if flow_id is not None:
            find_flow(tenant_id, flow_id)
        return graph_problems(tenant_id, flow_id, data)[1]
