"""REST API of wallets, the ledger and its error queue."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.ledger import api
from ringfence.domains.ledger.contracts import Reference, WalletInfo
from ringfence.domains.ledger.schemas import (
    BalanceList,
    BalanceOut,
    EntryList,
    EntryOut,
    EntryQuery,
    RetriedOut,
    TopUpIn,
    UnratedList,
    UnratedOut,
    UnratedQuery,
    WalletChange,
    WalletList,
    WalletOut,
    WriteOffIn,
    entry_out,
    unrated_out,
    wallet_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.kernel.money import Money
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

router = Router(tags=["ledger"])
_READ, _WRITE = "ledger:read", "ledger:write"
Currency = Annotated[str, Path(pattern="^[A-Z]{3}$")]


@router.get("/wallet", response=responses(WalletList), operation_id="get_wallet")
@requires(_READ)
def get_wallet(request: HttpRequest) -> WalletList:
    """The tenant's wallets, one for each currency."""
    return _wallets(caller_of(request).tenant_id)


@router.get("/ledger/balances", response=responses(BalanceList), operation_id="list_balances")
@requires(_READ)
def list_balances(request: HttpRequest) -> BalanceList:
    """What stands on each account of the tenant's books."""
    tenant_id = caller_of(request).tenant_id
    return BalanceList(
        tenant=public_id(Prefix.TENANT, tenant_id),
        balances=[
            BalanceOut(account=kind, currency=money.currency, balance_micros=money.micros)
            for kind, amounts in api.balances(tenant_id).items()
            for money in amounts
        ],
    )


@router.get(
    "/ledger/entries", response=responses(EntryList, 422), operation_id="list_ledger_entries"
)
@requires(_READ)
def list_ledger_entries(request: HttpRequest, query: Query[EntryQuery]) -> EntryList:
    """The entries of the tenant's books, newest posted first."""
    page = api.list_entries(
        caller_of(request).tenant_id,
        query.as_filter(),
        before=None if query.before is None else parse_public_id(Prefix.LEDGER_ENTRY, query.before),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return EntryList(
        entries=[entry_out(info) for info in page.entries],
        next=None if cursor is None else public_id(Prefix.LEDGER_ENTRY, cursor),
    )


# --- error queue


def _item(text: str) -> UUID:
    return parse_public_id(Prefix.UNRATED, text)


@router.get("/ledger/unrated", response=responses(UnratedList, 422), operation_id="list_unrated")
@requires(_READ)
def list_unrated(request: HttpRequest, query: Query[UnratedQuery]) -> UnratedList:
    """Usage that could not be rated, oldest first."""
    page = api.list_unrated(
        caller_of(request).tenant_id,
        query.state,
        after=None if query.after is None else _item(query.after),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return UnratedList(
        unrated=[unrated_out(info) for info in page.items],
        next=None if cursor is None else public_id(Prefix.UNRATED, cursor),
    )


@router.post(
    "/ledger/unrated/retry-all",
    response=responses(RetriedOut),
    operation_id="retry_all_unrated",
)
@requires(_WRITE)
def retry_all(request: HttpRequest) -> RetriedOut:
    """Rate everything in the queue again, by the price lists of now."""
    settled = api.retry_all(caller_of(request).tenant_id)
    return RetriedOut(rated=settled.posted, unrated=settled.unrated)


@router.post(
    "/ledger/unrated/{unrated_id}/retry",
    response=responses(UnratedOut, 404, 409, 422),
    operation_id="retry_unrated",
)
@requires(_WRITE)
def retry(request: HttpRequest, unrated_id: str) -> UnratedOut:
    """Rate one item again, by the price lists of now; it tells what became of it."""
    return unrated_out(api.retry_unrated(caller_of(request).tenant_id, _item(unrated_id)))


@router.post(
    "/ledger/unrated/{unrated_id}/write-off",
    response=responses(UnratedOut, 404, 409, 422),
    operation_id="write_off_unrated",
)
@requires(_WRITE)
def write_off(request: HttpRequest, unrated_id: str, body: WriteOffIn) -> UnratedOut:
    """Give an item up, for a reason: it is never charged."""
    tenant_id = caller_of(request).tenant_id
    return unrated_out(api.write_off(tenant_id, _item(unrated_id), body.reason))


# --- the operator's


def _tenant(text: str) -> UUID:
    """A tenant that exists. Raises TenantNotFound."""
    return get_any_tenant(parse_public_id(Prefix.TENANT, text)).id


def _wallets(tenant_id: UUID) -> WalletList:
    return WalletList(
        tenant=public_id(Prefix.TENANT, tenant_id),
        wallets=[wallet_out(info) for info in api.list_wallets(tenant_id)],
    )


def _wallet(tenant_id: UUID, currency: str) -> WalletOut:
    for info in api.list_wallets(tenant_id):
        if info.currency == currency:
            return wallet_out(info)
    return wallet_out(WalletInfo(currency, 0, 0, None))


@router.get(
    "/tenants/{tenant_id}/wallets/{currency}",
    response=responses(WalletOut, 404, 422),
    operation_id="get_tenant_wallet",
)
@operator_only
@requires(_READ)
def get_tenant_wallet(request: HttpRequest, tenant_id: str, currency: Currency) -> WalletOut:
    """A tenant's wallet; empty and without limits where nobody made one yet."""
    return _wallet(_tenant(tenant_id), currency)


@router.post(
    "/tenants/{tenant_id}/wallet/top-ups",
    response=responses(EntryOut, 404, 409, 422, success=201),
    operation_id="top_up_wallet",
)
@operator_only
@requires(_WRITE)
def top_up(request: HttpRequest, tenant_id: str, body: TopUpIn) -> Status[EntryOut]:
    """Add a payment to a tenant's wallet, which is made when missing. The same reference again
    with the same amount returns the first entry."""
    posted = api.top_up(
        _tenant(tenant_id),
        Money(body.amount_micros, body.currency),
        idempotency_key=f"payment:{body.reference}",
        reference=Reference("payment", body.reference),
    )
    return Status(201, entry_out(posted.entry))


@router.patch(
    "/tenants/{tenant_id}/wallets/{currency}",
    response=responses(WalletOut, 404, 412, 422, 428),
    operation_id="change_wallet",
)
@operator_only
@requires(_WRITE)
def change_wallet(
    request: HttpRequest, tenant_id: str, currency: Currency, change: WalletChange
) -> WalletOut:
    """Set how far below zero calls may start, and below which balance the tenant is told."""
    owner = _tenant(tenant_id)
    current = _wallet(owner, currency)
    check_etag(request, current)
    given = change.model_dump(exclude_unset=True)
    credit = given.get("credit_limit_micros")
    api.set_wallet_limits(
        owner,
        currency,
        credit_limit_micros=current.credit_limit_micros if credit is None else credit,
        low_balance_micros=given.get("low_balance_micros", current.low_balance_micros),
    )
    return _wallet(owner, currency)
