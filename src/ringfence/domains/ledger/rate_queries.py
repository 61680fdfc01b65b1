"""Finding the rate of a number, as the tenant whose deck it is in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ringfence.domains.ledger.contracts import DeckNotFound, Rated, RateInfo
from ringfence.domains.ledger.models import Rate, RateDeck
from ringfence.domains.ledger.rules.rating import MAX_PREFIX, find_rate, rate_seconds
from ringfence.platform_django.tenancy import tenant


def rate_number(
    tenant_id: UUID, deck_id: UUID, e164: str, seconds: int, at: datetime
) -> Rated | None:
    """What ``seconds`` of a call to a number cost that was answered at ``at``; None when the deck
    has no rate for it. Raises DeckNotFound."""
    digits = e164.removeprefix("+")
    prefixes = [digits[:length] for length in range(1, min(len(digits), MAX_PREFIX) + 1)]
    with tenant(tenant_id):
        deck = RateDeck.objects.filter(tenant_id=tenant_id, id=deck_id).first()
        if deck is None:
            raise DeckNotFound("no such rate deck")
        rows = Rate.objects.filter(tenant_id=tenant_id, deck_id=deck_id, prefix__in=prefixes)
        rate = find_rate([_rate_info(row, deck.currency) for row in rows], digits, at)
    return None if rate is None else rate_seconds(rate, seconds)


def _rate_info(row: Rate, currency: str) -> RateInfo:
    return RateInfo(
        id=row.id,
        deck_id=row.deck_id,
        prefix=row.prefix,
        currency=currency,
        price_per_minute_micros=row.price_per_minute_micros,
        connection_fee_micros=row.connection_fee_micros,
        minimum_seconds=row.minimum_seconds,
        first_seconds=row.first_seconds,
        next_seconds=row.next_seconds,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
    )
