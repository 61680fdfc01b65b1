"""Something that was used is taken from a wallet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryKind,
    Explanation,
    NewEntry,
    Posted,
    Posting,
    Reference,
)
from ringfence.domains.ledger.rules.posting import refuse
from ringfence.domains.ledger.usecases.post_entry import post_entry
from ringfence.kernel.money import Money


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

    ``low_balance`` of the result is set by the one charge that crosses the threshold.
    Raises InvalidEntry, IdempotencyConflict.
    """
    if amount.micros <= 0:
        raise refuse("amount", "is more than zero")
    return post_entry(
        tenant_id,
        NewEntry(
            idempotency_key=idempotency_key,
            kind=EntryKind.CHARGE,
            lines=(Posting(AccountKind.WALLET, -amount), Posting(AccountKind.REVENUE, amount)),
            reference=reference,
            explanation=explanation,
            occurred_at=occurred_at,
        ),
    )
