"""A flow's JSON: every parameter there and back, every problem at its place, never an exception."""

from __future__ import annotations

import copy
import json
from datetime import date
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.examples import ALL_TYPES, DEVICE, FLOW, PROMPT, TARGET, TRUNK, alone
from tests.unit.flows.graphs import any_flows

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.rules.forms import STEPS
from ringfence.domains.flows.rules.parse import parse_graph, to_json


def problems(data: Any) -> set[tuple[str | None, str, str]]:
    graph, found = parse_graph(data)
    assert (graph is None) == bool(found)
    return {(problem.node, problem.field, problem.code) for problem in found}


def test_every_type_of_node_is_tried_here() -> None:
    assert ALL_TYPES.keys() == STEPS.keys()


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_every_parameter_goes_there_and_back(kind: str) -> None:
    data = alone(kind)
    graph, found = parse_graph(data)
    assert graph is not None, found
    assert to_json(graph) == data


def test_what_is_left_out_has_the_default_of_the_verb() -> None:
    data = {"start": "n", "nodes": {"n": {"type": "gather"}}}
    graph, _ = parse_graph(data)
    assert graph == g.Graph("n", {"n": g.Node(g.Gather())})
    assert to_json(graph) == data


def test_what_is_read() -> None:
    graph, _ = parse_graph(
        {
            "start": "a",
            "expects": ["zip"],
            "nodes": {
                "a": {
                    **ALL_TYPES["branch"],
                    "type": "branch",
                    "next": {"open": "b", "": "b"},
                    "position": {"x": 10, "y": -2.5},
                },
                "b": {"type": "dial", **ALL_TYPES["dial"]},
            },
        }
    )
    assert graph is not None
    assert graph.expects == ("zip",)
    assert graph.nodes["a"].next == {"open": "b", "": "b"}
    assert graph.nodes["a"].position == g.Position(10.0, -2.5)
    branch = graph.nodes["a"].step
    assert isinstance(branch, g.Branch)
    assert branch.cases[0].if_[0] == g.TimeIs(
        "America/New_York",
        (g.Opening(("mon", "fri"), 540, 1050), g.Opening(("sat",), 1320, 1440)),
        (date(2026, 12, 25),),
    )
    dial = graph.nodes["b"].step
    assert isinstance(dial, g.Dial)
    assert dial.targets == (
        g.StoredTarget(UUID(hex=TARGET[2:])),
        g.NumberTarget("+14155550100", UUID(hex=TRUNK[2:])),
        g.SipTarget("sip:desk@example.com"),
        g.DeviceTarget(UUID(hex=DEVICE[2:])),
    )
    assert dial.music == UUID(hex=PROMPT[2:])


def test_all_problems_at_once_each_at_its_node() -> None:
    data = {
        "start": 5,
        "title": "x",
        "nodes": {
            "a": {"type": "say", "text": "", "loop": True, "colour": 1},
            "b": {"type": "dail", "next": {"": "x y"}},
            "c": {"type": "dial", "targets": [{"number": "0800", "trunk": FLOW}, {}]},
            "d": {"next": []},
            "e e": {"type": "hangup"},
            "f": 1,
        },
    }
    assert problems(data) == {
        (None, "title", "unknown_key"),
        (None, "start", "wrong_type"),
        ("a", "text", "too_short"),
        ("a", "loop", "wrong_type"),
        ("a", "colour", "unknown_key"),
        ("b", "type", "unknown_type"),
        ("b", "next.", "bad_format"),
        ("c", "targets[0].number", "bad_format"),
        ("c", "targets[0].trunk", "bad_format"),
        ("c", "targets[1]", "missing"),
        ("d", "type", "missing"),
        ("d", "next", "wrong_type"),
        (None, "nodes.e e", "bad_format"),
        ("f", "", "wrong_type"),
    }


@pytest.mark.parametrize(
    ("kind", "changes", "field", "code"),
    [
        ("say", {"text": None}, "text", "missing"),
        ("say", {"text": "x" * 4001}, "text", "too_long"),
        ("say", {"text": "a\x00b"}, "text", "bad_format"),
        ("say", {"text": "a\ud800b"}, "text", "bad_format"),
        ("say", {"voice": "../x"}, "voice", "bad_format"),
        ("say", {"loop": 0}, "loop", "out_of_range"),
        ("say", {"loop": 1.0}, "loop", "wrong_type"),
        ("play", {"prompt": TARGET}, "prompt", "bad_format"),
        ("play", {"prompt": "file:/etc/passwd"}, "prompt", "bad_format"),
        ("pause", {"seconds": 0}, "seconds", "out_of_range"),
        ("pause", {"seconds": float("nan")}, "seconds", "out_of_range"),
        ("pause", {"seconds": float("inf")}, "seconds", "out_of_range"),
        ("pause", {"seconds": 10**400}, "seconds", "out_of_range"),
        ("gather", {"choices": ["1", "1"]}, "choices", "duplicate"),
        ("gather", {"choices": ["a"]}, "choices[0]", "bad_format"),
        ("gather", {"choices": ["١"]}, "choices[0]", "bad_format"),
        ("gather", {"finish_key": "##"}, "finish_key", "bad_format"),
        ("gather", {"save_as": "Zip"}, "save_as", "bad_format"),
        ("gather", {"prompts": [{"say": "a", "play": PROMPT}]}, "prompts[0]", "ambiguous"),
        ("gather", {"prompts": [{"pause": -1}]}, "prompts[0].pause", "out_of_range"),
        ("dial", {"targets": []}, "targets", "out_of_range"),
        ("dial", {"targets": [{"sip": "sip:"}]}, "targets[0].sip", "bad_format"),
        ("dial", {"targets": [{"sip": "sip:a@b\r\nc: d"}]}, "targets[0].sip", "bad_format"),
        ("dial", {"targets": [{"sip": "tel:+14155550100"}]}, "targets[0].sip", "bad_format"),
        ("dial", {"mode": "random"}, "mode", "bad_format"),
        ("dial", {"caller_id": "anonymous"}, "caller_id", "bad_format"),
        ("dial", {"caller_id": "+0415"}, "caller_id", "bad_format"),
        ("dial", {"confirm": "12"}, "confirm", "bad_format"),
        ("hold", {"prompt": "silence"}, "prompt", "bad_format"),
        ("record", {"beep": 1}, "beep", "wrong_type"),
        ("reject", {"status": 200}, "status", "out_of_range"),
        ("redirect", {"url": "ftp://example.com"}, "url", "bad_format"),
        ("redirect", {"url": "https://user:pw@example.com/"}, "url", "bad_format"),
        ("redirect", {"url": "https:///path"}, "url", "bad_format"),
        ("redirect", {"url": "http://[::1"}, "url", "bad_format"),
        ("redirect", {"url": "https://example.com:99999/"}, "url", "bad_format"),
        ("redirect", {"method": "PUT"}, "method", "bad_format"),
        ("split", {"shares": {}}, "shares", "out_of_range"),
        ("split", {"shares": {"a": -1}}, "shares.a", "out_of_range"),
        ("split", {"shares": {"": 1}}, "shares.", "bad_format"),
        ("flow", {"flow": None}, "flow", "missing"),
        ("hangup", {"status": 486}, "status", "unknown_key"),
    ],
)
def test_refused(kind: str, changes: dict[str, Any], field: str, code: str) -> None:
    assert problems(alone(kind, **changes)) == {("n", field, code)}


@pytest.mark.parametrize(
    ("condition", "field", "code"),
    [
        ({}, "", "unknown_condition"),
        ({"python": "1"}, "", "unknown_condition"),
        ({"zip": {}, "repeat": {"days": 1}}, "", "unknown_condition"),
        ({"repeat": {"days": 0}}, ".repeat.days", "out_of_range"),
        ({"zip": {"values": ["9410"]}}, ".zip.values[0]", "bad_format"),
        ({"caller": {"countries": ["UK"]}}, ".caller.countries[0]", "bad_format"),
        ({"caller": {"areas": ["115"]}}, ".caller.areas[0]", "bad_format"),
        (
            {"holiday": {"zone": "Mars/Base", "dates": ["2026-01-01"]}},
            ".holiday.zone",
            "zone_unknown",
        ),
        ({"holiday": {"zone": "../UTC", "dates": ["2026-01-01"]}}, ".holiday.zone", "zone_unknown"),
        ({"holiday": {"zone": "UTC", "dates": ["2026-02-30"]}}, ".holiday.dates[0]", "bad_format"),
        ({"holiday": {"zone": "UTC", "dates": ["20260201"]}}, ".holiday.dates[0]", "bad_format"),
        ({"holiday": {"zone": "UTC", "dates": []}}, ".holiday.dates", "out_of_range"),
        (
            {
                "time": {
                    "zone": "UTC",
                    "openings": [{"days": ["sun"], "from": "9:00", "to": "24:00"}],
                }
            },
            ".time.openings[0].from",
            "bad_format",
        ),
        (
            {
                "time": {
                    "zone": "UTC",
                    "openings": [{"days": ["Sun"], "from": "09:00", "to": "24:01"}],
                }
            },
            ".time.openings[0].to",
            "bad_format",
        ),
    ],
)
def test_refused_conditions(condition: dict[str, Any], field: str, code: str) -> None:
    data = alone("branch", cases=[{"outcome": "a", "if": [condition]}])
    assert ("n", f"cases[0].if[0]{field}", code) in problems(data)


def test_too_many_nodes() -> None:
    nodes = {f"n{number}": {"type": "hangup"} for number in range(501)}
    assert problems({"start": "n0", "nodes": nodes}) == {(None, "nodes", "out_of_range")}


# --- whatever the JSON --------------------------------------------------------------------------

_WORDS = sorted({"start", "nodes", "type", "next", "position", "if", "outcome", "cases", *STEPS})
_KEYS = st.sampled_from(_WORDS) | st.text(max_size=4)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from([*_WORDS, PROMPT, TARGET, "+14155550100", "UTC", "09:00", "2026-01-01"])
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5)
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [at, *(place for key, item in items for place in _places(item, (*at, key)))]


@given(_JSON)
def test_never_an_exception(data: Any) -> None:
    _, found = parse_graph(data)
    json.dumps([[p.node, p.field, p.code, p.message] for p in found]).encode()


@settings(max_examples=400)
@given(st.sampled_from(sorted(ALL_TYPES)), st.data())
def test_never_an_exception_where_one_value_is_anything(kind: str, data: st.DataObject) -> None:
    flow = copy.deepcopy(alone(kind))
    flow["nodes"]["n"]["next"] = {"": "n"}
    flow["nodes"]["n"]["position"] = {"x": 1, "y": 2}
    place = data.draw(st.sampled_from(_places(flow)[1:]))
    inner: Any = flow
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(_JSON)
    graph, found = parse_graph(flow)
    for problem in found:
        assert f"{problem.node}{problem.field}{problem.message}".isascii()
    if graph is not None:
        written = to_json(graph)
        assert parse_graph(json.loads(json.dumps(written))) == (graph, ())


@given(st.randoms())
def test_graphs_go_there_and_back(random: Random) -> None:
    for graph in any_flows(random).values():
        written = to_json(graph)
        assert parse_graph(json.loads(json.dumps(written))) == (graph, ())
        assert to_json(parse_graph(written)[0]) == written  # type: ignore[arg-type]
