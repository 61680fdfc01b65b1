"""Whether the parameters of one node go together."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.rules.forms import BUILT_IN
from ringfence.domains.flows.rules.texts import open_brace, texts, variables_of

_Found = Iterator[tuple[str, str, str]]
_OTHERWISE = "otherwise"


def check_step(name: str, step: g.Step) -> Iterator[g.Problem]:
    """Problems of a node's step, whatever is around it."""
    for field, code, message in (*_parameters(step), *_texts(step)):
        yield g.Problem(name, field, code, message)


def _texts(step: g.Step) -> _Found:
    for field, text in texts(step):
        if open_brace(text):
            message = "a brace begins no variable; write {{ for a brace, {name} for a variable"
            yield field, "brace", message


def _parameters(step: g.Step) -> _Found:
    match step:
        case g.Gather():
            yield from _gather(step)
        case g.Dial(confirm=confirm, whisper=whisper):
            if confirm and not whisper:
                message = "whoever answers must be told which key takes the call"
                yield "whisper", "confirm_without_whisper", message
        case g.Tag(value=value):
            if variables_of(value):
                yield "value", "variable_not_allowed", "a tag's value holds no variable"
        case g.Redirect():
            yield from _redirect(step)
        case g.Branch(cases=cases):
            for number, case in enumerate(cases):
                yield from _case(f"cases[{number}]", case)
        case g.Split(shares=shares):
            if not sum(shares.values()):
                yield "shares", "no_weight", "at least one weight is above 0"


def _gather(step: g.Gather) -> _Found:
    if step.min_digits > step.max_digits:
        yield "min_digits", "out_of_range", "must not be above max_digits"
    if step.choices and (step.min_digits, step.max_digits) != (1, 1):
        yield "max_digits", "choices_and_digits", "choices themselves say how many digits there are"
    for number, choice in enumerate(step.choices):
        if step.finish_key and step.finish_key in choice:
            yield f"choices[{number}]", "has_finish_key", "cannot be pressed: it has the finish key"
    if step.save_as in BUILT_IN:
        yield "save_as", "reserved", f"{step.save_as} is a variable of every call"
    if step.invalid_prompts and not step.retries:
        yield "invalid_prompts", "never_heard", "are heard before it is asked again: set retries"


def _redirect(step: g.Redirect) -> _Found:
    if (step.flow is None) == (not step.url):
        yield "flow", "one_of", "must have exactly one of `flow` and `url`"
    elif not step.url and step.method != "POST":
        yield "method", "without_url", "is for a `url` only"


def _case(at: str, case: g.Case) -> _Found:
    if case.outcome == _OTHERWISE:
        yield f"{at}.outcome", "reserved", "otherwise is the outcome when no case holds"
    for number, condition in enumerate(case.if_):
        inner = f"{at}.if[{number}]"
        match condition:
            case g.TimeIs(openings=openings):
                for index, opening in enumerate(openings):
                    if opening.from_ == opening.to or opening.from_ == 1440:
                        field = f"{inner}.time.openings[{index}].to"
                        yield field, "never_open", "is no time at all; a whole day ends at 24:00"
            case g.CallerIn(areas=areas, states=states, countries=countries):
                if not (areas or states or countries):
                    yield f"{inner}.caller", "never_holds", "names no area, state or country"
            case g.VariableIs(values=values, prefixes=prefixes):
                if not (values or prefixes):
                    yield f"{inner}.variable", "never_holds", "has neither values nor prefixes"
            case g.ZipIs(values=values, prefixes=prefixes):
                if not (values or prefixes):
                    yield f"{inner}.zip", "never_holds", "has neither values nor prefixes"
            case g.TagIs(values=()):
                yield f"{inner}.tag", "never_holds", "has no values"
