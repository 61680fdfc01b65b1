"""Kinds of values of a profile: how each is read, bounded, written, and which of two is stricter.

``stricter`` is a join: commutative, associative, idempotent. So is the merge that is made of it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringfence.policies.profiles.period import Period

NO_NUMBER = re.compile(
    r"(as (long as )?(needed|required|necessary|permitted))|where permitted", re.I
)


class Refused(ValueError):
    """A value cannot stand. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stricter(StrEnum):
    """Which of two values is better for the subject."""

    LOWER = "the lower is stricter"
    HIGHER = "the higher is stricter"


@dataclass(frozen=True)
class Parameter(ABC):
    """What is common to all kinds."""

    meaning: str
    source: str
    """Row of the conflicts, clause or rule of law that asks for it."""

    @property
    def row(self) -> int:
        """Of the table of conflicts, as the source names it first; 0: none."""
        named = re.match(r"rows? (\d+)", self.source)
        return int(named[1]) if named else 0

    @property
    @abstractmethod
    def why(self) -> str:
        """Why a merge chose as it did."""

    @abstractmethod
    def read(self, raw: Any) -> Any:
        """The value that a profile wrote. Raises Refused."""

    @abstractmethod
    def stricter(self, a: Any, b: Any) -> Any:
        """Of two values the one that is stricter for the subject."""

    def plain(self, value: Any) -> Any:
        """The value as JSON has it, the same for the same value."""
        return value


@dataclass(frozen=True)
class _Ordered(Parameter):
    side: Stricter

    @property
    def why(self) -> str:
        return str(self.side)

    def stricter(self, a: Any, b: Any) -> Any:
        return min(a, b) if self.side is Stricter.LOWER else max(a, b)


@dataclass(frozen=True)
class Span(_Ordered):
    """A length of time; ``least`` and ``most`` are what the law or the product bears."""

    least: str = "0 days"
    most: str = "99 years"
    never_below: str = ""
    """The field beside it that a merge does not go below: a legal floor."""

    def read(self, raw: Any) -> Period:
        try:
            value = Period.of(read_text(raw, "a length of time"))
        except ValueError as error:
            raise (
                error if isinstance(error, Refused) else Refused("bad_period", str(error))
            ) from None
        if not Period.of(self.least) <= value <= Period.of(self.most):
            raise Refused("out_of_bounds", f"{value} is not from {self.least} to {self.most}")
        return value

    def plain(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Count(_Ordered):
    """A whole number of ``unit``."""

    unit: str
    least: int
    most: int

    def read(self, raw: Any) -> int:
        if isinstance(raw, str):
            read_text(raw, "a number")
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise Refused("bad_number", f"{raw!r} is no whole number of {self.unit}")
        if not self.least <= raw <= self.most:
            raise Refused("out_of_bounds", f"{raw} is not from {self.least} to {self.most}")
        return raw


@dataclass(frozen=True)
class Flag(Parameter):
    """Yes or no; ``strict`` is the stricter of them, and with ``required`` the only one."""

    strict: bool
    required: bool = False

    @property
    def why(self) -> str:
        return f"{str(self.strict).lower()} is stricter"

    def read(self, raw: Any) -> bool:
        if not isinstance(raw, bool):
            raise Refused("bad_flag", f"{raw!r} is neither true nor false")
        if self.required and raw is not self.strict:
            raise Refused("out_of_bounds", f"must be {str(self.strict).lower()}")
        return raw

    def stricter(self, a: Any, b: Any) -> bool:
        return bool(a or b) if self.strict else bool(a and b)


def read_text(raw: Any, wanted: str) -> str:
    """A text that says something. Raises Refused."""
    if not isinstance(raw, str):
        raise Refused("bad_type", f"{raw!r} is not {wanted}")
    if not raw.strip():
        raise Refused("empty", f"is empty; it needs {wanted}")
    if NO_NUMBER.search(raw):
        raise Refused("as_needed", f"{raw!r} must become {wanted}")
    return raw
