"""Texts of a step, and the variables in them: ``{name}``; ``{{`` and ``}}`` stand for braces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ringfence.domains.flows import graph as g

_PART = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,39})\}|([{}])")


def variables_of(text: str) -> frozenset[str]:
    """Variables that a text names."""
    return frozenset(match[1] for match in _PART.finditer(text) if match[1])


def open_brace(text: str) -> bool:
    """Whether a brace is neither doubled nor part of a variable."""
    return any(match[2] for match in _PART.finditer(text))


def texts(step: g.Step) -> Iterator[tuple[str, str]]:
    """Each text that is spoken at a step, and its field."""
    match step:
        case g.Say(text=text):
            yield "text", text
        case g.Gather(prompts=prompts, invalid_prompts=invalid):
            yield from _said("prompts", prompts)
            yield from _said("invalid_prompts", invalid)
        case g.Dial(whisper=whisper):
            yield from _said("whisper", whisper)


def _said(field: str, prompts: tuple[g.Prompt, ...]) -> Iterator[tuple[str, str]]:
    for number, prompt in enumerate(prompts):
        if isinstance(prompt, g.SayPrompt):
            yield f"{field}[{number}].say", prompt.say


def named(step: g.Step) -> Iterator[tuple[str, str]]:
    """Each variable that a step says or decides by, and its field."""
    for field, text in texts(step):
        for variable in sorted(variables_of(text)):
            yield field, variable
    if isinstance(step, g.Branch):
        for number, case in enumerate(step.cases):
            for index, condition in enumerate(case.if_):
                match condition:
                    case g.VariableIs(name=name):
                        yield f"cases[{number}].if[{index}].variable.name", name
                    case g.ZipIs():
                        yield f"cases[{number}].if[{index}].zip", "zip"
