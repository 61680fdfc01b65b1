"""Reading the attributes of an element."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import cast

from ringfence.protocols.twiml.model import Method, TwimlError, Warning
from ringfence.protocols.twiml.xml import Element

KEYS = re.compile(r"[0-9*#]*")
_VISUAL = str.maketrans("", "", " -.()\u00a0")
_MAX_URL = 4096
_MAX_TEXT = 4000


class Attributes:
    """What stands in an element's tag. Each is taken once; what nobody took is reported."""

    def __init__(self, element: Element, warnings: list[Warning]) -> None:
        self.element = element
        self._left = dict(element.attributes)
        self._warnings = warnings

    def text(self, name: str, default: str = "", *, most: int = 256) -> str:
        value = self._left.pop(name, None)
        if value is None:
            return default
        if len(value) > most:
            raise self.wrong(name, f"has more than {most} characters")
        return value

    def required(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        value = self.text(name, most=_MAX_TEXT)
        if not pattern.fullmatch(value):
            raise self.wrong(name, meaning)
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self._left.pop(name, None)
        if value is None:
            return default
        text = value.strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text)):
            raise self.wrong(name, f"is to be a whole number from {least}")
        return min(int(text), most)

    def flag(self, name: str, default: bool) -> bool:
        value = self._left.pop(name, "").strip().lower()
        if value not in ("", "true", "false"):
            raise self.wrong(name, "is to be true or false")
        return value == "true" if value else default

    def choice(self, name: str, default: str, options: Collection[str]) -> str:
        value = self._left.pop(name, default)
        if value not in options:
            raise self.wrong(name, f"is to be one of: {', '.join(options)}")
        return value

    def method(self) -> Method:
        value = self._left.pop("method", "POST").upper()
        if value not in ("GET", "POST"):
            raise self.wrong("method", "is to be GET or POST")
        return cast(Method, value)

    def url(self, name: str) -> str | None:
        """A URL, absolute or relative; None when there is none or it is empty."""
        value = self._left.pop(name, "").strip()
        if len(value) > _MAX_URL:
            raise self.wrong(name, "is too long")
        return value or None

    def keys(self, name: str, default: str, most: int) -> str:
        value = self._left.pop(name, default)
        if not KEYS.fullmatch(value) or len(value) > most:
            raise self.wrong(name, f"is to be of 0-9, * and #, at most {most}")
        return value

    def only(self, name: str, supported: Collection[str], hint: str = "") -> None:
        """An attribute of which nothing but the default does anything here."""
        value = self._left.pop(name, None)
        if value is not None and value.strip() not in supported:
            what = f"<{self.element.name} {name}> is not supported"
            raise TwimlError(self.element.line, what + (f": {hint}" if hint else ""), "unsupported")

    def done(self, *without_effect: str) -> None:
        """Report what nobody took; the names given are known to mean nothing here."""
        for name in self._left:
            if name not in without_effect:
                self.warn(f"<{self.element.name}> has an attribute that is ignored: {name[:40]}")

    def warn(self, message: str) -> None:
        self._warnings.append(Warning(self.element.line, message))

    def wrong(self, name: str, why: str) -> TwimlError:
        return TwimlError(self.element.line, f"<{self.element.name} {name}> {why}", "attribute")


def e164(text: str) -> str | None:
    """A telephone number as E.164; one without ``+`` is of the North American plan, as Twilio reads
    it. None for what is no number, and for short numbers."""
    number = text.strip().translate(_VISUAL)
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if number.startswith("+"):
        return number if 8 <= len(digits) <= 15 and digits[0] != "0" else None
    if len(digits) == 10 and digits[0] not in "01":
        return f"+1{digits}"
    return f"+{digits}" if len(digits) == 11 and digits[0] == "1" else None


def content(element: Element, *, most: int = _MAX_TEXT) -> str:
    """The text of an element that holds nothing else. Raises TwimlError."""
    if element.elements:
        inner = element.elements[0]
        message = f"<{inner.name[:40]}> cannot stand in <{element.name}>"
        raise TwimlError(inner.line, message, "unknown_element")
    if len(element.text) > most:
        message = f"<{element.name}> has more than {most} characters"
        raise TwimlError(element.line, message, "content")
    return element.text


def nothing(element: Element) -> None:
    """Raises TwimlError for an element that is not empty."""
    if content(element):
        raise TwimlError(element.line, f"<{element.name}> holds no text", "content")
