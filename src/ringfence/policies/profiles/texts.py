"""Kinds of values that say something and promise nothing; a merge keeps what both say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ringfence.policies.profiles.parameters import Parameter, Refused

NAME = re.compile(r"[a-z][a-z0-9-]{1,62}")


@dataclass(frozen=True)
class Said(Parameter):
    """The common kind; a merge does not choose among texts."""

    @property
    def why(self) -> str:
        return "what both say"


@dataclass(frozen=True)
class Name(Said):
    """``a-name``; a merge's is the names of its parts, joined by ``+``."""

    def read(self, raw: Any) -> str:
        if not isinstance(raw, str) or not all(map(NAME.fullmatch, raw.split("+"))):
            raise Refused("bad_name", f"{raw!r} is no name of small letters, digits and dashes")
        return "+".join(sorted({*raw.split("+")}))

    def stricter(self, a: Any, b: Any) -> str:
        return "+".join(sorted({*a.split("+"), *b.split("+")}))


@dataclass(frozen=True)
class Texts(Said):
    """One text or more."""

    def read(self, raw: Any) -> frozenset[str]:
        if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
            raise Refused("bad_list", f"{raw!r} is no list of texts")
        if not raw or not all(item.strip() for item in raw):
            raise Refused("empty", "needs a text")
        return frozenset(raw)

    def stricter(self, a: Any, b: Any) -> Any:
        return a | b

    def plain(self, value: Any) -> list[str]:
        return sorted(value)


@dataclass(frozen=True)
class Remarks(Said):
    """Texts by what they are about."""

    def read(self, raw: Any) -> frozenset[tuple[str, str]]:
        if not isinstance(raw, dict):
            raise Refused("bad_table", f"{raw!r} is no table of texts")
        for about, said in raw.items():
            if not isinstance(said, str) or not said.strip():
                raise Refused("empty", f"{about} needs a text")
        return frozenset(raw.items())

    def stricter(self, a: Any, b: Any) -> Any:
        return a | b

    def plain(self, value: Any) -> list[list[str]]:
        return sorted([about, said] for about, said in value)
