"""The types of nodes: which parameters each has, and which outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.rules.addresses import is_country, is_e164, is_sip_uri, is_url
from ringfence.domains.flows.rules.kinds import (
    Checked,
    ClockTime,
    Day,
    Flag,
    Id,
    ListOf,
    MapOf,
    Number,
    Text,
    Whole,
    Word,
    Zone,
)
from ringfence.domains.flows.rules.shapes import ByKey, Shape, Wrapped
from ringfence.kernel.ids import Prefix

BUILT_IN = ("caller", "called", "digits")
"""Variables that every call has; ``digits`` is what was pressed last."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_NODES = 500

NODE_ID = Word("1 to 40 letters, digits, `_` or `-`", "[A-Za-z0-9_-]{1,40}")
OUTCOME = Word("1 to 40 letters, digits, `_`, `-` or spaces", "[A-Za-z0-9_-][A-Za-z0-9_ -]{0,39}")
VARIABLE = Word(
    "a name of 1 to 40 lower-case letters, digits or `_`, first a letter", "[a-z][a-z0-9_]{0,39}"
)
_TAG_NAME = Word("a name of 1 to 40 letters, digits, `_`, `.` or `-`", "[A-Za-z0-9_.-]{1,40}")
_TAG_VALUE = Text(200)
_VOICE = Word("the name of a voice; empty for the usual one", "[A-Za-z0-9_.-]{0,64}")
_SAVE_AS = Word(f"{VARIABLE.says}; empty for none", f"({VARIABLE.pattern})?")
_LANGUAGE = Word("a language like en-US", "[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_KEY = Word("a key: 0 to 9, `*` or `#`; empty for none", "[0-9*#]?")
_DIGITS = Word("1 to 32 of 0 to 9, `*` and `#`", "[0-9*#]{1,32}")
_E164 = Checked("a number like +14155550100", is_e164)
_VALUES = ListOf(Text(200), 0, 1000, unique=True)
_LOOP = Whole(1, 100)
_PROMPT = Id(Prefix.PROMPT)
_SPEECH = {"voice": _VOICE, "language": _LANGUAGE}
_PROMPTS = ListOf(
    ByKey(
        {
            "say": Shape(g.SayPrompt, {"say": Text(4000), **_SPEECH}),
            "play": Shape(g.PlayPrompt, {"play": _PROMPT}),
            "pause": Shape(g.PausePrompt, {"pause": Number(0.1, 60)}),
        }
    ),
    0,
    20,
)
_TARGETS = ListOf(
    ByKey(
        {
            "target": Shape(g.StoredTarget, {"target": Id(Prefix.TARGET)}),
            "number": Shape(g.NumberTarget, {"number": _E164, "trunk": Id(Prefix.TRUNK)}),
            "sip": Shape(g.SipTarget, {"sip": Checked("a URI like sip:user@host", is_sip_uri)}),
            "device": Shape(g.DeviceTarget, {"device": Id(Prefix.DEVICE)}),
        }
    ),
    1,
    20,
)
_OPENING = Shape(
    g.Opening,
    {
        "days": ListOf(Word("one of " + ", ".join(DAYS), "|".join(DAYS)), 1, 7, unique=True),
        "from": ClockTime(),
        "to": ClockTime(),
    },
)
_DATES = ListOf(Day(), 1, 366, unique=True)
CONDITIONS = {
    "time": Shape(
        g.TimeIs,
        {
            "zone": Zone(),
            "openings": ListOf(_OPENING, 1, 50),
            "holidays": ListOf(Day(), 0, 366, unique=True),
        },
    ),
    "holiday": Shape(g.HolidayIs, {"zone": Zone(), "dates": _DATES}),
    "caller": Shape(
        g.CallerIn,
        {
            "areas": ListOf(Word("an area code like 415", "[2-9][0-9]{2}"), 0, 400, unique=True),
            "states": ListOf(Word("a state like NY", "[A-Z]{2,3}"), 0, 100, unique=True),
            "countries": ListOf(Checked("a country like US", is_country), 0, 250, unique=True),
        },
    ),
    "variable": Shape(g.VariableIs, {"name": VARIABLE, "values": _VALUES, "prefixes": _VALUES}),
    "zip": Shape(
        g.ZipIs,
        {
            "values": ListOf(Word("a ZIP code", "[0-9]{5}"), 0, 1000, unique=True),
            "prefixes": ListOf(Word("digits of a ZIP code", "[0-9]{1,5}"), 0, 1000, unique=True),
        },
    ),
    "tag": Shape(g.TagIs, {"name": _TAG_NAME, "values": _VALUES}),
    "repeat": Shape(g.RepeatCaller, {"days": Whole(1, 3650)}),
}
_CASE = Shape(g.Case, {"outcome": OUTCOME, "if": ListOf(Wrapped(CONDITIONS), 1, 10)})

STEPS: Mapping[str, Shape] = {
    "say": Shape(g.Say, {"text": Text(4000), **_SPEECH, "loop": _LOOP}),
    "play": Shape(g.Play, {"prompt": _PROMPT, "loop": _LOOP}),
    "pause": Shape(g.Pause, {"seconds": Number(0.1, 600)}),
    "gather": Shape(
        g.Gather,
        {
            "prompts": _PROMPTS,
            "choices": ListOf(_DIGITS, 0, 50, unique=True),
            "min_digits": Whole(1, 32),
            "max_digits": Whole(1, 32),
            "seconds": Number(0.5, 120),
            "digit_seconds": Number(0.5, 60),
            "finish_key": _KEY,
            "retries": Whole(0, 10),
            "invalid_prompts": _PROMPTS,
            "save_as": _SAVE_AS,
        },
    ),
    "dial": Shape(
        g.Dial,
        {
            "targets": _TARGETS,
            "mode": Word("`sequential` or `parallel`", "sequential|parallel"),
            "timeout_seconds": Whole(1, 600),
            "caller_id": Checked(
                "`caller`, `called` or a number like +14155550100",
                lambda text: text in ("caller", "called") or is_e164(text),
            ),
            "ringback": _PROMPT,
            "music": _PROMPT,
            "whisper": _PROMPTS,
            "confirm": _KEY,
            "confirm_seconds": Number(1, 60),
            "max_seconds": Whole(1, 86_400),
        },
    ),
    "record": Shape(
        g.Record,
        {
            "max_seconds": Whole(1, 3600),
            "silence_seconds": Number(1, 60),
            "finish_key": _KEY,
            "beep": Flag(),
        },
    ),
    "hold": Shape(g.Hold, {"prompt": _PROMPT, "seconds": Whole(1, 86_400)}),
    "tag": Shape(g.Tag, {"name": _TAG_NAME, "value": _TAG_VALUE}),
    "redirect": Shape(
        g.Redirect,
        {
            "flow": Id(Prefix.FLOW),
            "url": Checked("an http or https URL", is_url),
            "method": Word("`GET` or `POST`", "GET|POST"),
        },
    ),
    "reject": Shape(g.Reject, {"status": Whole(400, 699)}),
    "hangup": Shape(g.Hangup, {}),
    "branch": Shape(g.Branch, {"cases": ListOf(_CASE, 1, 50)}),
    "split": Shape(g.Split, {"shares": MapOf(OUTCOME, Whole(0, 1_000_000), 1, 50)}),
    "flow": Shape(g.SubFlow, {"flow": Id(Prefix.FLOW)}),
}
TYPE_OF: Mapping[type[Any], str] = {shape.made: name for name, shape in STEPS.items()}
POSITION = Shape(g.Position, {"x": Number(-1e6, 1e6), "y": Number(-1e6, 1e6)})
EXPECTS = ListOf(VARIABLE, 0, 20, unique=True)


def outcomes(step: g.Step) -> tuple[str, ...]:
    """How a step may come out; none: the flow goes no further."""
    match step:
        case g.Say() | g.Play():
            return ("done", "failed")
        case g.Pause() | g.Hold() | g.Tag() | g.SubFlow():
            return ("done",)
        case g.Gather(choices=choices):
            digits = tuple(f"digits:{choice}" for choice in choices) or ("digits",)
            return (*digits, "timeout", "invalid")
        case g.Dial():
            return ("answered", "busy", "no_answer", "rejected", "failed")
        case g.Record():
            return ("done", "empty", "failed")
        case g.Redirect(url=url):
            return ("failed",) if url else ()
        case g.Branch(cases=cases):
            return (*dict.fromkeys(case.outcome for case in cases), "otherwise")
        case g.Split(shares=shares):
            return tuple(shares)
        case g.Reject() | g.Hangup():
            return ()


def waits(step: g.Step) -> bool:
    """Whether it takes time, so that a circle through it is no endless loop. A redirect to a URL
    does not: the flow goes on only where the document could not be had."""
    return not isinstance(step, g.Tag | g.Branch | g.Split | g.SubFlow | g.Redirect)


def target_of(node: g.Node, outcome: str) -> str | None:
    """The node that follows an outcome; None where the flow ends."""
    return node.next.get(outcome, node.next.get(""))
