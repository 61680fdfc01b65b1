"""CPU time of a call flow of 100 nodes: its publishing, the decision for a call, each step."""

from __future__ import annotations

from uuid import UUID

import msgspec

from bench.report import emit
from bench.sip_parse import best_micros
from ringfence.domains.flows.contracts import PublishedFlow, PublishedParts
from ringfence.domains.flows.rules.check import check_flows, check_graph
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.engine.verbs.interpreter import Interpreter
from ringfence.engine.verbs.model import Facts, Program
from ringfence.entry.control.compile import compile_flow

_FLOW = UUID(int=1)
_LOOPS = 20
_ROUNDS = 7
_NOON = 1_781_092_800_000_000


def nodes(tens: int) -> dict[str, dict[str, object]]:
    """So many times the ten nodes, in a circle."""
    return {name: node for number in range(tens) for name, node in _ten(number, tens).items()}


def _ten(number: int, tens: int) -> dict[str, dict[str, object]]:
    """Ten nodes: ask, decide three ways, tag, dial, speak; the last leads to the next ten."""
    at = f"n{number}-"
    week = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}
    hours = {"zone": "America/New_York", "openings": [week], "holidays": ["2026-12-25"]}
    return {
        f"{at}menu": {
            "type": "gather",
            "prompts": [{"say": "For sales press 1, for service press 2, to go on press 3."}],
            "choices": ["1", "2", "3"],
            "retries": 2,
            "next": {"digits:1": f"{at}open", "digits:2": f"{at}split", "": f"{at}next"},
        },
        f"{at}open": {
            "type": "branch",
            "cases": [{"outcome": "open", "if": [{"time": hours}]}],
            "next": {"open": f"{at}zip", "otherwise": f"{at}closed"},
        },
        f"{at}closed": {"type": "say", "text": "We are closed.", "next": {"": f"{at}next"}},
        f"{at}zip": {
            "type": "gather",
            "prompts": [{"say": "Please enter your ZIP code."}],
            "min_digits": 5,
            "max_digits": 5,
            "save_as": "zip",
            "next": {"digits": f"{at}west", "": f"{at}sales"},
        },
        f"{at}west": {
            "type": "branch",
            "cases": [{"outcome": "west", "if": [{"zip": {"prefixes": ["8", "9"]}}]}],
            "next": {"west": f"{at}tag", "otherwise": f"{at}sales"},
        },
        f"{at}tag": {"type": "tag", "name": "side", "value": "west", "next": {"": f"{at}sales"}},
        f"{at}sales": {
            "type": "dial",
            "targets": [{"sip": "sip:sales@example.com"}, {"sip": "sip:more@example.com"}],
            "whisper": [{"say": "A call from ZIP code {zip}."}],
            "next": {"": f"{at}next"},
        },
        f"{at}split": {
            "type": "split",
            "shares": {"a": 70, "b": 30},
            "next": {"a": f"{at}sales", "b": f"{at}message"},
        },
        f"{at}message": {"type": "record", "next": {"": f"{at}next"}},
        f"{at}next": {"type": "pause", "next": {"": f"n{(number + 1) % tens}-menu"}},
    }


_OUTCOMES = {"Gather": "digits:1", "Dial": "answered"}


def main() -> None:
    data = {"start": "n0-menu", "nodes": nodes(10)}
    graph, problems = parse_graph(data)
    assert graph is not None and not problems and not check_graph(graph)
    parts = PublishedParts({_FLOW: PublishedFlow(1, graph)}, {}, {}, {})
    program = compile_flow(_FLOW, parts)
    packed = msgspec.msgpack.encode(program)

    def check() -> None:
        assert not check_graph(graph)
        assert not check_flows({_FLOW: graph})

    def figure(metric: str, micros: float) -> None:
        emit("flow", metric, micros, "us", _ROUNDS * _LOOPS)

    emit("flow", "nodes", len(graph.nodes), "nodes", 1)
    emit("flow", "json_size", len(msgspec.json.encode(data)), "bytes", 1)
    emit("flow", "program_size", len(packed), "bytes", 1)
    figure("parse", best_micros(lambda: parse_graph(data), _LOOPS))
    figure("check", best_micros(check, _LOOPS))
    figure("compile", best_micros(lambda: compile_flow(_FLOW, parts, "+14155550100"), _LOOPS))
    figure("encode", best_micros(lambda: msgspec.msgpack.encode(program), _LOOPS))
    figure("decode", best_micros(lambda: msgspec.msgpack.decode(packed, type=Program), _LOOPS))
    steps = 1000
    walked = best_micros(lambda: _walk(program, steps), 3)
    emit("flow", "step", walked / steps, "us", _ROUNDS * 3 * steps)


def _walk(program: Program, steps: int) -> None:
    """Performs so many verbs, always going on; the decisions between them are made as well."""
    interpreter = Interpreter(program, Facts(caller="+14155550100", state="CA"))
    outcome = None
    for _ in range(steps):
        step = interpreter.step(outcome, _NOON)
        assert step is not None
        outcome = _OUTCOMES.get(type(step.verb).__name__, "done")
        if step.node.endswith("zip"):
            interpreter.gathered("94107", "zip")
            outcome = "digits"


if __name__ == "__main__":
    main()
