"""Runs a program without a phone: the caller's doings are scripted, waiting moves the clock."""

from __future__ import annotations

import random
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringfence.engine.verbs import model as v
from ringfence.engine.verbs.interpreter import FlowLoop, Interpreter
from ringfence.entry.control.compile import place_of
from ringfence.entry.control.explain import explain_branch, explain_split
from ringfence.kernel.clock import from_micros, to_micros
from ringfence.kernel.ids import Prefix, public_id

MAX_EVENTS = 500
"""A simulation goes no further: a caller who never hangs up may be asked for ever."""
_CHARACTERS_PER_SECOND = 15
_UNKNOWN_SECONDS = 3.0
_RING_SECONDS = 5.0
_SECONDS_PER_DIGIT = 0.3
_RANK = {"failed": 0, "no_answer": 1, "busy": 1, "rejected": 2}
"""Which failure of several targets is the outcome; one that rejects ends the hunt (6xx)."""
ANSWERS = ("answered", *_RANK)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the people on the phone do."""

    digits: tuple[str, ...] = ()
    """What is pressed at each time that digits are asked for; empty: nothing."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """How targets answer, by label, number, URI or user name, ``*`` for all others; without one
    they answer."""
    labels: Mapping[v.DialTarget, str] = field(default_factory=dict)
    """Names of targets."""
    talk_seconds: float = 60.0
    message_seconds: float = 10.0
    """How long a message is that is left; 0: nothing is said."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens at a node."""

    at: datetime
    node: str
    """As the program names it."""
    verb: str
    what: str
    """What is heard or happens."""
    outcome: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """All that happened. ``end``: ``hangup``, ``rejected``, ``completed`` (the flow was over),
    ``document`` (another server goes on), ``flow_loop``, ``unfinished`` (MAX_EVENTS)."""

    events: tuple[Event, ...]
    end: str
    seconds: float
    tags: Mapping[str, str]
    variables: Mapping[str, str]


def simulate(
    program: v.Program, facts: v.Facts, inputs: Inputs, at: datetime, seed: int = 0
) -> Trace:
    """What a call that begins at ``at`` would go through; splits are drawn from ``seed``."""
    return _Simulation(program, facts, inputs, at, seed).run()


class _Watched(Interpreter):
    """Tells of the decisions between verbs."""

    def __init__(
        self, program: v.Program, facts: v.Facts, seed: int, tell: Callable[..., None]
    ) -> None:
        self._drawn = 0.0
        chance = random.Random(seed)  # noqa: S311  (repeatable, no secret)

        def draw() -> float:
            self._drawn = chance.random()
            return self._drawn

        super().__init__(program, facts, draw)
        self._tell = tell

    def _decide(self, branch: v.Branch, at: int) -> str:
        why = explain_branch(branch, self._facts, self.variables, self.tags, at)
        outcome = super()._decide(branch, at)
        self._tell(self._node, "branch", "decides", outcome, why)
        return outcome

    def _draw(self, shares: tuple[tuple[str, int], ...]) -> str:
        outcome = super()._draw(shares)
        why = explain_split(v.Split(shares), self._drawn)
        self._tell(self._node, "split", "decides", outcome, why)
        return outcome


class _Simulation:
    def __init__(
        self, program: v.Program, facts: v.Facts, inputs: Inputs, at: datetime, seed: int
    ) -> None:
        self._inputs = inputs
        self._digits = list(inputs.digits)
        self._began = self._now = to_micros(at)
        self._events: list[Event] = []
        self._interpreter = _Watched(program, facts, seed, self._tell)

    def run(self) -> Trace:
        end = self._run()
        return Trace(
            tuple(self._events),
            end,
            (self._now - self._began) / 1e6,
            dict(self._interpreter.tags),
            dict(self._interpreter.variables),
        )

    def _run(self) -> str:
        outcome: str | None = None
        while len(self._events) < MAX_EVENTS:
            try:
                step = self._interpreter.step(outcome, self._now)
            except FlowLoop:
                return "flow_loop"
            if step is None:
                return "completed"
            name = type(step.verb).__name__.lower()
            match step.verb:
                case v.Hangup():
                    self._tell(step.node, name, "hangs up")
                    return "hangup"
                case v.Reject(status=status):
                    self._tell(step.node, name, f"refuses the call with {status}")
                    return "rejected"
                case v.Fetch(url=url, method=method):
                    self._tell(step.node, name, f"goes on with the document of {method} {url}")
                    return "document"
            before, place = self._now, len(self._events)
            what, outcome, why = self._perform(step.verb)
            event = Event(from_micros(before), step.node, name, what, outcome, why)
            self._events.insert(place, event)
        return "unfinished"

    def _tell(
        self, node: str, verb: str, what: str, outcome: str | None = None, why: str = ""
    ) -> None:
        self._events.append(Event(from_micros(self._now), node, verb, what, outcome, why))

    def _pass(self, seconds: float) -> None:
        self._now += round(seconds * 1e6)

    def _perform(self, verb: v.Verb) -> tuple[str, str, str]:
        """What is heard or happens, the outcome, and why; time passes."""
        match verb:
            case v.Say() | v.Play() | v.Pause():
                self._pass(_seconds(verb))
                return _heard((verb,)), "done", ""
            case v.Gather():
                return self._gather(verb)
            case v.Dial():
                return self._dial(verb)
            case v.Record():
                return self._record(verb)
            case v.Hold(source=source, seconds=seconds):
                self._pass(seconds)
                return f"holds with {source} for {seconds} s", "done", ""
            case v.Tag(name=name, value=value):
                return f"tags {name} = {value}", "done", ""
        raise AssertionError(verb)

    # --- gather ---------------------------------------------------------------------------------

    def _gather(self, verb: v.Gather) -> tuple[str, str, str]:
        heard, why, outcome = [], [], "timeout"
        prompts = verb.prompts
        for _ in range(verb.retries + 1):
            heard.append(_heard(prompts))
            self._pass(sum(map(_seconds, prompts)))
            pressed = self._digits.pop(0) if self._digits else ""
            if not pressed:
                self._pass(verb.seconds)
                why.append("nothing was pressed")
                outcome, prompts = "timeout", verb.prompts
                continue
            digits = taken(verb, pressed)
            self._pass(len(pressed) * _SECONDS_PER_DIGIT)
            if digits is None:
                why.append(f"{pressed} is no valid input")
                outcome, prompts = "invalid", verb.invalid_prompts + verb.prompts
                continue
            why.append(f"{pressed} was pressed")
            self._interpreter.gathered(digits, verb.save_as)
            outcome = f"digits:{digits}" if verb.choices else "digits"
            break
        return "asks: " + " | ".join(part or "(silence)" for part in heard), outcome, ", ".join(why)

    # --- dial -----------------------------------------------------------------------------------

    def _dial(self, verb: v.Dial) -> tuple[str, str, str]:
        shown = "the caller's number" if verb.caller_id is None else verb.caller_id
        ways = [(self._label(target), self._answer(target)) for target in verb.targets]
        what = f"dials {', '.join(label for label, _ in ways) or 'nobody'}, showing {shown}"
        outcome, why = "failed", []
        if verb.mode == "parallel":
            ways.sort(key=lambda way: way[1] != "answered")
        for label, answer in ways:
            why.append(f"{label}: {answer}")
            if answer == "answered":
                return f"{what}{self._talk(verb)}", "answered", ", ".join(why)
            if answer == "no_answer":
                self._pass(verb.timeout_seconds)
            if _RANK[answer] >= _RANK[outcome]:
                outcome = answer
            if answer == "rejected" and verb.mode == "sequential":
                break
        return what, outcome, ", ".join(why) or "no target can be dialled"

    def _talk(self, verb: v.Dial) -> str:
        talked = self._inputs.talk_seconds
        if verb.max_seconds is not None:
            talked = min(talked, verb.max_seconds)
        self._pass(_RING_SECONDS + sum(map(_seconds, verb.whisper)) + talked)
        whisper = f", who hears {_heard(verb.whisper)}" if verb.whisper else ""
        confirm = f" and presses {verb.confirm}" if verb.confirm else ""
        return f"{whisper}{confirm}; talks {talked:g} s"

    def _label(self, target: v.DialTarget) -> str:
        return self._inputs.labels.get(target) or _names(target)[0]

    def _answer(self, target: v.DialTarget) -> str:
        answers = self._inputs.answers
        keys = (self._label(target), *_names(target), "*")
        return next((answers[key] for key in keys if key in answers), "answered")

    def _record(self, verb: v.Record) -> tuple[str, str, str]:
        said = min(self._inputs.message_seconds, verb.max_seconds)
        self._pass(said + verb.silence_seconds)
        outcome = "done" if said else "empty"
        return "takes a message", outcome, f"{said:g} s were said"


def taken(verb: v.Gather, pressed: str) -> str | None:
    """The digits that a gather takes of what is pressed; None when it is not valid."""
    if verb.finish_key:
        pressed = pressed.partition(verb.finish_key)[0]
    if not verb.choices:
        digits = pressed[: verb.max_digits]
        return digits if len(digits) >= verb.min_digits else None
    for end in range(1, len(pressed) + 1):
        digits = pressed[:end]
        longer = (choice.startswith(digits) for choice in verb.choices if choice != digits)
        if digits in verb.choices and (end == len(pressed) or not any(longer)):
            return digits
    return None


def _seconds(prompt: v.Prompt) -> float:
    match prompt:
        case v.Say(text=text, loop=loop):
            return max(1.0, len(text) / _CHARACTERS_PER_SECOND) * loop
        case v.Play(source=source, loop=loop):
            return _length(source.removeprefix("file:")) * loop
        case v.Pause(seconds=seconds):
            return seconds


def _length(path: str) -> float:
    try:
        with wave.open(path, "rb") as file:
            return file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error):
        return _UNKNOWN_SECONDS


def _heard(prompts: tuple[v.Prompt, ...]) -> str:
    return " ".join(map(_one, prompts))


def _one(prompt: v.Prompt) -> str:
    match prompt:
        case v.Say(text=text, loop=loop):
            return f'"{text}"' + (f" {loop} times" if loop > 1 else "")
        case v.Play(source=source, loop=loop):
            return f"[{source}]" + (f" {loop} times" if loop > 1 else "")
        case v.Pause(seconds=seconds):
            return f"({seconds:g} s of silence)"


def _names(target: v.DialTarget) -> tuple[str, ...]:
    match target:
        case v.TrunkTarget(number=number):
            return (number,)
        case v.SipTarget(uri=uri):
            return (uri,)
        case v.DeviceTarget(username=username):
            return (username,)


def as_json(trace: Trace) -> dict[str, Any]:
    """A trace as JSON values; the flow of a file has no id."""
    return {
        "end": trace.end,
        "seconds": round(trace.seconds, 3),
        "tags": dict(trace.tags),
        "variables": dict(trace.variables),
        "events": list(map(_event, trace.events)),
    }


def _event(event: Event) -> dict[str, Any]:
    flow, node = place_of(event.node)
    return {
        "at": event.at.isoformat(),
        "flow": public_id(Prefix.FLOW, flow) if flow.int else None,
        "node": node,
        "verb": event.verb,
        "what": event.what,
        "outcome": event.outcome,
        "why": event.why,
    }
