"""What changed between two graphs, and what a graph names."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.flows.examples import ALL_TYPES, DEVICE, FLOW, PROMPT, TARGET, TRUNK, flow
from tests.unit.flows.graphs import any_flows

from ringfence.domains.flows.graph import Graph
from ringfence.domains.flows.rules.diff import GraphDiff, diff
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.domains.flows.rules.references import References, references, references_by_node


def graph(data: dict[str, Any]) -> Graph:
    found, problems = parse_graph(data)
    assert found is not None, problems
    return found


def test_what_changed() -> None:
    old = flow(
        "a",
        a={"type": "say", "text": "hi", "next": {"done": "b", "failed": "c"}},
        b={"type": "hangup", "position": {"x": 1, "y": 1}},
        c={"type": "reject"},
    )
    new = flow(
        "b",
        a={"type": "say", "text": "ho", "loop": 2, "next": {"done": "b", "": "d"}},
        b={"type": "hangup", "position": {"x": 5, "y": 5}},
        d={"type": "reject"},
    )
    assert diff(graph(old), graph(new)) == GraphDiff(
        added=("d",),
        removed=("c",),
        changed={"a": ("loop", "next.", "next.failed", "text")},
        graph=("start",),
    )


def test_another_type_is_a_change() -> None:
    old, new = graph(flow("a", a={"type": "hangup"})), graph(flow("a", a={"type": "reject"}))
    assert diff(old, new).changed == {"a": ("type",)}


@given(st.randoms())
def test_only_the_same_is_no_difference(random: Random) -> None:
    graphs = list(any_flows(random).values())
    for one in graphs:
        for other in graphs:
            assert diff(one, other).empty == (one == other)


def test_references() -> None:
    nodes = {kind: {"type": kind, **parameters} for kind, parameters in ALL_TYPES.items()}
    nodes["jump"] = {"type": "redirect", "flow": "FW" + "6" * 32}
    everything = graph({"start": "say", "nodes": nodes})
    assert references(everything) == References(
        prompts=frozenset({UUID(hex=PROMPT[2:])}),
        targets=frozenset({UUID(hex=TARGET[2:])}),
        flows=frozenset({UUID(hex=FLOW[2:]), UUID(hex="6" * 32)}),
        trunks=frozenset({UUID(hex=TRUNK[2:])}),
        devices=frozenset({UUID(hex=DEVICE[2:])}),
        caller_ids=frozenset({"+14155550111"}),
    )
    assert {(found.node, found.field) for found in references_by_node(everything)} == {
        ("play", "prompt"),
        ("gather", "prompts[1].play"),
        ("dial", "targets[0].target"),
        ("dial", "targets[1].trunk"),
        ("dial", "targets[3].device"),
        ("dial", "caller_id"),
        ("dial", "ringback"),
        ("dial", "music"),
        ("hold", "prompt"),
        ("flow", "flow"),
        ("jump", "flow"),
    }
