"""A flow's JSON to its graph, and back."""

from __future__ import annotations

from typing import Any

from ringfence.domains.flows.graph import Graph, Node, Problem
from ringfence.domains.flows.rules.forms import (
    EXPECTS,
    MAX_NODES,
    NODE_ID,
    POSITION,
    STEPS,
    TYPE_OF,
)
from ringfence.domains.flows.rules.kinds import BAD, Refuse, shown

_GRAPH_KEYS = ("start", "nodes", "expects")
_NODE_KEYS = ("type", "next", "position")
_MAX_OUTCOMES = 100


def parse_graph(data: Any) -> tuple[Graph | None, tuple[Problem, ...]]:
    """The graph of a flow's JSON as json.loads gives it, or every problem of its form.

    Never raises, whatever the JSON. That nodes fit together is for rules.check.
    """
    problems: list[Problem] = []
    refuse = _reporter(problems, None)
    if not isinstance(data, dict):
        refuse("", "wrong_type", "a flow is an object with `start` and `nodes`")
        return None, tuple(problems)
    for key in data:
        if key not in _GRAPH_KEYS:
            refuse(shown(key), "unknown_key", "is not known here")
    start = BAD
    if "start" in data:
        start = NODE_ID.read(data["start"], "start", refuse)
    else:
        refuse("start", "missing", "must be given: the node that a call begins at")
    expects = EXPECTS.read(data.get("expects", []), "expects", refuse)
    nodes = _nodes(data.get("nodes"), problems)
    if problems:
        return None, tuple(problems)
    return Graph(start, nodes, expects), ()


def _reporter(problems: list[Problem], node: str | None) -> Refuse:
    def refuse(field: str, code: str, message: str) -> None:
        problems.append(Problem(node, field, code, message))

    return refuse


def _nodes(data: Any, problems: list[Problem]) -> dict[str, Node]:
    refuse = _reporter(problems, None)
    nodes: dict[str, Node] = {}
    if not isinstance(data, dict):
        refuse("nodes", "missing" if data is None else "wrong_type", "must be an object")
    elif not 1 <= len(data) <= MAX_NODES:
        refuse("nodes", "out_of_range", f"must have 1 to {MAX_NODES} nodes")
    else:
        for name, value in data.items():
            NODE_ID.read(name, f"nodes.{shown(name)}", refuse)
            node = _node(value, _reporter(problems, shown(name)))
            if node is not None:
                nodes[name] = node
    return nodes


def _node(data: Any, refuse: Refuse) -> Node | None:
    if not isinstance(data, dict):
        refuse("", "wrong_type", "a node is an object with `type` and its parameters")
        return None
    kind = data.get("type")
    following = _next(data.get("next", {}), refuse)
    position = None
    if "position" in data:
        position = POSITION.read(data["position"], "position", refuse)
    if not isinstance(kind, str) or kind not in STEPS:
        refuse("type", "missing" if kind is None else "unknown_type", f"is one of {_types()}")
        return None
    parameters = {key: value for key, value in data.items() if key not in _NODE_KEYS}
    step = STEPS[kind].read(parameters, "", refuse)
    if step is BAD or following is None or position is BAD:
        return None
    return Node(step, following, position)


def _types() -> str:
    return ", ".join(STEPS)


def _next(data: Any, refuse: Refuse) -> dict[str, str] | None:
    if not isinstance(data, dict):
        refuse("next", "wrong_type", "must be an object of outcome and node")
        return None
    if len(data) > _MAX_OUTCOMES:
        refuse("next", "out_of_range", f"must have at most {_MAX_OUTCOMES} outcomes")
        return None
    following = {
        outcome: NODE_ID.read(node, f"next.{shown(outcome)}", refuse)
        for outcome, node in data.items()
    }
    return None if any(node is BAD for node in following.values()) else following


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph as JSON values, in one way only: what has its default value is left out, and nodes
    are in the order of their ids. parse_graph reads it back."""
    written: dict[str, Any] = {"start": graph.start}
    if graph.expects:
        written["expects"] = EXPECTS.write(graph.expects)
    written["nodes"] = {name: _written(graph.nodes[name]) for name in sorted(graph.nodes)}
    return written


def _written(node: Node) -> dict[str, Any]:
    kind = TYPE_OF[type(node.step)]
    written = {"type": kind, **STEPS[kind].write(node.step)}
    if node.next:
        written["next"] = {outcome: node.next[outcome] for outcome in sorted(node.next)}
    if node.position is not None:
        written["position"] = POSITION.write(node.position)
    return written
