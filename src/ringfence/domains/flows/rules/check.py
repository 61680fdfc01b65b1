"""Whether a graph can be run: everything that its form alone does not say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any
from uuid import UUID

from ringfence.domains.flows.graph import Graph, Problem
from ringfence.domains.flows.rules.forms import TYPE_OF, outcomes, target_of
from ringfence.domains.flows.rules.idle import check_idle
from ringfence.domains.flows.rules.kinds import shown
from ringfence.domains.flows.rules.nesting import check_nesting
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.domains.flows.rules.steps import check_step
from ringfence.domains.flows.rules.variables import check_variables

_ALONE = UUID(int=0)


def validate(data: Any) -> tuple[Graph | None, tuple[Problem, ...]]:
    """The graph of a flow's JSON if it can be run on its own, or why it cannot."""
    graph, problems = parse_graph(data)
    if graph is not None:
        problems = check_graph(graph)
    return (None if problems else graph), problems


def check_graph(graph: Graph) -> tuple[Problem, ...]:
    """Every reason why a graph cannot be run. Other flows are taken as they should be: that they
    take time, and gather what is said after them; check_flows knows better."""
    problems = [*_links(graph)]
    for name, node in graph.nodes.items():
        problems += check_step(name, node.step)
    if not problems:
        problems += _unreachable(graph)
        problems += check_variables({_ALONE: graph}).get(_ALONE, ())
        problems += check_idle({_ALONE: graph}).get(_ALONE, ())
    return tuple(problems)


def check_flows(flows: Mapping[UUID, Graph]) -> dict[UUID, tuple[Problem, ...]]:
    """What is wrong among flows that lead to one another; each must have passed check_graph.

    Circles in which nothing waits, sub-flows that enter themselves or go too deep, variables that
    nobody gathers. Flows without problems are not in the result, and a flow that is named but not
    given is taken as check_graph takes it.
    """
    found: defaultdict[UUID, list[Problem]] = defaultdict(list)
    nested = check_nesting(flows)
    checks = [nested, check_variables(flows)]
    if not nested:
        checks.append(check_idle(flows))
    for flow, problems in chain.from_iterable(check.items() for check in checks):
        found[flow] += problems
    return {flow: tuple(problems) for flow, problems in found.items()}


def _links(graph: Graph) -> Iterator[Problem]:
    if graph.start not in graph.nodes:
        yield Problem(None, "start", "node_unknown", "there is no such node")
    for name, node in graph.nodes.items():
        possible = outcomes(node.step)
        for outcome, target in node.next.items():
            field = f"next.{shown(outcome)}"
            if outcome not in possible and (outcome or not possible):
                told = ", ".join(possible) or "none"
                message = f"{TYPE_OF[type(node.step)]} has no such outcome; it has: {told}"
                yield Problem(name, field, "outcome_unknown", message)
            elif target not in graph.nodes:
                yield Problem(name, field, "node_unknown", "there is no such node")


def _unreachable(graph: Graph) -> Iterator[Problem]:
    reached, waiting = {graph.start}, [graph.start]
    while waiting:
        node = graph.nodes[waiting.pop()]
        for outcome in outcomes(node.step):
            target = target_of(node, outcome)
            if target is not None and target not in reached:
                reached.add(target)
                waiting.append(target)
    for name in graph.nodes:
        if name not in reached:
            yield Problem(name, "", "unreachable", "nothing leads here")
