"""Something that was used is taken from a wallet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryKind,
    Explanation,
    LowBalance,
    NewEntry,
    Posted,
    Posting,
    Reference,
)
from ringfence.domains.ledger.models import Account
from ringfence.domains.ledger.queries import account_sum
from ringfence.domains.ledger.rules.posting import refuse
from ringfence.domains.ledger.rules.wallet import becomes_low
from ringfence.domains.ledger.usecases.post_entry import post_entry
from ringfence.kernel.money import Money
from ringfence.platform_django.tenancy import tenant


def charge(
    tenant_id: UUID,
    amount: Money,
    *,
    idempotency_key: str,
    reference: Reference,
    explanation: Explanation,
    occurred_at: datetime | None = None,
) -> Posted:
    """Charge a wallet, also below zero and beyond its credit: it was used.

    ``low_balance`` of the result is set by the one charge that crosses the threshold; a caller
    that passes it on does so in the same transaction, by its own ``tenant`` block around this.
    Raises InvalidEntry, IdempotencyConflict.
    """
    if amount.micros <= 0:
        raise refuse("amount", "is more than zero")
    new = NewEntry(
        idempotency_key=idempotency_key,
        kind=EntryKind.CHARGE,
        lines=(Posting(AccountKind.WALLET, -amount), Posting(AccountKind.REVENUE, amount)),
        reference=reference,
        explanation=explanation,
        occurred_at=occurred_at,
    )
    with tenant(tenant_id):
        watched = _watched(tenant_id, amount.currency)
        posted = post_entry(tenant_id, new)
        if watched is None or not posted.new:
            return posted
        after = account_sum(tenant_id, watched.id)
        threshold = watched.low_balance_micros
        if threshold is None or not becomes_low(after + amount.micros, after, threshold):
            return posted
        event = LowBalance(tenant_id, posted.entry.id, amount.currency, after, threshold)
        return replace(posted, low_balance=event)


def _watched(tenant_id: UUID, currency: str) -> Account | None:
    """A wallet with a threshold, locked: its charges come one after the other, so that exactly one
    crosses. Other postings to it do not wait."""
    rows = Account.objects.select_for_update(no_key=True).filter(
        tenant_id=tenant_id,
        kind=AccountKind.WALLET,
        currency=currency,
        low_balance_micros__isnull=False,
    )
    return rows.first()
