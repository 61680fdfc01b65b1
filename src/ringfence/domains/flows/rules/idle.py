"""No call goes in circles, or very far, without anything that takes time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from ringfence.domains.flows.graph import Graph, Node, Problem, Redirect, SubFlow
from ringfence.domains.flows.rules.circles import components, on_circles
from ringfence.domains.flows.rules.forms import outcomes, target_of, waits
from ringfence.domains.flows.rules.nesting import callees_first

MAX_IDLE = 200
"""Steps in a row that take no time, with the one after them; what the interpreter runs."""
_Place = tuple[UUID, str]


def check_idle(flows: Mapping[UUID, Graph]) -> dict[UUID, tuple[Problem, ...]]:
    """Nodes on circles in which nothing waits, or from which more than MAX_IDLE steps follow.

    A sub-flow waits where every way through it does, and where it is not given. Sub-flows must
    have passed check_nesting.
    """
    ways = _Ways(flows)
    problems: defaultdict[UUID, list[Problem]] = defaultdict(list)
    for flow, name in on_circles(ways.edges):
        message = "calls would go in circles here: nothing on the way takes time"
        problems[flow].append(Problem(name, "next", "loop_without_wait", message))
    if not problems:
        for flow, name in _long_runs(ways):
            message = f"more than {MAX_IDLE} steps from here take no time"
            problems[flow].append(Problem(name, "next", "too_many_steps", message))
    return {flow: tuple(found) for flow, found in problems.items()}


class _Ways:
    """The ways through flows that take no time."""

    def __init__(self, flows: Mapping[UUID, Graph]) -> None:
        self.flows = flows
        self.order = callees_first(flows)
        self.returning: set[_Place] = set()
        """From where the flow may end without anything that takes time."""
        for flow in self.order:
            while self._spread(flow):
                pass
        self.edges = {
            (flow, name): self._edges(flow, node)
            for flow, graph in flows.items()
            for name, node in graph.nodes.items()
        }

    def start(self, flow: UUID) -> _Place:
        return flow, self.flows[flow].start

    def waits(self, node: Node) -> bool:
        """Whether it takes time, or leads to a flow that is not given."""
        match node.step:
            case SubFlow(flow=flow) | Redirect(flow=UUID() as flow):
                return flow not in self.flows
            case step:
                return waits(step)

    def after(self, flow: UUID, node: Node) -> set[_Place | None]:
        """What follows in the same flow; None where it ends."""
        names = {target_of(node, outcome) for outcome in outcomes(node.step)}
        return {None if name is None else (flow, name) for name in names}

    def _spread(self, flow: UUID) -> bool:
        before = len(self.returning)
        for name, node in reversed(list(self.flows[flow].nodes.items())):
            place = (flow, name)
            if place not in self.returning and not self.waits(node) and self._passes(node):
                ends = (way is None or way in self.returning for way in self.after(flow, node))
                if any(ends):
                    self.returning.add(place)
        return len(self.returning) > before

    def _passes(self, node: Node) -> bool:
        return not isinstance(node.step, SubFlow) or self.start(node.step.flow) in self.returning

    def _edges(self, flow: UUID, node: Node) -> tuple[_Place, ...]:
        if self.waits(node):
            return ()
        ways = self.after(flow, node) if self._passes(node) else set()
        if isinstance(node.step, SubFlow | Redirect) and node.step.flow is not None:
            ways = ways | {self.start(node.step.flow)}
        return tuple(way for way in ways if way is not None)


def _long_runs(ways: _Ways) -> Iterator[_Place]:
    ahead, until_end = _lengths(ways)
    tails: dict[UUID, int] = {}
    """Per flow: the longest way from something that takes time to its end."""
    for flow in ways.order:
        graph = ways.flows[flow]
        if ahead[ways.start(flow)] > MAX_IDLE:
            yield ways.start(flow)
        for name, node in graph.nodes.items():
            if ways.waits(node):
                before = 0
            elif isinstance(node.step, SubFlow) and node.step.flow in tails:
                before = tails[node.step.flow]
            else:
                continue
            for way in ways.after(flow, node):
                if way is None or way in until_end:
                    end = before + (0 if way is None else until_end[way])
                    tails[flow] = max(tails.get(flow, 0), end)
                if way is not None and before + ahead[way] > MAX_IDLE:
                    yield flow, name


def _lengths(ways: _Ways) -> tuple[dict[_Place, int], dict[_Place, int]]:
    """Longest way from each place: to something that takes time, and to the end of its flow."""
    ahead: dict[_Place, int] = {}
    until_end: dict[_Place, int] = {}
    for (place,) in components(ways.edges):
        flow, name = place
        node = ways.flows[flow].nodes[name]
        ahead[place] = 1
        if ways.waits(node):
            continue
        through = 0
        if isinstance(node.step, SubFlow | Redirect) and node.step.flow is not None:
            inner = ways.start(node.step.flow)
            ahead[place] = 1 + ahead[inner]
            if inner not in until_end:
                continue
            through = until_end[inner]
        for way in ways.after(flow, node):
            if way is None:
                until_end[place] = max(until_end.get(place, 0), 1 + through)
                continue
            ahead[place] = max(ahead[place], 1 + through + ahead[way])
            if way in until_end:
                end = 1 + through + until_end[way]
                until_end[place] = max(until_end.get(place, 0), end)
    return ahead, until_end
