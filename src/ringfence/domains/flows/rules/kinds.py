"""Kinds of values in a flow's JSON: each reads one, saying all that is wrong, and writes it back.

``says`` is how the reference describes the kind. ``read`` never raises: it reports what it refuses
and returns BAD.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Protocol
from unicodedata import category
from zoneinfo import available_timezones

from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

BAD: Any = object()
"""Stands for a value that was refused."""
Refuse = Callable[[str, str, str], None]
"""Reports field, code and message."""


class Kind(Protocol):
    """A kind of values."""

    @property
    def says(self) -> str: ...

    def read(self, value: Any, at: str, refuse: Refuse) -> Any: ...

    def write(self, value: Any) -> Any: ...


def _refused(kind: Kind, at: str, refuse: Refuse, code: str) -> Any:
    refuse(at, code, f"must be {kind.says}")
    return BAD


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Word:
    """A text of which ``pattern`` says everything."""

    says: str
    pattern: str

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        if not re.fullmatch(self.pattern, value, re.ASCII):
            return _refused(self, at, refuse, "bad_format")
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Text:
    """A text that people wrote, of at most so many characters."""

    most: int

    @property
    def says(self) -> str:
        return f"a text of 1 to {self.most} characters"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        if not value.strip():
            return _refused(self, at, refuse, "too_short")
        if len(value) > self.most:
            return _refused(self, at, refuse, "too_long")
        if any(category(char) in ("Cc", "Cs") for char in value if char not in "\n\r\t"):
            refuse(at, "bad_format", "has control characters")
            return BAD
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Checked:
    """A text that a function accepts or refuses."""

    says: str
    accepts: Callable[[str], bool]

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        if not self.accepts(value):
            return _refused(self, at, refuse, "bad_format")
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds."""

    least: int
    most: int

    @property
    def says(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return _refused(self, at, refuse, "wrong_type")
        if not self.least <= value <= self.most:
            return _refused(self, at, refuse, "out_of_range")
        return value

    def write(self, value: int) -> int:
        return value


@dataclass(frozen=True)
class Number:
    """A number within bounds."""

    least: float
    most: float

    @property
    def says(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not _is_number(value):
            return _refused(self, at, refuse, "wrong_type")
        if not self.least <= value <= self.most:
            return _refused(self, at, refuse, "out_of_range")
        return float(value)

    def write(self, value: float) -> int | float:
        return int(value) if value.is_integer() else value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    says: str = "true or false"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        return value if isinstance(value, bool) else _refused(self, at, refuse, "wrong_type")

    def write(self, value: bool) -> bool:
        return value


@dataclass(frozen=True)
class Id:
    """A public id of one type."""

    prefix: Prefix

    @property
    def says(self) -> str:
        return f"an id like `{self.prefix.value}` followed by 32 hex digits"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        try:
            return parse_public_id(self.prefix, value)
        except InvalidInput:
            return _refused(self, at, refuse, "bad_format")

    def write(self, value: Any) -> str:
        return public_id(self.prefix, value)


@dataclass(frozen=True)
class ClockTime:
    """A time of day as minutes from midnight."""

    says: str = "a time of day from 00:00 to 24:00"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]|24:00", value, re.ASCII):
            return _refused(self, at, refuse, "bad_format")
        return int(value[:2]) * 60 + int(value[3:])

    def write(self, value: int) -> str:
        return f"{value // 60:02}:{value % 60:02}"


@dataclass(frozen=True)
class Day:
    """A day of the calendar."""

    says: str = "a date like 2026-12-25"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        try:
            if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            return _refused(self, at, refuse, "bad_format")

    def write(self, value: date) -> str:
        return value.isoformat()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True)
class Zone:
    """A time zone of the IANA database."""

    says: str = "a time zone like America/New_York"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, str):
            return _refused(self, at, refuse, "wrong_type")
        return value if value in _zones() else _refused(self, at, refuse, "zone_unknown")

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind."""

    item: Kind
    least: int
    most: int
    unique: bool = False

    @property
    def says(self) -> str:
        return f"a list of {self.least} to {self.most}: {self.item.says}"

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, list):
            refuse(at, "wrong_type", "must be a list")
            return BAD
        if not self.least <= len(value) <= self.most:
            refuse(at, "out_of_range", f"must have {self.least} to {self.most} items")
            return BAD
        items = tuple(self.item.read(v, f"{at}[{n}]", refuse) for n, v in enumerate(value))
        if BAD in items:
            return BAD
        if self.unique and len(set(items)) < len(items):
            refuse(at, "duplicate", "has the same item twice")
            return BAD
        return items

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.item.write(item) for item in value]


@dataclass(frozen=True)
class MapOf:
    """An object whose keys are names of one kind and whose values are of another."""

    key: Kind
    value: Kind
    least: int
    most: int
    says: str = field(default="an object")

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, dict):
            refuse(at, "wrong_type", "must be an object")
            return BAD
        if not self.least <= len(value) <= self.most:
            refuse(at, "out_of_range", f"must have {self.least} to {self.most} entries")
            return BAD
        read = {}
        for name, item in value.items():
            inner = f"{at}.{shown(name)}"
            read[self.key.read(name, inner, refuse)] = self.value.read(item, inner, refuse)
        return BAD if BAD in read or BAD in read.values() else read

    def write(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value.write(value[name]) for name in sorted(value)}


def shown(name: object) -> str:
    """A key of somebody's JSON as it may stand in a message: printable, and not long."""
    text = name if isinstance(name, str) else repr(name)
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:60])
