"""Decks, their rates, and what a number costs, as the tenant that they belong to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from ringfence.domains.ledger.contracts import (
    DeckInfo,
    DeckKind,
    DeckNotFound,
    Direction,
    Quote,
    Rated,
    RateInfo,
    RatePage,
)
from ringfence.domains.ledger.models import Rate, RateDeck
from ringfence.domains.ledger.rules import usage as rules
from ringfence.domains.ledger.rules.emergency import is_emergency
from ringfence.domains.ledger.rules.rating import find_rate, rate_seconds
from ringfence.domains.ledger.usecases.rate_usage import load_decks, load_rates
from ringfence.kernel.money import Money
from ringfence.platform_django.tenancy import APP, tenant

MAX_PAGE = 1000


def list_decks(tenant_id: UUID) -> tuple[DeckInfo, ...]:
    """The tenant's decks, last made first."""
    with tenant(tenant_id):
        rows = RateDeck.objects.filter(tenant_id=tenant_id).order_by("-created_at", "-id")
        counts = dict(
            Rate.objects.filter(tenant_id=tenant_id)
            .values_list("deck_id")
            .annotate(count=Count("id"))
        )
        return tuple(_deck_info(row, counts.get(row.id, 0)) for row in rows)


def get_deck(tenant_id: UUID, deck_id: UUID) -> DeckInfo:
    """One deck. Raises DeckNotFound."""
    with tenant(tenant_id):
        row = _deck(tenant_id, deck_id)
        return _deck_info(row, Rate.objects.filter(tenant_id=tenant_id, deck_id=deck_id).count())


def list_rates(
    tenant_id: UUID, deck_id: UUID, *, after: UUID | None = None, limit: int = 200
) -> RatePage:
    """A page of a deck's rates by prefix and time, at most 1000; ``after`` is a cursor.

    Raises DeckNotFound.
    """
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        deck = _deck(tenant_id, deck_id)
        rows = Rate.objects.filter(tenant_id=tenant_id, deck_id=deck_id)
        if after is not None:
            start = Rate.objects.filter(deck_id=deck_id, id=after).first()
            rows = rows.none() if start is None else _behind(rows, start)
        found = list(rows.order_by("prefix", "effective_from")[: limit + 1])
    page = tuple(_rate_info(row, deck.currency) for row in found[:limit])
    return RatePage(page, page[-1].id if len(found) > limit else None)


def quote(
    tenant_id: UUID, number: str, at: datetime, seconds: int, direction: Direction
) -> tuple[Quote, ...]:
    """What a call to (or, inbound, on) a number would cost by each kind of decks kept, answered
    ``at`` and ended ``seconds`` later; with the reason where it could not be rated."""
    digits = rules.digits_of(number)
    with tenant(tenant_id):
        decks = load_decks(APP, [tenant_id]).get(tenant_id, [])
        in_force = {
            kind: rules.deck_in_force(decks, kind, direction, at)
            for kind in DeckKind
            if any(deck.kind == kind for deck in decks)
        }
        found = rules.prefixes(digits) if digits is not None else []
        wanted = {deck: found for deck in in_force.values() if deck is not None}
        rates = load_rates(APP, wanted)
    if is_emergency(number):
        free = Rated(Money(0), "", 0, rules.free_of_charge(seconds))
        return tuple(Quote(kind, free, None) for kind in in_force)
    return tuple(
        Quote(kind, found, None) if isinstance(found, Rated) else Quote(kind, None, found.value)
        for kind, deck in in_force.items()
        for found in (rules.price(deck, rates, digits, at, seconds),)
    )


def rate_number(
    tenant_id: UUID, deck_id: UUID, e164: str, seconds: int, at: datetime
) -> Rated | None:
    """What ``seconds`` of a call to a number cost that was answered at ``at``; None when the deck
    has no rate for it. Raises DeckNotFound."""
    digits = e164.removeprefix("+")
    with tenant(tenant_id):
        deck = _deck(tenant_id, deck_id)
        rows = Rate.objects.filter(
            tenant_id=tenant_id, deck_id=deck_id, prefix__in=rules.prefixes(digits)
        )
        rate = find_rate([_rate_info(row, deck.currency) for row in rows], digits, at)
    return None if rate is None else rate_seconds(rate, seconds)


def _deck(tenant_id: UUID, deck_id: UUID) -> RateDeck:
    row = RateDeck.objects.filter(tenant_id=tenant_id, id=deck_id).first()
    if row is None:
        raise DeckNotFound("no such rate deck")
    return row


def _behind(rows: QuerySet[Rate], start: Rate) -> QuerySet[Rate]:
    return rows.filter(
        Q(prefix__gt=start.prefix) | Q(prefix=start.prefix, effective_from__gt=start.effective_from)
    )


def _deck_info(row: RateDeck, rates: int) -> DeckInfo:
    return DeckInfo(
        row.id,
        row.tenant_id,
        row.name,
        DeckKind(row.kind),
        Direction(row.direction),
        row.currency,
        row.effective_from,
        row.created_at,
        rates,
    )


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
