"""Variables that are said or decided by are gathered on the way."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ringfence.domains.flows.graph import Gather, Graph, Problem, SubFlow
from ringfence.domains.flows.rules.forms import BUILT_IN, outcomes, target_of
from ringfence.domains.flows.rules.nesting import callees_first, entered
from ringfence.domains.flows.rules.texts import named

_ANY = "*"
"""What a flow that is not given may have gathered."""


def check_variables(flows: Mapping[UUID, Graph]) -> dict[UUID, tuple[Problem, ...]]:
    """Variables that no gather on the way to their node saves, that are none of every call, and
    that the flow does not expect from those leading to it."""
    gathers: dict[UUID, frozenset[str]] = {}
    for flow in callees_first(flows):
        saved = {n.step.save_as for n in flows[flow].nodes.values() if isinstance(n.step, Gather)}
        for other in entered(flows[flow]).values():
            saved |= gathers.get(other, {_ANY})
        gathers[flow] = frozenset(saved - {""})
    problems = {flow: _check(graph, gathers) for flow, graph in flows.items()}
    return {flow: found for flow, found in problems.items() if found}


def _check(graph: Graph, gathers: Mapping[UUID, frozenset[str]]) -> tuple[Problem, ...]:
    known = _known(graph, gathers)
    return tuple(
        Problem(name, field, "variable_unknown", f"no gather on the way here saves {variable}")
        for name, node in graph.nodes.items()
        for field, variable in named(node.step)
        if name in known and variable not in known[name] and _ANY not in known[name]
    )


def _known(graph: Graph, gathers: Mapping[UUID, frozenset[str]]) -> dict[str, frozenset[str]]:
    """What may have been gathered when a call comes to each node that is reached."""
    known = {graph.start: frozenset(graph.expects) | frozenset(BUILT_IN)}
    waiting = [graph.start]
    while waiting:
        name = waiting.pop()
        node = graph.nodes[name]
        after = known[name]
        match node.step:
            case Gather(save_as=save_as) if save_as:
                after |= {save_as}
            case SubFlow(flow=flow):
                after |= gathers.get(flow, {_ANY})
        for target in {target_of(node, outcome) for outcome in outcomes(node.step)} - {None}:
            assert target is not None
            before = known.get(target)
            if before is None or not after <= before:
                known[target] = after | (before or frozenset())
                waiting.append(target)
    return known
