"""Money reaches a wallet."""

from __future__ import annotations

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

RULE = "top-up/1"


def top_up(tenant_id: UUID, amount: Money, *, idempotency_key: str, reference: Reference) -> Posted:
    """Add a payment, which ``reference`` names. Raises InvalidEntry, IdempotencyConflict."""
    if amount.micros <= 0:
        raise refuse("amount", "is more than zero")
    return post_entry(
        tenant_id,
        NewEntry(
            idempotency_key=idempotency_key,
            kind=EntryKind.TOP_UP,
            lines=(Posting(AccountKind.WALLET, amount), Posting(AccountKind.PAYABLE, -amount)),
            reference=reference,
            explanation=Explanation(RULE),
        ),
    )
