"""Graphs to verbs, and that no sound flow is ever stuck or goes round without a verb that waits."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.examples import ALL_TYPES, DEVICE, FLOW, PROMPT, TARGET, TRUNK, alone, flow
from tests.unit.flows.graphs import FLOWS, Flows, any_flows, sound_flows

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.contracts import (
    FlowInvalid,
    FlowNotPublished,
    PublishedFlow,
    PublishedParts,
    TargetInfo,
    TargetKind,
)
from ringfence.domains.flows.rules.check import check_flows
from ringfence.domains.flows.rules.forms import outcomes
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.engine.verbs import model as v
from ringfence.engine.verbs.interpreter import MAX_IDLE, MAX_STEPS, FlowLoop, Interpreter
from ringfence.entry.control.compile import compile_flow, place_of

A, B = FLOWS[:2]
_PROMPT, _TARGET, _TRUNK, _DEVICE, _FLOW = (
    UUID(hex=text[2:]) for text in (PROMPT, TARGET, TRUNK, DEVICE, FLOW)
)


def target(kind: TargetKind, **of: Any) -> TargetInfo:
    fields: dict[str, Any] = {"trunk_id": None, "number": None, "uri": None, "device_id": None}
    return TargetInfo(_TARGET, B, "sales", kind, **{**fields, "enabled": True, **of})


def parts(*graphs: dict[str, Any], **changes: Any) -> PublishedParts:
    flows = {}
    for flow_id, data in zip((A, _FLOW), graphs, strict=False):
        graph, problems = parse_graph(data)
        assert graph is not None, problems
        flows[flow_id] = PublishedFlow(7, graph)
    known = PublishedParts(
        flows,
        {_PROMPT: "/prompts/1.wav"},
        {_TARGET: target(TargetKind.SIP, uri="sip:sales@example.com")},
        {_DEVICE: "anna"},
    )
    return replace(known, **changes)


def verb(
    kind: str, called: str = "", known: dict[str, Any] | None = None, **changes: Any
) -> v.Verb:
    """What a node of a type, of the example's parameters with changes, is compiled to."""
    made = parts(alone(kind, **changes), {"start": "s", "nodes": {"s": {"type": "hangup"}}})
    program = compile_flow(A, replace(made, **(known or {})), called)
    return program.nodes[f"{A.hex}/n"].verb


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("say", v.Say("Hello {caller}", "anna", "en-GB", 2)),
        ("play", v.Play("file:/prompts/1.wav", 3)),
        ("pause", v.Pause(2.5)),
        (
            "gather",
            v.Gather(
                prompts=(
                    v.Say("Press 1", "anna"),
                    v.Play("file:/prompts/1.wav"),
                    v.Pause(1.0),
                ),
                choices=("1", "10", "*"),
                min_digits=1,
                max_digits=1,
                seconds=4.0,
                digit_seconds=1.5,
                finish_key="#",
                retries=2,
                invalid_prompts=(v.Say("That is no choice."),),
                save_as="choice",
            ),
        ),
        (
            "dial",
            v.Dial(
                targets=(
                    v.SipTarget("sip:sales@example.com"),
                    v.TrunkTarget(_TRUNK, "+14155550100"),
                    v.SipTarget("sip:desk@example.com"),
                    v.DeviceTarget(_DEVICE, "anna"),
                ),
                mode="parallel",
                timeout_seconds=20,
                caller_id="+14155550111",
                ringback="file:/prompts/1.wav",
                music="file:/prompts/1.wav",
                whisper=(v.Say("A call for {called}"),),
                confirm="1",
                confirm_seconds=8.0,
                max_seconds=3600,
            ),
        ),
        ("record", v.Record(60, 3.0, "*", False)),
        ("hold", v.Hold("file:/prompts/1.wav", 60)),
        ("tag", v.Tag("campaign", "Winter 2026")),
        ("redirect", v.Fetch("https://example.com/next", "GET")),
        ("reject", v.Reject(486)),
        ("hangup", v.Hangup()),
        (
            "branch",
            v.Branch(
                (
                    v.Case(
                        "open",
                        (
                            v.TimeIs(
                                "America/New_York",
                                (v.Opening((0, 4), 540, 1050), v.Opening((5,), 1320, 1440)),
                                ("2026-12-25",),
                            ),
                            v.CallerIn(("415",), ("CA",), ("US",)),
                            v.VariableIs("digits", ("1",), ("9",)),
                        ),
                    ),
                    v.Case(
                        "again",
                        (
                            v.HolidayIs("UTC", ("2026-01-01",)),
                            v.TagIs("campaign", ("Winter 2026",)),
                            v.RepeatCaller(30),
                        ),
                    ),
                )
            ),
        ),
        ("split", v.Split((("a", 70), ("b", 30)))),
        ("flow", v.Enter(f"{_FLOW.hex}/s")),
    ],
)
def test_each_type(kind: str, expected: v.Verb) -> None:
    assert kind in ALL_TYPES
    assert verb(kind) == expected


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_what_is_left_out_is_what_the_verb_has_by_default(kind: str) -> None:
    required = {
        "say": {"text": "a"},
        "play": {"prompt": PROMPT},
        "dial": {"targets": [{"sip": "sip:a@example.com"}]},
        "hold": {"prompt": PROMPT},
        "redirect": {"url": "https://example.com/"},
    }
    if kind not in ("branch", "split", "tag", "flow"):
        left_out = dict.fromkeys(ALL_TYPES[kind])
        made = verb(kind, **{**left_out, **required.get(kind, {})})
        for name, default in zip(
            reversed(made.__struct_fields__), reversed(made.__struct_defaults__), strict=False
        ):
            if default is not msgspec.NODEFAULT:
                assert getattr(made, name) == default, name


def test_redirect_to_a_flow_jumps() -> None:
    jump = verb("redirect", url=None, method=None, flow=FLOW)
    assert jump == v.Jump(f"{_FLOW.hex}/s")


def test_zip_is_a_variable() -> None:
    case = {"outcome": "a", "if": [{"zip": {"values": ["94107"], "prefixes": ["9"]}}]}
    assert verb("branch", cases=[case]) == v.Branch(
        (v.Case("a", (v.VariableIs("zip", ("94107",), ("9",)),)),)
    )


@pytest.mark.parametrize(
    ("policy", "called", "shown"),
    [
        ("caller", "+14155550100", None),
        ("called", "+14155550100", "+14155550100"),
        ("called", "desk", None),
        ("+14155550111", "+14155550100", "+14155550111"),
    ],
)
def test_caller_id(policy: str, called: str, shown: str | None) -> None:
    made = verb("dial", called, caller_id=policy)
    assert isinstance(made, v.Dial)
    assert made.caller_id == shown


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (
            target(TargetKind.NUMBER, trunk_id=_TRUNK, number="+14155550122"),
            (v.TrunkTarget(_TRUNK, "+14155550122"),),
        ),
        (target(TargetKind.DEVICE, device_id=_DEVICE), (v.DeviceTarget(_DEVICE, "anna"),)),
        (target(TargetKind.DEVICE, device_id=A), ()),
        (target(TargetKind.SIP, uri="sip:a@example.com", enabled=False), ()),
    ],
)
def test_stored_targets(info: TargetInfo, expected: tuple[v.DialTarget, ...]) -> None:
    made = verb("dial", known={"targets": {_TARGET: info}}, targets=[{"target": TARGET}])
    assert isinstance(made, v.Dial)
    assert made.targets == expected


def test_a_program_of_flows() -> None:
    first = flow("a", a={"type": "flow", "flow": FLOW, "next": {"": "b"}}, b={"type": "hangup"})
    second = flow("s", s={"type": "say", "text": "hi", "next": {"done": "s"}})
    program = compile_flow(A, parts(first, second))
    assert (program.flow, program.version, program.start) == (A, 7, f"{A.hex}/a")
    assert program.nodes == {
        f"{A.hex}/a": v.Node(v.Enter(f"{_FLOW.hex}/s"), {"": f"{A.hex}/b"}),
        f"{A.hex}/b": v.Node(v.Hangup()),
        f"{_FLOW.hex}/s": v.Node(v.Say("hi"), {"done": f"{_FLOW.hex}/s"}),
    }
    assert place_of(f"{A.hex}/a") == (A, "a")
    packed = msgspec.msgpack.encode(program)
    assert msgspec.msgpack.decode(packed, type=v.Program) == program


def test_what_is_gone_is_said_at_its_node() -> None:
    made = parts(alone("play"), prompts={})
    with pytest.raises(FlowInvalid) as raised:
        compile_flow(A, made)
    (problem,) = raised.value.details["problems"]
    assert (problem["node"], problem["code"]) == ("n", "prompt_not_found")
    with pytest.raises(FlowInvalid):
        compile_flow(A, parts(alone("flow")))
    with pytest.raises(FlowNotPublished):
        compile_flow(B, made)


# --- whatever comes, the flow goes on or ends ---------------------------------------------------

_WAITING = (v.Say, v.Play, v.Pause, v.Gather, v.Dial, v.Record, v.Hold)


def program_of(flows: Flows, start: UUID = A) -> v.Program:
    published = {flow_id: PublishedFlow(1, graph) for flow_id, graph in flows.items()}
    return compile_flow(start, PublishedParts(published, {UUID(int=7): "/7.wav"}, {}, {}))


def outcome_of(random: Random, flows: Flows, node: str, *, failing: bool) -> str:
    flow_id, name = place_of(node)
    possible = outcomes(flows[flow_id].nodes[name].step)
    chosen = [outcome for outcome in possible if failing or outcome != "failed"] or possible
    return random.choice(chosen)


def drive(random: Random, flows: Flows, *, failing: bool, most: int) -> tuple[list[str], bool]:
    """Nodes performed until the program is over, and whether it was."""
    dice = Random(random.getrandbits(64))
    interpreter = Interpreter(program_of(flows), v.Facts(), dice.random)
    nodes: list[str] = []
    outcome = None
    while len(nodes) < most:
        step = interpreter.step(outcome, 0)
        if step is None or isinstance(step.verb, v.Hangup | v.Reject):
            return nodes, True
        assert isinstance(step.verb, (*_WAITING, v.Tag, v.Fetch))
        nodes.append(step.node)
        if isinstance(step.verb, v.Gather):
            interpreter.gathered("94107", step.verb.save_as)
        outcome = outcome_of(dice, flows, step.node, failing=failing)
    return nodes, False


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.1, 0.3, 0.6]))
def test_a_sound_flow_is_never_stuck(random: Random, waiting: float) -> None:
    """Whatever the outcomes: no FlowLoop, and either it ends or something waits again and again."""
    flows = sound_flows(random, waiting)
    program = program_of(flows)
    nodes, over = drive(random, flows, failing=False, most=600)
    idle = 0
    for node in nodes:
        idle = 0 if isinstance(program.nodes[node].verb, _WAITING) else idle + 1
        assert idle < MAX_IDLE
    assert over or len(nodes) == 600


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.1, 0.5, 0.9]))
def test_any_flow_ends_or_is_ended(random: Random, waiting: float) -> None:
    """Also one that no check has seen, and when everything fails."""
    flows = any_flows(random, waiting)
    try:
        _, over = drive(random, flows, failing=True, most=MAX_STEPS + 1)
    except FlowLoop:
        return
    assert over


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_loop_that_a_call_finds_is_one_that_the_check_finds(random: Random) -> None:
    """What is refused at run time without a failure was refused before."""
    flows = any_flows(random, 0.2, nodes=5)
    try:
        drive(random, flows, failing=False, most=300)
    except FlowLoop:
        assert check_flows(flows)


def test_a_node_without_a_successor_ends_the_flow() -> None:
    graph = g.Graph("n", {"n": g.Node(g.Gather(choices=("1",)), {"digits:1": "n"})})
    interpreter = Interpreter(program_of({A: graph}), v.Facts())
    assert interpreter.step(None, 0) is not None
    assert interpreter.step("digits:1", 0) is not None
    assert interpreter.step("timeout", 0) is None
