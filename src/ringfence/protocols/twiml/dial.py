"""Dial and what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri
from ringfence.protocols.twiml.attributes import Attributes, content, e164, nothing
from ringfence.protocols.twiml.model import (
    Client,
    Dial,
    Noun,
    Number,
    Sip,
    TwimlError,
    Warning,
    Whisper,
)
from ringfence.protocols.twiml.prompts import prompts
from ringfence.protocols.twiml.xml import Element

MAX_NOUNS = 10
_IDENTITY = re.compile(r"[^\s\x00-\x1f\x7f]{1,256}")
_WHISPER_HINT = "what the answering side hears first is said by <Whisper> in <Dial>"

_Warnings = list[Warning]


def dial(element: Element, warnings: _Warnings) -> Dial:
    taken = Attributes(element, warnings)
    taken.only("hangupOnStar", ("false",))
    taken.only(
        "record",
        ("false", "do-not-record"),
        "conversations are recorded as the number's settings and the law of the parties say",
    )
    nouns, whisper = _inside(element, warnings)
    ring = taken.text("ringTone", "us").strip().lower()
    if ring not in ("us", "automatic", ""):
        taken.warn("<Dial ringTone> is that of the US")
    verb = Dial(
        nouns,
        action=taken.url("action"),
        method=taken.method(),
        timeout=taken.number("timeout", 30, 1, 600),
        time_limit=taken.number("timeLimit", 14_400, 1, 86_400),
        caller_id=_caller_id(taken),
        sequential=taken.flag("sequential", False),
        ringback=taken.url("ringback"),
        music=taken.url("music"),
        whisper=whisper,
        line=element.line,
    )
    # a caller is answered when the other side answers, which is what answerOnBridge asks for
    taken.done("answerOnBridge")
    return verb


def _caller_id(taken: Attributes) -> str | None:
    text = taken.text("callerId").strip()
    number = e164(text)
    if text and number is None:
        raise taken.wrong("callerId", "is no telephone number")
    return number


def _inside(element: Element, warnings: _Warnings) -> tuple[tuple[Noun, ...], Whisper | None]:
    nouns: list[Noun] = []
    whisper: Whisper | None = None
    for inner in element.elements:
        if inner.name == "Whisper" and whisper is None:
            whisper = _whisper(inner, warnings)
        elif inner.name in _NOUNS:
            nouns.append(_NOUNS[inner.name](inner, warnings))
        elif inner.name in ("Conference", "Queue", "Sim", "Application", "WhatsApp"):
            raise TwimlError(inner.line, f"<{inner.name}> is not supported", "unsupported")
        else:
            message = f"<{inner.name[:40]}> cannot stand in <Dial>"
            raise TwimlError(inner.line, message, "unknown_element")
    if element.own_text and not nouns:
        nouns.append(_number_of(element, element.own_text))
    elif element.own_text:
        raise TwimlError(element.line, "<Dial> holds a number or nouns, not both", "content")
    if not nouns or len(nouns) > MAX_NOUNS:
        message = f"<Dial> is to hold 1 to {MAX_NOUNS} destinations"
        raise TwimlError(element.line, message, "content")
    return tuple(nouns), whisper


def _number_of(element: Element, text: str) -> Number:
    number = e164(text)
    if number is None:
        message = f"<{element.name}> is to hold a telephone number, best as +12125550123"
        raise TwimlError(element.line, message, "content")
    return Number(number, line=element.line)


def _noun_attributes(element: Element, warnings: _Warnings) -> None:
    taken = Attributes(element, warnings)
    taken.only("url", ("",), _WHISPER_HINT)
    taken.only("sendDigits", ("",))
    taken.only("machineDetection", ("",))
    for name in ("username", "password"):
        taken.only(name, ("",), "credentials belong to a trunk")
    taken.done("method")


def _number(element: Element, warnings: _Warnings) -> Number:
    _noun_attributes(element, warnings)
    return _number_of(element, content(element))


def _sip(element: Element, warnings: _Warnings) -> Sip:
    _noun_attributes(element, warnings)
    text = content(element, most=1024)
    try:
        uri = parse_uri(text)
    except SipError:
        uri = None
    if uri is None or uri.scheme not in ("sip", "sips") or not text.isascii():
        raise TwimlError(element.line, "<Sip> is to hold a SIP URI", "content")
    if uri.headers:
        raise TwimlError(element.line, "headers in a SIP URI are not supported", "unsupported")
    return Sip(text, line=element.line)


def _client(element: Element, warnings: _Warnings) -> Client:
    _noun_attributes(element, warnings)
    inner = element.elements
    if [each.name for each in inner] == ["Identity"]:
        nothing(Element(element.name, {}, element.line, [element.own_text]))
        element = inner[0]
    identity = content(element)
    if not _IDENTITY.fullmatch(identity):
        raise TwimlError(element.line, f"<{element.name}> is to hold a user's name", "content")
    return Client(identity, line=element.line)


def _whisper(element: Element, warnings: _Warnings) -> Whisper:
    taken = Attributes(element, warnings)
    heard = prompts(element, warnings)
    if not heard:
        raise TwimlError(element.line, "<Whisper> is to hold something to be heard", "content")
    confirm = taken.keys("confirm", "", 1)
    verb = Whisper(heard, confirm, taken.number("timeout", 10, 1, 60), line=element.line)
    taken.done()
    return verb


_NOUNS: dict[str, Callable[[Element, _Warnings], Noun]] = {
    "Number": _number,
    "Sip": _sip,
    "Client": _client,
}
