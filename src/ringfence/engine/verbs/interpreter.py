"""Runs a program: says which verb is next, given how the last one came out.

It performs nothing itself. Whoever performs the verbs (a call, a simulation) asks ``step`` for the
next one until it says None: the program is over. Decisions between them are made here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ringfence.engine.verbs import text
from ringfence.engine.verbs.conditions import holds
from ringfence.engine.verbs.model import (
    Branch,
    Dial,
    Enter,
    Facts,
    Fetch,
    Gather,
    Hold,
    Jump,
    Node,
    Pause,
    Play,
    Program,
    Prompt,
    Record,
    Say,
    Split,
    Tag,
    Verb,
)
from ringfence.kernel.errors import RingfenceError

MAX_IDLE = 200
"""Steps without a verb that takes time."""
MAX_STEPS = 10_000
MAX_DEPTH = 16
_WAITING = (Say, Play, Pause, Gather, Dial, Record, Hold, Fetch)


class FlowLoop(RingfenceError):
    """The program goes round without anything that takes time, too deep, or nowhere."""

    code = "flow_loop"


@dataclass(frozen=True, slots=True)
class Step:
    """A verb to be performed, its texts filled in."""

    node: str
    verb: Verb
    personal: bool = False
    """Whether a text of it holds a value of a variable."""


class Interpreter:
    """One call's way through its program."""

    def __init__(
        self, program: Program, facts: Facts, chance: Callable[[], float] = random.random
    ) -> None:
        self.variables = {"caller": facts.caller, "called": facts.called}
        """What texts and conditions may name; ``digits`` is what was pressed last."""
        self.tags: dict[str, str] = {}
        self._facts = facts
        self._chance = chance
        self._program = program
        self._node: str | None = None
        self._returns: list[str] = []
        self._steps = 0
        self._idle = 0

    @property
    def program(self) -> Program:
        return self._program

    def replace(self, program: Program) -> None:
        """Go on with another program, from its start; variables and tags stay."""
        self._program = program
        self._facts = program.facts or self._facts
        self._node = None
        self._returns.clear()

    def gathered(self, digits: str, save_as: str) -> None:
        """Remember what was pressed."""
        self.variables["digits"] = digits
        if save_as:
            self.variables[save_as] = digits

    def last(self, outcome: str) -> bool:
        """Whether the program is over when the present verb comes out so."""
        if self._node is None:
            return True
        outcomes = {self._node: outcome} | dict.fromkeys(self._returns, "done")
        return not any({found, ""} & self._find(at).next.keys() for at, found in outcomes.items())

    def step(self, outcome: str | None, at: int) -> Step | None:
        """The next verb to perform; None when the program is over.

        ``outcome`` is that of the verb before, None at the start of a program; ``at`` the present
        moment in microseconds since the Unix epoch. Raises FlowLoop.
        """
        if self._node is None or outcome is None:
            name: str | None = self._program.start if self._program.nodes else None
        else:
            node = self._find(self._node)
            if outcome != "failed" and isinstance(node.verb, _WAITING):
                self._idle = 0
            name = self._following(node, outcome)
        while name is not None:
            self._count()
            node = self._find(name)
            self._node = name
            match node.verb:
                case Branch():
                    name = self._following(node, self._decide(node.verb, at))
                case Split(shares=shares):
                    name = self._following(node, self._draw(shares))
                case Enter(start=start):
                    if len(self._returns) == MAX_DEPTH:
                        raise FlowLoop("flows are entered too deep")
                    self._returns.append(name)
                    name = start
                case Jump(start=start):
                    self._returns.clear()
                    name = start
                case verb:
                    return self._filled(name, verb)
        return None

    def _count(self) -> None:
        self._steps += 1
        self._idle += 1
        if self._idle > MAX_IDLE or self._steps > MAX_STEPS:
            raise FlowLoop("the flow goes round in circles")

    def _find(self, name: str) -> Node:
        node = self._program.nodes.get(name)
        if node is None:
            raise FlowLoop("the flow leads nowhere")
        return node

    def _following(self, node: Node, outcome: str) -> str | None:
        """What comes after an outcome of a node: where nothing is named, whence it was entered."""
        name = node.next.get(outcome, node.next.get(""))
        while name is None and self._returns:
            entered = self._find(self._returns.pop())
            name = entered.next.get("done", entered.next.get(""))
        return name

    def _decide(self, branch: Branch, at: int) -> str:
        for case in branch.cases:
            if all(holds(c, self._facts, self.variables, self.tags, at) for c in case.conditions):
                return case.outcome
        return "otherwise"

    def _draw(self, shares: tuple[tuple[str, int], ...]) -> str:
        at = self._chance() * sum(weight for _, weight in shares)
        for name, weight in shares:
            at -= weight
            if at < 0:
                return name
        return shares[-1][0] if shares else ""

    def _filled(self, name: str, verb: Verb) -> Step:
        match verb:
            case Say():
                return Step(name, *self._say(verb))
            case Gather():
                prompts, one = self._prompts(verb.prompts)
                invalid, other = self._prompts(verb.invalid_prompts)
                filled = msgspec.structs.replace(verb, prompts=prompts, invalid_prompts=invalid)
                return Step(name, filled, one or other)
            case Dial() if verb.whisper:
                whisper, personal = self._prompts(verb.whisper)
                return Step(name, msgspec.structs.replace(verb, whisper=whisper), personal)
            case Tag():
                self.tags[verb.name] = verb.value
        return Step(name, verb)

    def _say(self, say: Say) -> tuple[Say, bool]:
        if "{" not in say.text and "}" not in say.text:
            return say, say.personal
        filled = text.fill(say.text, self.variables)
        return msgspec.structs.replace(say, text=filled), say.personal or bool(text.names(say.text))

    def _prompts(self, prompts: tuple[Prompt, ...]) -> tuple[tuple[Prompt, ...], bool]:
        filled, personal = [], False
        for prompt in prompts:
            if isinstance(prompt, Say):
                prompt, found = self._say(prompt)
                personal = personal or found
            filled.append(prompt)
        return tuple(filled), personal
