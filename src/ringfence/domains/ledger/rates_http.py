"""REST API of rate decks: reading and quotes for the tenant, making them for the operator."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.ledger import api
from ringfence.domains.ledger.schemas import (
    DeckIn,
    DeckList,
    DeckOut,
    QuoteList,
    QuoteQuery,
    RateList,
    RateQuery,
    deck_out,
    quote_out,
    rate_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

router = Router(tags=["rates"])
_READ, _WRITE = "ledger:read", "ledger:write"


def _deck(text: str) -> UUID:
    return parse_public_id(Prefix.RATE_DECK, text)


@router.get("/rates/decks", response=responses(DeckList), operation_id="list_decks")
@requires(_READ)
def list_decks(request: HttpRequest) -> DeckList:
    """The tenant's price lists, last made first."""
    tenant_id = caller_of(request).tenant_id
    return DeckList(
        tenant=public_id(Prefix.TENANT, tenant_id),
        decks=[deck_out(info) for info in api.list_decks(tenant_id)],
    )


@router.get(
    "/rates/decks/{deck_id}", response=responses(DeckOut, 404, 422), operation_id="get_deck"
)
@requires(_READ)
def get_deck(request: HttpRequest, deck_id: str) -> DeckOut:
    """One price list."""
    return deck_out(api.get_deck(caller_of(request).tenant_id, _deck(deck_id)))


@router.get(
    "/rates/decks/{deck_id}/rates",
    response=responses(RateList, 404, 422),
    operation_id="list_rates",
)
@requires(_READ)
def list_rates(request: HttpRequest, deck_id: str, query: Query[RateQuery]) -> RateList:
    """The rates of a price list, by prefix and time."""
    page = api.list_rates(
        caller_of(request).tenant_id,
        _deck(deck_id),
        after=None if query.after is None else parse_public_id(Prefix.RATE, query.after),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return RateList(
        deck=deck_id,
        rates=[rate_out(info) for info in page.rates],
        next=None if cursor is None else public_id(Prefix.RATE, cursor),
    )


@router.get("/rates/quote", response=responses(QuoteList, 422), operation_id="quote_rate")
@requires(_READ)
def quote_rate(request: HttpRequest, query: Query[QuoteQuery]) -> QuoteList:
    """What a call would cost by the price lists of now, and why. The number is not kept."""
    tenant_id = caller_of(request).tenant_id
    at = query.at or clock().now()
    quotes = api.quote(tenant_id, query.number, at, query.seconds, query.direction)
    return QuoteList(
        tenant=public_id(Prefix.TENANT, tenant_id), quotes=[quote_out(item) for item in quotes]
    )


@router.post(
    "/tenants/{tenant_id}/rates/decks",
    response=responses(DeckOut, 404, 422, success=201),
    operation_id="create_deck",
)
@operator_only
@requires(_WRITE)
def create_deck(request: HttpRequest, tenant_id: str, new: DeckIn) -> Status[DeckOut]:
    """Import a price list of a tenant, whole or not at all; it never changes after that."""
    owner = get_any_tenant(parse_public_id(Prefix.TENANT, tenant_id))
    info = api.create_deck(
        owner.id,
        new.name,
        new.as_csv(),
        kind=new.kind,
        direction=new.direction,
        currency=new.currency,
    )
    return Status(201, deck_out(info))
