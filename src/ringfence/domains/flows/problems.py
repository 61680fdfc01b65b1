"""Whether a graph can be published: its form, what it names, and the flows around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ringfence.domains.flows.contracts import FlowInvalid
from ringfence.domains.flows.graph import Graph, Problem
from ringfence.domains.flows.models import Flow, Prompt, Target
from ringfence.domains.flows.neighbours import device_names, owned_numbers
from ringfence.domains.flows.published import flows_leading_to, reached_from
from ringfence.domains.flows.rules.check import check_flows, check_graph
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.domains.flows.rules.references import References, references, references_by_node
from ringfence.domains.flows.text import storable
from ringfence.domains.trunks import api as trunks
from ringfence.kernel.ids import Prefix, public_id

_MISSING = {
    "prompts": ("prompt_not_found", "there is no such prompt"),
    "targets": ("target_not_found", "there is no such target"),
    "flows": ("flow_not_published", "no such flow is published"),
    "trunks": ("trunk_not_found", "the tenant may use no such trunk"),
    "devices": ("device_not_found", "there is no such device"),
    "caller_ids": ("caller_id_not_owned", "is not an active number of the tenant"),
}


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """A problem; of another flow when publishing would break that one."""

    flow_id: UUID | None
    problem: Problem


def graph_problems(
    tenant_id: UUID, flow_id: UUID | None, data: Any
) -> tuple[Graph | None, tuple[FlowProblem, ...]]:
    """All problems of a graph that is to be that of a flow (None: of a new one).

    Within a transaction of the tenant. Graph is None when its form is wrong.
    """
    if not storable(data):
        text = "holds a NUL, half a surrogate pair, or a number that is none"
        return None, (FlowProblem(None, Problem(None, "", "not_storable", text)),)
    graph, problems = parse_graph(data)
    if graph is None:
        return None, _own(problems)
    problems = check_graph(graph)
    found = [*_own(problems), *_own(_missing(tenant_id, flow_id, graph))]
    if not problems:
        found += _around(flow_id, graph)
    return graph, tuple(found)


def checked_graph(tenant_id: UUID, flow_id: UUID, data: Any) -> Graph:
    """The graph. Raises FlowInvalid with all its problems."""
    graph, problems = graph_problems(tenant_id, flow_id, data)
    if graph is None or problems:
        raise FlowInvalid(
            "the flow cannot be published", details={"problems": list(map(shown, problems))}
        )
    return graph


def shown(found: FlowProblem) -> dict[str, Any]:
    """As ``details.problems`` of FlowInvalid has it."""
    problem = found.problem
    return {
        "flow": None if found.flow_id is None else public_id(Prefix.FLOW, found.flow_id),
        "node": problem.node,
        "field": problem.field,
        "code": problem.code,
        "message": problem.message,
    }


def _own(problems: Iterable[Problem]) -> tuple[FlowProblem, ...]:
    return tuple(FlowProblem(None, problem) for problem in problems)


def _missing(tenant_id: UUID, flow_id: UUID | None, graph: Graph) -> Iterable[Problem]:
    there = _existing(tenant_id, flow_id, references(graph))
    for reference in references_by_node(graph):
        if reference.value not in getattr(there, reference.kind):
            code, message = _MISSING[reference.kind]
            yield Problem(reference.node, reference.field, code, message)


def _existing(tenant_id: UUID, flow_id: UUID | None, named: References) -> References:
    """Those of the things named that are there and the tenant's to use."""
    prompts = Prompt.objects.filter(tenant_id=tenant_id, id__in=named.prompts)
    targets = Target.objects.filter(tenant_id=tenant_id, id__in=named.targets)
    flows = Flow.objects.filter(
        tenant_id=tenant_id, id__in=named.flows, archived=False, published_version__isnull=False
    )
    itself = frozenset() if flow_id is None else frozenset({flow_id})
    return References(
        prompts=_ids(prompts) if named.prompts else frozenset(),
        targets=_ids(targets) if named.targets else frozenset(),
        flows=itself | (_ids(flows) if named.flows else frozenset()),
        trunks=trunks.usable_by(tenant_id, named.trunks) if named.trunks else frozenset(),
        devices=frozenset(device_names(tenant_id, named.devices)),
        caller_ids=owned_numbers(tenant_id, named.caller_ids),
    )


def _ids(rows: Any) -> frozenset[UUID]:
    return frozenset(rows.values_list("id", flat=True))


def _around(flow_id: UUID | None, graph: Graph) -> Iterable[FlowProblem]:
    """Among the flows that lead to this one and those that they all reach."""
    this = flow_id or UUID(int=0)
    around = flows_leading_to(this) | references(graph).flows
    graphs = {id_: other for id_, (_, other, _) in reached_from(around).items()}
    for other, problems in check_flows({**graphs, this: graph}).items():
        for problem in problems:
            yield FlowProblem(None if other == this else other, problem)
