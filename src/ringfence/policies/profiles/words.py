"""Kinds of values that are words of a vocabulary: one of them, or some."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringfence.policies.profiles.parameters import Parameter, Refused, read_text


@dataclass(frozen=True)
class Rank(Parameter):
    """One of a vocabulary that goes from the loosest to the strictest."""

    of: type[StrEnum]

    @property
    def why(self) -> str:
        return f"stricter in {' < '.join(self.of)}"

    def read(self, raw: Any) -> StrEnum:
        if isinstance(raw, list):
            raise Refused("not_single", "has one value, not several")
        return _member(self.of, raw)

    def stricter(self, a: Any, b: Any) -> Any:
        order = list(self.of)
        return max(a, b, key=order.index)

    def plain(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Allowed(Parameter):
    """Some of a vocabulary, the fewer the stricter."""

    of: type[StrEnum]

    @property
    def why(self) -> str:
        return "only what both allow"

    def read(self, raw: Any) -> frozenset[StrEnum]:
        return frozenset(_member(self.of, item) for item in _items(raw))

    def stricter(self, a: Any, b: Any) -> Any:
        return a & b

    def plain(self, value: Any) -> list[str]:
        return sorted(str(item) for item in value)


@dataclass(frozen=True)
class Owed(Allowed):
    """Some of a vocabulary, the more the stricter."""

    @property
    def why(self) -> str:
        return "what either owes"

    def stricter(self, a: Any, b: Any) -> Any:
        return a | b


def _items(raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise Refused("bad_list", f"{raw!r} is no list")
    if len({repr(item) for item in raw}) != len(raw):
        raise Refused("bad_list", "something stands twice")
    return raw


def _member(of: type[StrEnum], raw: Any) -> StrEnum:
    text = read_text(raw, f"one of {', '.join(of)}")
    if text not in list(of):
        raise Refused("unknown_value", f"{text!r} is none of {', '.join(of)}")
    return of(text)
