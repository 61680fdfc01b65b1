"""Flows without a phone: what is heard, which way is taken and why; the command around it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.examples import FLOW, PROMPT, TARGET, alone, flow
from tests.unit.flows.graphs import any_flows

from ringfence.domains.flows.rules.check import validate
from ringfence.engine.verbs import model as v
from ringfence.entry.control.compile import compile_flow
from ringfence.entry.control.simulate import MAX_EVENTS, Inputs, Trace, simulate, taken
from ringfence.entry.flows import THIS, assumed, flow_command
from ringfence.kernel.errors import RingfenceError

EXAMPLES = Path(__file__).parents[3] / "docs/examples/flows"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def run(data: dict[str, Any], at: datetime = NOON, seed: int = 0, **inputs: Any) -> Trace:
    graph, problems = validate(data)
    assert graph is not None, problems
    program = compile_flow(THIS, assumed({THIS: graph}))
    return simulate(program, v.Facts("+14155550100"), Inputs(**inputs), at, seed)


def way(trace: Trace) -> list[str]:
    return [event.node.partition("/")[2] for event in trace.events]


# --- waiting ------------------------------------------------------------------------------------


def test_waiting_moves_the_clock_past_closing_time() -> None:
    opening = {"days": ["wed"], "from": "09:00", "to": "17:00"}
    data = flow(
        "hold",
        hold={"type": "hold", "prompt": PROMPT, "seconds": 3600, "next": {"": "open"}},
        open={
            "type": "branch",
            "cases": [
                {"outcome": "open", "if": [{"time": {"zone": "UTC", "openings": [opening]}}]}
            ],
            "next": {"open": "yes", "otherwise": "no"},
        },
        yes={"type": "say", "text": "open"},
        no={"type": "say", "text": "closed"},
    )
    assert way(run(data)) == ["hold", "open", "yes"]
    late = run(data, datetime(2026, 6, 10, 16, 30, tzinfo=UTC))
    assert way(late) == ["hold", "open", "no"]
    decision = late.events[1]
    assert decision.at == datetime(2026, 6, 10, 17, 30, tzinfo=UTC)
    assert decision.outcome == "otherwise"
    assert decision.why == "case 1 does not hold: it is Wed 2026-06-10 17:30 in UTC"
    assert late.end == "completed"
    assert late.seconds == pytest.approx(3601)


def test_a_caller_who_says_nothing_is_not_asked_for_ever() -> None:
    data = flow("ask", ask={"type": "gather", "next": {"": "ask"}})
    trace = run(data)
    assert (trace.end, len(trace.events)) == ("unfinished", MAX_EVENTS)
    assert trace.seconds == 5.0 * MAX_EVENTS


# --- digits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gather", "pressed", "expected"),
    [
        (v.Gather(choices=("1", "2")), "1", "1"),
        (v.Gather(choices=("1", "2")), "3", None),
        (v.Gather(choices=("1", "2")), "12", "1"),
        (v.Gather(choices=("1", "10")), "1", "1"),
        (v.Gather(choices=("1", "10")), "10", "10"),
        (v.Gather(choices=("1", "10")), "12", None),
        (v.Gather(choices=("10", "1"), finish_key="#"), "1#", "1"),
        (v.Gather(min_digits=5, max_digits=5), "94107", "94107"),
        (v.Gather(min_digits=5, max_digits=5), "941", None),
        (v.Gather(min_digits=1, max_digits=5), "9410712", "94107"),
        (v.Gather(min_digits=1, max_digits=9, finish_key="#"), "941#07", "941"),
        (v.Gather(min_digits=1, max_digits=9, finish_key="#"), "#", None),
    ],
)
def test_what_a_gather_takes(gather: v.Gather, pressed: str, expected: str | None) -> None:
    assert taken(gather, pressed) == expected


def test_digits_are_asked_again_and_kept() -> None:
    ask = {
        "type": "gather",
        "prompts": [{"say": "ZIP?"}],
        "invalid_prompts": [{"say": "No."}],
        "min_digits": 5,
        "max_digits": 5,
        "retries": 2,
        "save_as": "zip",
        "next": {"digits": "say"},
    }
    data = flow("ask", ask=ask, say={"type": "say", "text": "You are at {zip}"})
    trace = run(data, digits=("", "123", "94107"))
    asked, said = trace.events
    assert asked.what == 'asks: "ZIP?" | "ZIP?" | "No." "ZIP?"'
    assert asked.why == "nothing was pressed, 123 is no valid input, 94107 was pressed"
    assert (asked.outcome, said.what) == ("digits", '"You are at 94107"')
    assert trace.variables["zip"] == "94107"
    assert [run(data, digits=pressed).events[0].outcome for pressed in ((), ("1", "2", "3"))] == [
        "timeout",
        "invalid",
    ]


# --- dialling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "answers", "outcome"),
    [
        ("sequential", {}, "answered"),
        ("sequential", {"*": "busy"}, "busy"),
        ("sequential", {"sip:a@x": "failed", "sip:b@x": "answered"}, "answered"),
        ("sequential", {"sip:a@x": "no_answer", "sip:b@x": "failed"}, "no_answer"),
        ("sequential", {"sip:a@x": "rejected", "sip:b@x": "answered"}, "rejected"),
        ("parallel", {"sip:a@x": "rejected", "sip:b@x": "answered"}, "answered"),
        ("parallel", {"*": "failed"}, "failed"),
    ],
)
def test_dial(mode: str, answers: dict[str, str], outcome: str) -> None:
    data = alone("dial", targets=[{"sip": "sip:a@x"}, {"sip": "sip:b@x"}], mode=mode)
    assert run(data, answers=answers).events[0].outcome == outcome


def test_targets_by_their_name() -> None:
    data = alone("dial", targets=[{"target": TARGET}], timeout_seconds=25)
    unnamed = run(data, answers={f"sip:{TARGET}@target.invalid": "no_answer"})
    assert unnamed.seconds == 25
    labels = {v.SipTarget(f"sip:{TARGET}@target.invalid"): "sales"}
    trace = run(data, answers={"sales": "busy", "*": "failed"}, labels=labels)
    assert trace.events[0].why == "sales: busy"


def test_a_conversation_ends_at_its_longest() -> None:
    data = alone("dial", targets=[{"sip": "sip:a@x"}], max_seconds=20, whisper=None, confirm=None)
    assert run(data, talk_seconds=60).seconds == 25


# --- ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (alone("hangup"), "hangup"),
        (alone("reject"), "rejected"),
        (alone("redirect"), "document"),
        (alone("tag"), "completed"),
    ],
)
def test_ends(data: dict[str, Any], end: str) -> None:
    assert run(data).end == end


def test_messages() -> None:
    assert run(alone("record"), message_seconds=0).events[0].outcome == "empty"
    assert run(alone("record")).events[0].outcome == "done"


def test_splits_are_drawn_from_the_seed() -> None:
    data = alone("split", shares={"a": 70, "b": 30})
    drawn = [run(data, seed=seed).events[0] for seed in range(200)]
    assert drawn == [run(data, seed=seed).events[0] for seed in range(200)]
    assert 110 <= sum(event.outcome == "a" for event in drawn) <= 170
    assert drawn[0].why.endswith("of 100: a 70, b 30")


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.text("0123456789*#", max_size=6)))
def test_any_flow_can_be_simulated(random: Random, digits: list[str]) -> None:
    flows = any_flows(random, 0.5)
    program = compile_flow(next(iter(flows)), assumed(flows))
    trace = simulate(program, v.Facts(), Inputs(tuple(digits)), NOON)
    assert len(trace.events) <= MAX_EVENTS + 200
    assert trace.end in {
        "hangup", "rejected", "completed", "document", "flow_loop", "unfinished"
    }  # fmt: skip


# --- the examples -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "nodes", "end"),
    [
        ("business-hours", "--at 2026-12-24T10:00", "hours office end", "hangup"),
        ("business-hours", "--at 2026-12-25T10:00", "hours holiday end", "hangup"),
        ("business-hours", "--at 2026-12-24T17:00", "hours closed end", "hangup"),
        (
            "business-hours",
            "--at 2026-12-26T13:59 --answer *=busy",
            "hours office closed end",
            "hangup",
        ),
        (
            "press-1-for-sales",
            "--digits 1 --digits 94107",
            "menu is-sales zip region west goodbye end",
            "hangup",
        ),
        (
            "press-1-for-sales",
            "--digits 1 --digits 10001",
            "menu is-sales zip region east goodbye end",
            "hangup",
        ),
        (
            "press-1-for-sales",
            "--digits 9 --digits 2",
            "menu is-service service goodbye end",
            "hangup",
        ),
        ("press-1-for-sales", "", "menu goodbye end", "hangup"),
        ("voicemail", "--answer *=no_answer", "desk greeting message taken end", "hangup"),
        ("voicemail", "--answer *=busy --message 0", "desk greeting message end", "hangup"),
        ("voicemail", "", "desk end", "hangup"),
        ("percentage-split", "--caller +14155550100", "known ours end", "hangup"),
        ("percentage-split", "--caller +12125550100 --last-call 29", "known ours end", "hangup"),
        (
            "percentage-split",
            "--caller +12125550100 --last-call 31 --seed 1",
            "known share ours end",
            "hangup",
        ),
        (
            "percentage-split",
            "--caller +14155550100 --answer sip:queue@own.example.com=failed",
            "known ours tag-partner partner end",
            "hangup",
        ),
    ],
)
def test_examples(name: str, options: str, nodes: str, end: str) -> None:
    path = EXAMPLES / f"{name}.json"
    told = ["--json", "--zone", "America/New_York", *options.split()]
    result = invoke("simulate", str(path), *told)
    assert result.exit_code == 0, result.output
    trace = json.loads(result.output)
    assert [event["node"] for event in trace["events"]] == nodes.split()
    assert trace["end"] == end


def test_every_example_is_tried_and_sound() -> None:
    names = {path.name for path in EXAMPLES.iterdir()}
    assert names == {
        "business-hours.json",
        "percentage-split.json",
        "press-1-for-sales.json",
        "voicemail.json",
    }
    for name in names:
        assert invoke("validate", str(EXAMPLES / name)).exit_code == 0


# --- the command --------------------------------------------------------------------------------


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(flow_command, arguments)


def write(folder: Path, name: str, data: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(data))
    return str(path)


def test_what_is_printed(tmp_path: Path) -> None:
    data = flow(
        "a",
        a={"type": "tag", "name": "team", "value": "sales", "next": {"": "b"}},
        b={"type": "say", "text": "Hello", "next": {"": "c"}},
        c={"type": "reject", "status": 486},
    )
    result = invoke("simulate", write(tmp_path, "a.json", data), "--at", "2026-12-25T10:00")
    assert result.output.splitlines() == [
        "10:00:00  a  tag: tags team = sales",
        "          -> done",
        '10:00:00  b  say: "Hello"',
        "          -> done",
        "10:00:01  c  reject: refuses the call with 486",
        "tag team = sales",
        "end: rejected after 1.0 s",
    ]


def test_a_flow_that_leads_to_another(tmp_path: Path) -> None:
    main = write(tmp_path, "main.json", alone("flow"))
    with pytest.raises(RingfenceError):
        CliRunner().invoke(flow_command, ["simulate", main], catch_exceptions=False)
    other = write(tmp_path, "other.json", flow("s", s={"type": "say", "text": "hi"}))
    result = invoke("simulate", main, "--flow", f"{FLOW}={other}", "--json")
    (event,) = json.loads(result.output)["events"]
    assert (event["flow"], event["node"]) == (FLOW, "s")


def test_validate(tmp_path: Path) -> None:
    bad = flow("a", a={"type": "say", "text": "{zip}"}, b={"type": "hangup"})
    result = invoke("validate", write(tmp_path, "bad.json", bad))
    assert result.exit_code == 1
    assert "b: nothing leads here [unreachable]" in result.output
    assert "a: text: no gather on the way here saves zip [variable_unknown]" in result.output
    shown = json.loads(invoke("validate", "--json", write(tmp_path, "b.json", bad)).output)
    assert not shown["ok"]
    assert {problem["code"] for problem in shown["problems"]} == {"unreachable", "variable_unknown"}


def test_validate_among_flows(tmp_path: Path) -> None:
    jump = {"type": "redirect", "flow": FLOW}
    main = write(tmp_path, "main.json", flow("j", j=jump))
    assert invoke("validate", main).exit_code == 0
    say = write(tmp_path, "say.json", flow("s", s={"type": "say", "text": "hi"}))
    assert invoke("validate", main, "--flow", f"{FLOW}={say}").exit_code == 0
    tag = {"type": "tag", "name": "a", "value": "b", "next": {"": "j"}}
    loop = write(tmp_path, "loop.json", flow("t", t=tag, j=jump))
    result = invoke("validate", loop, "--flow", f"{FLOW}={loop}")
    assert result.exit_code == 1
    assert result.output == (
        f"{FLOW}: t: next: calls would go in circles here: nothing on the way takes time "
        f"[loop_without_wait]\n"
        f"{FLOW}: j: next: calls would go in circles here: nothing on the way takes time "
        f"[loop_without_wait]\n"
    )


def test_diff(tmp_path: Path) -> None:
    old = write(tmp_path, "old.json", alone("say"))
    new = write(tmp_path, "new.json", alone("say", text="Hi"))
    assert invoke("diff", old, new).output == "~ n: text\n"
    assert invoke("diff", old, old).output == "no difference\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "nowhere.json"],
        ["simulate", "FW12", "--tenant", "AC" + "1" * 32],
        ["simulate", "x.json", "--answer", "sales"],
        ["simulate", "x.json", "--answer", "sales=maybe"],
        ["simulate", "x.json", "--caller", "4155550100"],
        ["simulate", "x.json", "--at", "noon"],
        ["simulate", "x.json", "--flow", "FW1"],
        ["validate", "nowhere.json"],
    ],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.output


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" * 100_000)
    result = invoke("validate", str(path))
    assert result.exit_code == 1
    assert "is not JSON" in result.output
