"""Money as integer micros of one currency (1 unit = 1,000,000 micros)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in micros of an ISO 4217 currency; arithmetic never mixes currencies."""

    micros: int
    currency: str = "USD"

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise InvalidInput(f"cannot combine {self.currency} with {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micros + other.micros, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micros - other.micros, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)
