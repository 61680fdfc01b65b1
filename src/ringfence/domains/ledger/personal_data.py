"""Classification of every stored field of the ledger.

An entry about a call tells that a call of some length was paid for, not by whom or to whom: persons
stand in the call's own record, sealed. A rate's prefix is too short to be a whole number.
"""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose

ACCOUNT, ENTRY, LINE, DECK, RATE, CHECKPOINT, UNRATED, CURSOR = (
    "ledger.Account",
    "ledger.Entry",
    "ledger.Line",
    "ledger.RateDeck",
    "ledger.Rate",
    "ledger.Checkpoint",
    "ledger.UnratedUsage",
    "ledger.RatingCursor",
)


def _traffic(model: str, *fields: str) -> None:
    register(
        *(
            FieldClass(
                model=model,
                field=field,
                category=Category.TRAFFIC,
                purposes=frozenset({Purpose.BILLING, Purpose.FRAUD, Purpose.SUPPORT}),
                retention="account",
                export=False,
                erasure=Erasure.KEEP_UNLINKED,
            )
            for field in fields
        )
    )


_traffic(ENTRY, "occurred_at", "explanation")
_traffic(LINE, "amount_micros")
_traffic(UNRATED, "leg_id", "call_id", "first_seen_at", "last_seen_at")
_ROW = "random id of a row or of the business customer"
_BOOKS = "books of the business customer"
not_personal(ACCOUNT, _ROW, "id", "tenant_id")
not_personal(ACCOUNT, _BOOKS, "kind", "currency", "credit_limit_micros", "low_balance_micros")
not_personal(ENTRY, _ROW, "id", "tenant_id")
not_personal(ENTRY, _BOOKS, "kind", "line_count")
not_personal(
    ENTRY,
    "names a call, payment or other thing by its own id",
    "idempotency_key",
    "reference_type",
    "reference_id",
)
not_personal(LINE, _ROW, "entry_id", "tenant_id", "account_id")
not_personal(LINE, _BOOKS, "seq")
not_personal(DECK, _ROW, "id", "tenant_id")
not_personal(
    DECK, "a price list", "name", "kind", "direction", "currency", "effective_from", "created_at"
)
not_personal(RATE, _ROW, "id", "tenant_id", "deck_id")
not_personal(
    RATE,
    "a price list",
    "prefix",
    "price_per_minute_micros",
    "connection_fee_micros",
    "minimum_seconds",
    "first_seconds",
    "next_seconds",
    "effective_from",
    "effective_to",
)
not_personal(CHECKPOINT, _ROW, "account_id", "tenant_id")
not_personal(CHECKPOINT, _BOOKS, "position", "sum_micros")
not_personal(UNRATED, _ROW, "id", "tenant_id")
not_personal(
    UNRATED, "why a price is missing", "kind", "direction", "reason", "attempts", "state", "note"
)
not_personal(CURSOR, "place in the journal of the installation", "name", "position")
