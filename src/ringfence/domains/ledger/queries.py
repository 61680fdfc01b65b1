"""Reading the books, as the tenant that they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import msgspec

from ringfence.domains.ledger.books import account_sums
from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryFilter,
    EntryInfo,
    EntryKind,
    EntryPage,
    Explanation,
    Posting,
    Reference,
    WalletInfo,
)
from ringfence.domains.ledger.models import Account, Entry, Line
from ringfence.domains.ledger.rules import wallet as rules
from ringfence.kernel.money import Money
from ringfence.platform_django.tenancy import APP, tenant

MAX_PAGE = 200


def entry_infos(rows: Sequence[Entry]) -> tuple[EntryInfo, ...]:
    """Entries with their lines; inside the transaction of their tenant."""
    lines = Line.objects.filter(entry_id__in=[row.id for row in rows]).order_by("entry_id", "seq")
    of_entry: defaultdict[UUID, list[Line]] = defaultdict(list)
    for line in lines:
        of_entry[line.entry_id].append(line)
    wanted = {line.account_id for found in of_entry.values() for line in found}
    accounts = Account.objects.in_bulk(wanted)
    return tuple(_entry_info(row, of_entry[row.id], accounts) for row in rows)


def _entry_info(row: Entry, lines: list[Line], accounts: dict[UUID, Account]) -> EntryInfo:
    return EntryInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        occurred_at=row.occurred_at,
        kind=EntryKind(row.kind),
        idempotency_key=row.idempotency_key,
        reference=Reference(row.reference_type, row.reference_id),
        explanation=msgspec.convert(row.explanation, Explanation),
        lines=tuple(_posting(line, accounts[line.account_id]) for line in lines),
    )


def _posting(line: Line, account: Account) -> Posting:
    return Posting(AccountKind(account.kind), Money(line.amount_micros, account.currency))


def list_entries(
    tenant_id: UUID,
    where: EntryFilter = EntryFilter(),  # noqa: B008 - frozen
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> EntryPage:
    """A page of the tenant's entries, newest posted first, at most 200; ``before`` is a cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        rows = Entry.objects.filter(tenant_id=tenant_id)
        if where.kind is not None:
            rows = rows.filter(kind=where.kind)
        if where.reference is not None:
            rows = rows.filter(reference_type=where.reference.type, reference_id=where.reference.id)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows.order_by("-id")[: limit + 1])
        page = found[:limit]
        return EntryPage(entry_infos(page), page[-1].id if len(found) > limit else None)


def balance(tenant_id: UUID, kind: AccountKind, currency: str) -> Money:
    """Balance of one account; zero when nothing was ever posted to it."""
    with tenant(tenant_id):
        row = Account.objects.filter(tenant_id=tenant_id, kind=kind, currency=currency).first()
        return Money(0 if row is None else _sum(row), currency)


def balances(tenant_id: UUID) -> dict[AccountKind, tuple[Money, ...]]:
    """Balances of all accounts of a tenant, by kind and currency."""
    found: defaultdict[AccountKind, list[Money]] = defaultdict(list)
    with tenant(tenant_id):
        rows = list(Account.objects.filter(tenant_id=tenant_id).order_by("kind", "currency"))
        sums = account_sums(APP, [row.id for row in rows])
        for row in rows:
            money = Money(sums[row.id], row.currency)
            found[AccountKind(row.kind)].append(money)
    return {kind: tuple(amounts) for kind, amounts in found.items()}


def list_wallets(tenant_id: UUID) -> tuple[WalletInfo, ...]:
    """The tenant's wallets, by currency."""
    with tenant(tenant_id):
        rows = Account.objects.filter(tenant_id=tenant_id, kind=AccountKind.WALLET)
        return tuple(_wallet_info(row) for row in rows.order_by("currency"))


def _sum(row: Account) -> int:
    return account_sums(APP, [row.id])[row.id]


def _wallet_info(row: Account) -> WalletInfo:
    return WalletInfo(
        currency=row.currency,
        balance_micros=_sum(row),
        credit_limit_micros=row.credit_limit_micros,
        low_balance_micros=row.low_balance_micros,
    )


def may_start(tenant_id: UUID, currency: str, *, emergency: bool = False) -> bool:
    """Whether the tenant's wallet lets a call start. An emergency call does not even ask it, so
    that it starts while the database is down; a tenant without wallet has nothing to spend."""
    if emergency:
        return True
    with tenant(tenant_id):
        row = Account.objects.filter(
            tenant_id=tenant_id, kind=AccountKind.WALLET, currency=currency
        ).first()
        info = None if row is None else _wallet_info(row)
    return info is not None and lets_calls_start(info)


def lets_calls_start(wallet: WalletInfo) -> bool:
    """Whether a call may start of which nothing but its wallet is known."""
    return rules.may_start(
        balance_micros=wallet.balance_micros,
        credit_limit_micros=wallet.credit_limit_micros,
        emergency=False,
    )
