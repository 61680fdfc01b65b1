"""What becomes of one leg by one kind of decks: a price, no price, or the reason of neither.

A kind is kept from the moment when a tenant's first deck of that kind was made: what ended before
is not billed by it. From then on every leg is rated or stands in the error queue; a direction that
is to be free has a deck whose prices are zero. Of several decks of a kind and direction the one
made last counts whose first rate had begun when the leg was answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.domains.ledger.contracts import (
    MAX_MICROS,
    AccountKind,
    DeckKind,
    Direction,
    EntryKind,
    Explanation,
    Posting,
    Rated,
    RateInfo,
    Step,
    Unrated,
)
from ringfence.domains.ledger.rules.rating import MAX_PREFIX, RULE, find_rate, rate_seconds

_NUMBER = re.compile(r"\+?([0-9]{3,15})")
_SELL = (EntryKind.CHARGE, AccountKind.WALLET, AccountKind.REVENUE)
_BUY = (EntryKind.COST, AccountKind.COST, AccountKind.PAYABLE)
Rates = Mapping[UUID, Mapping[str, Sequence[RateInfo]]]
"""Rates by deck, and by prefix."""


@dataclass(frozen=True, slots=True)
class DeckFacts:
    """What decides which deck counts."""

    id: UUID
    tenant_id: UUID
    kind: DeckKind
    direction: Direction
    currency: str
    effective_from: datetime
    created_at: datetime


def digits_of(number: str | None) -> str | None:
    """The digits of a telephone number; None for anything else."""
    match = _NUMBER.fullmatch(number or "")
    return match.group(1) if match else None


def prefixes(digits: str) -> list[str]:
    """Each prefix that may have a rate."""
    return [digits[:length] for length in range(1, min(len(digits), MAX_PREFIX) + 1)]


def is_billed(decks: Iterable[DeckFacts], kind: DeckKind, ended_at: datetime) -> bool:
    """Whether prices of this kind were kept when a leg ended."""
    return any(deck.kind == kind and deck.created_at <= ended_at for deck in decks)


def deck_in_force(
    decks: Iterable[DeckFacts], kind: DeckKind, direction: Direction, at: datetime
) -> DeckFacts | None:
    """The deck made last whose first rate had begun."""
    fitting = (
        deck
        for deck in decks
        if (deck.kind, deck.direction) == (kind, direction) and deck.effective_from <= at
    )
    return max(fitting, key=lambda deck: (deck.created_at, deck.id), default=None)


def price(
    deck: DeckFacts | None, rates: Rates, digits: str | None, at: datetime, seconds: int
) -> Rated | Unrated:
    """What a leg costs by the deck in force, or why that cannot be said."""
    if digits is None:
        return Unrated.NO_NUMBER
    if deck is None:
        return Unrated.NO_DECK
    of_deck = rates.get(deck.id, {})
    found = [rate for prefix in prefixes(digits) for rate in of_deck.get(prefix, ())]
    rate = find_rate(found, digits, at)
    if rate is None:
        return Unrated.NO_RATE
    rated = rate_seconds(rate, seconds)
    return rated if rated.amount.micros <= MAX_MICROS else Unrated.OUT_OF_RANGE


def free_of_charge(seconds: int) -> Explanation:
    """Why an emergency call costs nothing."""
    return Explanation(RULE, billed_seconds=0, steps=(Step("emergency", seconds),))


def entry_kind(kind: DeckKind) -> EntryKind:
    """The entry that a rating of this kind makes."""
    return (_SELL if kind is DeckKind.SELL else _BUY)[0]


def postings(kind: DeckKind, rated: Rated) -> tuple[Posting, ...]:
    """The lines of a rating: none when it costs nothing."""
    if not rated.amount.micros:
        return ()
    _, giver, taker = _SELL if kind is DeckKind.SELL else _BUY
    return (Posting(giver, -rated.amount), Posting(taker, rated.amount))


def entry_key(leg: UUID, kind: DeckKind) -> str:
    """The idempotency key of a leg's rating: whoever rates it, and however often."""
    return f"leg:{leg.hex}:{kind.value}"
