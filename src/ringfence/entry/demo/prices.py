"""The demo's price lists, and what a leg must cost by them: arithmetic of the demo's own."""

from __future__ import annotations

import math
from dataclasses import dataclass

CURRENCY = "USD"


@dataclass(frozen=True)
class Price:
    """One price list with one rate for numbers beginning with 1."""

    kind: str
    """``sell``: what the tenant is charged; ``buy``: what the carrier charges for it."""
    direction: str
    per_minute: str
    """Units of the currency, decimal."""
    increment: int
    """Seconds that are begun are charged in steps of this."""

    @property
    def name(self) -> str:
        return f"Demo {self.kind} {self.direction}"

    @property
    def csv(self) -> str:
        return (
            "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
            "effective_from,effective_to\n"
            f"1,{self.per_minute},0,0,{self.increment},{self.increment},"
            "2026-01-01T00:00:00+00:00,\n"
        )

    def micros(self, seconds: int) -> int:
        """What so many whole seconds cost, rounded half up at the micro."""
        steps = -(-seconds // self.increment) * self.increment
        return (round(float(self.per_minute) * 1_000_000) * steps * 2 + 60) // 120

    def allowed(self, wire_seconds: float) -> set[int]:
        """What a leg of this length on the wire may cost: 0.2 s either way is the wire's own."""
        return {self.micros(math.ceil(wire_seconds + slack)) for slack in (-0.2, 0.2)}


PRICES = (
    Price("sell", "inbound", "0.012", 6),
    Price("sell", "outbound", "0.024", 6),
    Price("buy", "inbound", "0.004", 1),
    Price("buy", "outbound", "0.009", 1),
)
TOP_UP_MICROS = 10_000_000
LOW_MICROS = 1_000_000
