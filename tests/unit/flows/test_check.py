"""What a graph's form does not say: links, circles, depth, variables, parameters together."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.examples import FLOW, PROMPT, alone, flow
from tests.unit.flows.graphs import FLOWS, Flows, any_flows

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.rules import idle, nesting
from ringfence.domains.flows.rules.check import check_flows, check_graph, validate
from ringfence.domains.flows.rules.forms import outcomes, target_of
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.engine.verbs import interpreter

A, B, C = FLOWS[:3]
END = {"type": "hangup"}


def problems(data: Any) -> set[tuple[str | None, str, str]]:
    graph, found = parse_graph(data)
    assert graph is not None, found
    return {(problem.node, problem.field, problem.code) for problem in check_graph(graph)}


def among(**flows: dict[str, Any]) -> dict[UUID, set[tuple[str | None, str]]]:
    """Problems among flows ``a``, ``b``, ``c``, each sound by itself."""
    graphs = {}
    for name, data in flows.items():
        graph, found = validate(data)
        assert graph is not None, found
        graphs[FLOWS["abc".index(name)]] = graph
    return {
        flow_id: {(problem.node, problem.code) for problem in found}
        for flow_id, found in check_flows(graphs).items()
    }


def into(flow_id: UUID, **following: str) -> dict[str, Any]:
    return {"type": "flow", "flow": f"FW{flow_id.hex}", "next": following}


def jump(flow_id: UUID) -> dict[str, Any]:
    return {"type": "redirect", "flow": f"FW{flow_id.hex}"}


def say(text: str, **following: str) -> dict[str, Any]:
    return {"type": "say", "text": text, "next": {k or "": v for k, v in following.items()}}


# --- links --------------------------------------------------------------------------------------


def test_links_that_lead_nowhere() -> None:
    data = flow(
        "x",
        a={"type": "say", "text": "hi", "next": {"done": "b", "gone": "a", "failed": "zzz"}},
        b={"type": "hangup", "next": {"": "a"}},
    )
    assert problems(data) == {
        (None, "start", "node_unknown"),
        ("a", "next.gone", "outcome_unknown"),
        ("a", "next.failed", "node_unknown"),
        ("b", "next.", "outcome_unknown"),
    }


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ({"type": "say", "text": "a"}, "done failed"),
        ({"type": "play", "prompt": PROMPT}, "done failed"),
        ({"type": "pause"}, "done"),
        ({"type": "gather"}, "digits timeout invalid"),
        ({"type": "gather", "choices": ["1", "22"]}, "digits:1 digits:22 timeout invalid"),
        (
            {"type": "dial", "targets": [{"sip": "sip:a"}]},
            "answered busy no_answer rejected failed",
        ),
        ({"type": "record"}, "done empty failed"),
        ({"type": "hold", "prompt": PROMPT}, "done"),
        ({"type": "tag", "name": "a", "value": "b"}, "done"),
        ({"type": "redirect", "url": "https://example.com"}, "failed"),
        ({"type": "redirect", "flow": FLOW}, ""),
        ({"type": "reject"}, ""),
        ({"type": "hangup"}, ""),
        ({"type": "split", "shares": {"x": 1, "y": 0}}, "x y"),
        ({"type": "flow", "flow": FLOW}, "done"),
        (
            {"type": "branch", "cases": [{"outcome": "x", "if": [{"repeat": {"days": 1}}]}]},
            "x otherwise",
        ),
    ],
)
def test_outcomes_of_each_type(node: dict[str, Any], named: str) -> None:
    """Every one of them may lead on, and no other."""
    following = dict.fromkeys(named.split(), "end")
    nodes = {"n": {**node, "next": following}, **({"end": END} if named else {})}
    assert problems({"start": "n", "nodes": nodes}) == set()
    nodes = {"n": {**node, "next": {"other": "end"}}, "end": END}
    assert problems({"start": "n", "nodes": nodes}) == {("n", "next.other", "outcome_unknown")}


def test_unreachable() -> None:
    data = flow("a", a=END, b={**say("hi"), "next": {"": "c"}}, c=END)
    assert problems(data) == {("b", "", "unreachable"), ("c", "", "unreachable")}


# --- parameters together ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changes", "field", "code"),
    [
        ("gather", {"choices": None, "min_digits": 3}, "min_digits", "out_of_range"),
        ("gather", {"max_digits": 2}, "max_digits", "choices_and_digits"),
        ("gather", {"choices": ["1", "2#"]}, "choices[1]", "has_finish_key"),
        ("gather", {"save_as": "caller"}, "save_as", "reserved"),
        ("gather", {"retries": 0}, "invalid_prompts", "never_heard"),
        ("dial", {"whisper": []}, "whisper", "confirm_without_whisper"),
        ("tag", {"value": "zip {zip}"}, "value", "variable_not_allowed"),
        ("redirect", {"flow": FLOW}, "flow", "one_of"),
        ("redirect", {"url": None}, "flow", "one_of"),
        ("redirect", {"url": None, "flow": FLOW}, "method", "without_url"),
        ("split", {"shares": {"a": 0, "b": 0}}, "shares", "no_weight"),
        ("say", {"text": "{Zip}"}, "text", "brace"),
        ("say", {"text": "a { b"}, "text", "brace"),
        ("say", {"text": "{zip}"}, "text", "variable_unknown"),
        ("say", {"text": "{caller} {called} {digits} {{zip}}"}, None, None),
        ("gather", {"choices": ["1", "10"]}, None, None),
    ],
)
def test_parameters(kind: str, changes: dict[str, Any], field: str | None, code: str) -> None:
    expected = set() if field is None else {("n", field, code)}
    assert problems(alone(kind, **changes)) == expected


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"caller": {}}, "never_holds"),
        ({"zip": {"values": []}}, "never_holds"),
        ({"variable": {"name": "digits"}}, "never_holds"),
        ({"tag": {"name": "a", "values": []}}, "never_holds"),
        (
            {
                "time": {
                    "zone": "UTC",
                    "openings": [{"days": ["mon"], "from": "09:00", "to": "09:00"}],
                }
            },
            "never_open",
        ),
    ],
)
def test_conditions_that_never_hold(condition: dict[str, Any], code: str) -> None:
    found = problems(alone("branch", cases=[{"outcome": "a", "if": [condition]}]))
    assert {(node, code) for node, _, code in found} >= {("n", code)}


def test_otherwise_is_no_case() -> None:
    case = {"outcome": "otherwise", "if": [{"repeat": {"days": 1}}]}
    assert problems(alone("branch", cases=[case])) == {("n", "cases[0].outcome", "reserved")}


# --- variables ----------------------------------------------------------------------------------


def test_a_variable_is_gathered_on_the_way() -> None:
    ask = {"type": "gather", "save_as": "zip", "next": {"": "after"}}
    assert problems(flow("ask", ask=ask, after=say("{zip}"))) == set()
    before = {"type": "say", "text": "{zip}", "next": {"": "ask"}}
    ask = {"type": "gather", "save_as": "zip"}
    assert problems(flow("before", before=before, ask=ask)) == {
        ("before", "text", "variable_unknown")
    }


def test_a_variable_of_a_branch_is_gathered_on_the_way() -> None:
    data = alone("branch", cases=[{"outcome": "a", "if": [{"zip": {"values": ["94107"]}}]}])
    assert problems(data) == {("n", "cases[0].if[0].zip", "variable_unknown")}
    assert problems({**data, "expects": ["zip"]}) == set()


def test_a_variable_of_a_sub_flow() -> None:
    caller = flow("in", **{"in": into(B, done="say")}, say=say("{zip}"))
    gathers = alone("gather", save_as="zip")
    assert among(a=caller, b=gathers) == {}
    assert among(a=caller, b=alone("gather")) == {A: {("say", "variable_unknown")}}


# --- circles ------------------------------------------------------------------------------------


def test_a_circle_needs_something_that_waits() -> None:
    tag = {"type": "tag", "name": "a", "value": "b", "next": {"": "split"}}
    split = {"type": "split", "shares": {"x": 1, "y": 1}, "next": {"x": "tag", "y": "end"}}
    found = problems(flow("tag", tag=tag, split=split, end=END))
    assert found == {("tag", "next", "loop_without_wait"), ("split", "next", "loop_without_wait")}
    pause = {"type": "pause", "next": {"": "tag"}}
    split["next"] = {"x": "pause", "y": "end"}
    assert problems(flow("tag", tag=tag, split=split, pause=pause, end=END)) == set()


def test_a_document_that_cannot_be_had_again_and_again() -> None:
    again = {"type": "redirect", "url": "https://example.com/", "next": {"failed": "n"}}
    assert problems(flow("n", n=again)) == {("n", "next", "loop_without_wait")}


def test_a_circle_over_flows() -> None:
    assert among(a=flow("j", j=jump(B)), b=flow("j", j=jump(A))) == {
        A: {("j", "loop_without_wait")},
        B: {("j", "loop_without_wait")},
    }
    waits = flow("s", s={**say("hi"), "next": {"": "j"}}, j=jump(A))
    assert among(a=flow("j", j=jump(B)), b=waits) == {}


def test_a_circle_through_a_sub_flow_that_may_not_wait() -> None:
    around = flow("in", **{"in": into(B, done="in")})
    assert among(a=around, b=flow("s", s=say("hi"))) == {}
    tag = {"type": "tag", "name": "a", "value": "b"}
    assert among(a=around, b=flow("t", t=tag)) == {A: {("in", "loop_without_wait")}}
    split = {"type": "split", "shares": {"x": 1, "y": 1}, "next": {"x": "s"}}
    assert among(a=around, b=flow("t", t=split, s=say("hi"))) == {A: {("in", "loop_without_wait")}}


def test_a_flow_does_not_enter_itself() -> None:
    a = flow("s", s={**say("hi"), "next": {"": "in"}}, **{"in": into(B)})
    b = flow("s", s={**say("ho"), "next": {"": "in"}}, **{"in": into(A)})
    assert among(a=a, b=b) == {A: {("in", "recursion")}, B: {("in", "recursion")}}
    assert among(a=a, b=flow("s", s={**say("ho"), "next": {"": "j"}}, j=jump(A))) == {}


# --- how far ------------------------------------------------------------------------------------


def test_the_bounds_are_those_of_the_interpreter() -> None:
    assert idle.MAX_IDLE == interpreter.MAX_IDLE
    assert nesting.MAX_DEPTH == interpreter.MAX_DEPTH


def tags(count: int, last: dict[str, Any]) -> dict[str, Any]:
    nodes = {
        f"n{n}": {"type": "tag", "name": "a", "value": "b", "next": {"": f"n{n + 1}"}}
        for n in range(count)
    }
    return {"start": "n0", "nodes": {**nodes, f"n{count}": last}}


def test_many_steps_that_take_no_time() -> None:
    assert problems(tags(199, END)) == set()
    assert problems(tags(200, END)) == {("n0", "next", "too_many_steps")}


def test_many_steps_over_sub_flows() -> None:
    """Twice the same sub-flow is twice its steps."""
    twice = flow("x", x=into(B, done="y"), y=into(B, done="end"), end=END)
    tag = {"type": "tag", "name": "a", "value": "b"}
    assert among(a=twice, b=tags(97, tag)) == {}
    assert among(a=twice, b=tags(99, tag)) == {A: {("x", "too_many_steps")}}


def test_flows_within_flows() -> None:
    ids = [UUID(int=number) for number in range(1, 20)]
    graphs = {}
    for number, flow_id in enumerate(ids[:-1]):
        graphs[flow_id] = g.Graph("in", {"in": g.Node(g.SubFlow(ids[number + 1]))})
    graphs[ids[-1]] = g.Graph("say", {"say": g.Node(g.Say("hi"))})
    found = check_flows(graphs)
    assert {flow_id: problem.code for flow_id, (problem,) in found.items()} == {
        ids[0]: "too_deep",
        ids[1]: "too_deep",
    }


# --- against walking every way ------------------------------------------------------------------

State = tuple[tuple[tuple[UUID, str], ...], UUID, str]
"""Where entered flows return to, flow, node."""


def _moves(flows: Flows, state: State, *, waiting: bool) -> list[State]:
    """Where a call may be next; none from what waits unless ``waiting``."""
    stack, flow_id, name = state
    node = flows[flow_id].nodes[name]
    match node.step:
        case g.SubFlow(flow=other):
            return [((*stack, (flow_id, name)), other, flows[other].start)]
        case g.Redirect(flow=UUID() as other):
            return [((), other, flows[other].start)]
        case g.Tag() | g.Branch() | g.Split() | g.Redirect():
            pass
        case _ if not waiting:
            return []
    moves = []
    for outcome in outcomes(node.step):
        returns, target = stack, target_of(node, outcome)
        at = flow_id
        while target is None and returns:
            *rest, (at, entered) = returns
            returns = tuple(rest)
            target = target_of(flows[at].nodes[entered], "done")
        if target is not None:
            moves.append((returns, at, target))
    return moves


def _states(flows: Flows, begin: list[State]) -> dict[State, list[State]]:
    """Every state that a call gets to, and where to from there without anything that waits."""
    waiting = list(begin)
    found: dict[State, list[State]] = {}
    while waiting:
        state = waiting.pop()
        if state not in found:
            found[state] = _moves(flows, state, waiting=False)
            waiting += _moves(flows, state, waiting=True)
    return found


def _longest(states: dict[State, list[State]]) -> int | None:
    """Steps of the longest way; None when there is a circle."""
    lengths: dict[State, int] = {}
    left = dict(states)
    while left:
        ready = [state for state, moves in left.items() if all(m in lengths for m in moves)]
        if not ready:
            return None
        for state in ready:
            moves = left.pop(state)
            lengths[state] = 1 + max((lengths[move] for move in moves), default=0)
    return max(lengths.values())


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.2, 0.5, 0.8]))
def test_circles_are_those_that_a_call_finds(random: Random, waiting: float) -> None:
    flows = any_flows(random, waiting, nodes=4)
    if nesting.check_nesting(flows):
        return
    codes = {problem.code for found in idle.check_idle(flows).values() for problem in found}
    everywhere: list[State] = [((), f, n) for f, graph in flows.items() for n in graph.nodes]
    longest = _longest(_states(flows, everywhere))
    assert ("loop_without_wait" in codes) == (longest is None)


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(2, 8))
def test_no_way_is_longer_than_is_said(random: Random, most: int) -> None:
    flows = any_flows(random, 0.4, nodes=4)
    if nesting.check_nesting(flows):
        return
    longest = _longest(_states(flows, [((), f, graph.start) for f, graph in flows.items()]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idle, "MAX_IDLE", most)
        found = idle.check_idle(flows)
    if longest is not None and longest > most:
        assert found
    if not found:
        assert longest is not None
        assert longest <= most
