"""From the elements of a document to its verbs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, cast
from uuid import UUID

from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.protocols.twiml.attributes import Attributes, content, nothing
from ringfence.protocols.twiml.dial import dial
from ringfence.protocols.twiml.model import (
    Document,
    Gather,
    Hangup,
    Hold,
    Record,
    Redirect,
    Reject,
    Tag,
    TwimlError,
    Verb,
    Warning,
)
from ringfence.protocols.twiml.prompts import pause, play, prompts, say
from ringfence.protocols.twiml.xml import Element, read

MAX_VERBS = 200
_DAY = 24 * 3600
_TAG_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_TAG_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_OTHERS = frozenset(
    {
        *("Enqueue", "Leave", "Queue", "Conference", "Connect", "Start", "Stop", "Stream", "Sms"),
        *("Message", "Pay", "Prompt", "Refer", "Siprec", "Transcription", "VirtualAgent", "Echo"),
    }
)
"""What Twilio has and we have not."""

_Warnings = list[Warning]


def parse(document: bytes, content_type: str | None) -> Document:
    """The verbs of a document, whatever it is labelled as; ``content_type`` only serves to find its
    character encoding.

    What cannot be carried out is an error; attributes that nobody knows, and settings of things
    that happen outside of the call, are warnings. Raises TwimlError.
    """
    root = read(document, content_type)
    if root.name != "Response":
        raise TwimlError(root.line, "the root element is to be <Response>", "unknown_element")
    warnings: _Warnings = []
    Attributes(root, warnings).done("xmlns")
    if root.own_text:
        warnings.append(Warning(root.line, "text outside of any verb is ignored"))
    if len(root.elements) > MAX_VERBS:
        raise TwimlError(root.line, f"more than {MAX_VERBS} verbs", "too_large")
    verbs = tuple(_verb(element, warnings) for element in root.elements)
    return Document(verbs, tuple(warnings))


def _verb(element: Element, warnings: _Warnings) -> Verb:
    reader = _READERS.get(element.name)
    if reader is not None:
        return reader(element, warnings)
    name = element.name[:40]
    if name in _OTHERS:
        raise TwimlError(element.line, f"<{name}> is not supported", "unsupported")
    raise TwimlError(element.line, f"there is no verb <{name}>", "unknown_element")


def _gather(element: Element, warnings: _Warnings) -> Gather:
    taken = Attributes(element, warnings)
    taken.only("input", ("dtmf",), "digits are taken, speech is not")
    digits = taken.number("numDigits", 0, 1, 128)
    verb = Gather(
        action=taken.url("action"),
        method=taken.method(),
        timeout=taken.number("timeout", 5, 1, 600),
        num_digits=digits or None,
        finish_on_key=taken.keys("finishOnKey", "#", 1),
        action_on_empty_result=taken.flag("actionOnEmptyResult", False),
        min_digits=taken.number("minDigits", 1, 1, digits or 128),
        retries=taken.number("retries", 0, 0, 10),
        prompts=prompts(element, warnings),
        line=element.line,
    )
    taken.done("language")
    return verb


def _record(element: Element, warnings: _Warnings) -> Record:
    nothing(element)
    taken = Attributes(element, warnings)
    verb = Record(
        action=taken.url("action"),
        method=taken.method(),
        timeout=taken.number("timeout", 5, 1, 600),
        finish_on_key=taken.keys("finishOnKey", "1234567890*#", 12),
        max_length=taken.number("maxLength", 3600, 1, 14_400),
        play_beep=taken.flag("playBeep", True),
        line=element.line,
    )
    taken.done()
    return verb


def _redirect(element: Element, warnings: _Warnings) -> Redirect:
    taken = Attributes(element, warnings)
    name = taken.text("flow").strip()
    if name:
        nothing(element)
        verb = Redirect("", flow=_flow(taken, name), line=element.line)
    else:
        verb = Redirect(content(element), taken.method(), line=element.line)
    taken.done()
    return verb


def _flow(taken: Attributes, name: str) -> UUID:
    try:
        return parse_public_id(Prefix.FLOW, name)
    except InvalidInput:
        raise taken.wrong("flow", "is to be the id of a flow, like FW and 32 hex digits") from None


def _reject(element: Element, warnings: _Warnings) -> Reject:
    nothing(element)
    taken = Attributes(element, warnings)
    reason = taken.choice("reason", "rejected", ("rejected", "busy"))
    taken.done()
    return Reject(cast(Literal["rejected", "busy"], reason), line=element.line)


def _hangup(element: Element, warnings: _Warnings) -> Hangup:
    nothing(element)
    Attributes(element, warnings).done()
    return Hangup(line=element.line)


def _tag(element: Element, warnings: _Warnings) -> Tag:
    nothing(element)
    taken = Attributes(element, warnings)
    verb = Tag(
        taken.required("name", _TAG_NAME, "is to be 1 to 40 of A-Z, a-z, 0-9, _, . and -"),
        taken.required("value", _TAG_VALUE, "is to have 1 to 200 characters"),
        line=element.line,
    )
    taken.done()
    return verb


def _hold(element: Element, warnings: _Warnings) -> Hold:
    nothing(element)
    taken = Attributes(element, warnings)
    verb = Hold(taken.url("music"), taken.number("length", 3600, 1, _DAY), line=element.line)
    taken.done()
    return verb


_READERS: dict[str, Callable[[Element, _Warnings], Verb]] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
    "Gather": _gather,
    "Dial": dial,
    "Record": _record,
    "Redirect": _redirect,
    "Reject": _reject,
    "Hangup": _hangup,
    "Tag": _tag,
    "Hold": _hold,
}
