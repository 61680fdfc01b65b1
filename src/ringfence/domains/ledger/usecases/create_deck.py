"""A price list is imported, whole or not at all."""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from ringfence.domains.ledger.contracts import DeckInfo, DeckKind, Direction, InvalidDeck
from ringfence.domains.ledger.models import Rate, RateDeck
from ringfence.domains.ledger.rules.currencies import is_currency
from ringfence.domains.ledger.rules.rate_file import parse_rates
from ringfence.domains.ledger.usecases.rate_usage import DECKS
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant


def create_deck(
    tenant_id: UUID,
    name: str,
    csv_text: str,
    *,
    kind: DeckKind,
    currency: str,
    direction: Direction = Direction.OUTBOUND,
) -> DeckInfo:
    """Make a deck of the rates in a CSV text (rules.rate_file). It never changes: new prices are
    a new deck. Raises InvalidDeck, whose ``details.errors`` name each line that is wrong."""
    name = name.strip()
    if not 1 <= len(name) <= 120:
        raise InvalidDeck("a name has 1 to 120 characters", details={"field": "name"})
    if not is_currency(currency):
        raise InvalidDeck("the currency is a code of ISO 4217", details={"field": "currency"})
    lines = parse_rates(csv_text)
    with tenant(tenant_id):
        with connections[APP].cursor() as cursor:  # before its time is taken: see DECKS
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DECKS])
        deck = RateDeck.objects.create(
            tenant_id=tenant_id,
            name=name,
            kind=kind,
            direction=direction,
            currency=currency,
            effective_from=min(line.effective_from for line in lines),
            created_at=clock().now(),
        )
        Rate.objects.bulk_create(
            (
                Rate(
                    id=new_id(),
                    tenant_id=tenant_id,
                    deck_id=deck.id,
                    prefix=line.prefix,
                    price_per_minute_micros=line.price_per_minute_micros,
                    connection_fee_micros=line.connection_fee_micros,
                    minimum_seconds=line.minimum_seconds,
                    first_seconds=line.first_seconds,
                    next_seconds=line.next_seconds,
                    effective_from=line.effective_from,
                    effective_to=line.effective_to,
                )
                for line in lines
            ),
            batch_size=2000,
        )
    return DeckInfo(
        deck.id,
        tenant_id,
        name,
        kind,
        direction,
        currency,
        deck.effective_from,
        deck.created_at,
        len(lines),
    )
