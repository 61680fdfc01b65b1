"""Say, Play and Pause, which are verbs and also stand in Gather and Whisper."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.protocols.twiml.attributes import Attributes, content, nothing
from ringfence.protocols.twiml.model import Pause, Play, Prompt, Say, TwimlError, Warning
from ringfence.protocols.twiml.xml import Element

_MAX_TEXT = 4000
_MAX_LOOP = 1000
_SSML = frozenset(
    {
        *("break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "speak", "sub"),
        *("w", "amazon:effect", "amazon:domain"),
    }
)


def say(element: Element, warnings: list[Warning]) -> Say:
    taken = Attributes(element, warnings)
    _check_markup(element)
    if element.elements:
        taken.warn("<Say> is spoken without its SSML markup")
    if len(element.text) > _MAX_TEXT:
        message = f"<Say> has more than {_MAX_TEXT} characters"
        raise TwimlError(element.line, message, "content")
    verb = Say(
        element.text,
        voice=taken.text("voice"),
        language=taken.text("language", "en-US", most=35),
        loop=taken.number("loop", 1, 0, _MAX_LOOP),
        line=element.line,
    )
    taken.done()
    return verb


def play(element: Element, warnings: list[Warning]) -> Play:
    taken = Attributes(element, warnings)
    taken.only("digits", ("",), "tones are not sent to the caller")
    url = content(element)
    if not url:
        raise TwimlError(element.line, "<Play> is to hold a URL", "content")
    verb = Play(url, taken.number("loop", 1, 0, _MAX_LOOP), line=element.line)
    taken.done()
    return verb


def pause(element: Element, warnings: list[Warning]) -> Pause:
    nothing(element)
    taken = Attributes(element, warnings)
    verb = Pause(taken.number("length", 1, 0, 3600), line=element.line)
    taken.done()
    return verb


PROMPTS: dict[str, Callable[[Element, list[Warning]], Prompt]] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
}


def prompts(element: Element, warnings: list[Warning]) -> tuple[Prompt, ...]:
    """The prompts that an element holds, and nothing else."""
    for inner in element.elements:
        if inner.name not in PROMPTS:
            message = f"<{inner.name[:40]}> cannot stand in <{element.name}>"
            raise TwimlError(inner.line, message, "unknown_element")
    if element.own_text:
        message = f"text in <{element.name}> is ignored: it is spoken in <Say>"
        warnings.append(Warning(element.line, message))
    return tuple(PROMPTS[inner.name](inner, warnings) for inner in element.elements)


def _check_markup(element: Element) -> None:
    for inner in element.elements:
        if inner.name not in _SSML:
            message = f"<{inner.name[:40]}> cannot stand in <Say>"
            raise TwimlError(inner.line, message, "unknown_element")
        _check_markup(inner)
