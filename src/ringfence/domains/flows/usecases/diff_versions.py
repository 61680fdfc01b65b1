"""What changed between two versions of a flow, or between one and the draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ringfence.domains.flows.contracts import FlowInvalid
from ringfence.domains.flows.graph import Graph
from ringfence.domains.flows.problems import FlowProblem, shown
from ringfence.domains.flows.queries import find_flow, find_version
from ringfence.domains.flows.rules.diff import GraphDiff, diff
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.platform_django.tenancy import tenant


def diff_versions(tenant_id: UUID, flow_id: UUID, old: int, new: int | None) -> GraphDiff:
    """What it takes to make ``new`` (None: the draft) of ``old``.

    Raises FlowNotFound, FlowVersionNotFound, FlowInvalid for a draft that is no graph yet.
    """
    with tenant(tenant_id):
        before = find_version(tenant_id, flow_id, old).graph
        if new is None:
            after = find_flow(tenant_id, flow_id).draft
        else:
            after = find_version(tenant_id, flow_id, new).graph
    return diff(_graph(before), _graph(after))


def _graph(data: Any) -> Graph:
    graph, problems = parse_graph(data)
    if graph is None:
        found = [shown(FlowProblem(None, problem)) for problem in problems]
        raise FlowInvalid("the flow cannot be read", details={"problems": found})
    return graph
