"""Sub-flows: none enters itself, and they do not go too deep."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ringfence.domains.flows.graph import Graph, Problem, SubFlow
from ringfence.domains.flows.rules.circles import components, on_circles

MAX_DEPTH = 16
"""Flows entered within one another; what the interpreter runs."""


def entered(graph: Graph) -> dict[str, UUID]:
    """The flows that a graph enters, by node."""
    return {
        name: node.step.flow for name, node in graph.nodes.items() if isinstance(node.step, SubFlow)
    }


def callees_first(flows: Mapping[UUID, Graph]) -> tuple[UUID, ...]:
    """Flows in an order where each comes after those that it enters."""
    edges = {flow: tuple(entered(graph).values()) for flow, graph in flows.items()}
    return tuple(flow for component in components(edges) for flow in component)


def check_nesting(flows: Mapping[UUID, Graph]) -> dict[UUID, tuple[Problem, ...]]:
    """Flows that enter themselves, at once or through others, or more than MAX_DEPTH others."""
    enters = {flow: entered(graph) for flow, graph in flows.items()}
    circles = on_circles({flow: tuple(nodes.values()) for flow, nodes in enters.items()})
    depth: dict[UUID, int] = {}
    problems: dict[UUID, tuple[Problem, ...]] = {}
    for flow in callees_first(flows):
        found = []
        for name, other in enters[flow].items():
            within = 1 + depth.get(other, 0)
            depth[flow] = max(depth.get(flow, 0), within)
            if flow in circles and circles[flow] == circles.get(other):
                found.append(Problem(name, "flow", "recursion", "the flow would enter itself"))
            elif within > MAX_DEPTH:
                message = f"more than {MAX_DEPTH} flows would be entered within one another"
                found.append(Problem(name, "flow", "too_deep", message))
        if found:
            problems[flow] = tuple(found)
    return problems
