"""Lengths of time as policies write them: ``90 days``, ``24 months``, ``account life``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering


class Unit(StrEnum):
    """What a length is counted in."""

    HOURS = "hours"
    BUSINESS_DAYS = "business days"
    DAYS = "days"
    MONTHS = "months"
    ACCOUNT_LIFE = "account life"
    """As long as the account is active."""
    FOREVER = "forever"


MINUTES = {Unit.HOURS: 60, Unit.BUSINESS_DAYS: 2016, Unit.DAYS: 1440, Unit.MONTHS: 43_830}
"""For comparing: a business day is 7/5 days, a month 365.25/12. Clocks count by the calendar."""
OPEN = (Unit.ACCOUNT_LIFE, Unit.FOREVER)
ORDER = tuple(Unit)
SHAPE = re.compile(r"(\d{1,4}) (hour|business day|day|month|year)s?")


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """``amount`` units; years are kept as months, nothing as 0 days. Ordered from short to long."""

    amount: int
    unit: Unit

    @classmethod
    def of(cls, text: str) -> Period:
        """Raises ValueError: not a length of time."""
        if text in OPEN:
            return cls(0, Unit(text))
        shape = SHAPE.fullmatch(text)
        if shape is None:
            raise ValueError(f"{text!r} is no length like '90 days', '24 months', 'account life'")
        amount = int(shape[1])
        if amount == 0:
            return cls(0, Unit.DAYS)
        if shape[2] == "year":
            return cls(amount * 12, Unit.MONTHS)
        return cls(amount, Unit(f"{shape[2]}s"))

    @property
    def finite(self) -> bool:
        return self.unit not in OPEN

    @property
    def minutes(self) -> int:
        """About how long, for comparing; of a finite length."""
        return self.amount * MINUTES[self.unit]

    def _rank(self) -> tuple[int, int, int]:
        place = ORDER.index(self.unit)
        return (0, self.minutes, place) if self.finite else (place, 0, place)

    def __lt__(self, other: Period) -> bool:
        return self._rank() < other._rank()

    def __str__(self) -> str:
        if not self.finite:
            return str(self.unit)
        if self.unit is Unit.MONTHS and self.amount > 24 and self.amount % 12 == 0:
            return f"{self.amount // 12} years"
        return f"{self.amount} {self.unit[:-1] if self.amount == 1 else self.unit}"
