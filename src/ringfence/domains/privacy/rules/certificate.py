"""What the certificate of a destruction says: which rule, how much, and nothing of anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from ringfence.domains.privacy.contracts import END

FORM = "ringfence.erasure/1"
STAYS = {
    "account": "the business customer's name and dates, whom the books are of, until these end",
    "ledger": "tax and corporate records: numbers without names",
    "audit": "evidence of uses of keys: random ids, until its own months are over",
    "compliance": "who was shown call details, as 47 CFR 64.2009 asks: no name, no number",
    "acceptances": "which versions of the policy were accepted, and when",
    "destructions": "this and earlier certificates, and legal holds",
    "suppression": "whom to send nothing: so that a STOP outlives the account",
}
"""What outlives a tenant, and why."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A destruction that is done."""

    id: str
    """Public ids: of the order and of the tenant."""
    tenant: str
    kind: str
    reason: str
    actor: str
    category: str | None
    """With ``rule`` and ``day``: the day that expired."""
    rule: str | None
    day: date | None
    ordered_at: datetime
    destroyed_at: datetime | None
    """None: records that no key sealed."""
    cleaned_at: datetime
    persons: Sequence[UUID]
    kept: Sequence[str]
    """Categories of keys that the law excepts."""
    items: Sequence[UUID]
    rows: int
    escrowed: int


def statement(done: Destroyed) -> dict[str, Any]:
    """Plain JSON. Random ids stand in it as one hash alone, that of the sorted ids as 32 hex digits
    with a line end each: who has them can show that they are meant; nobody else learns them."""
    return {
        "form": FORM,
        "erasure": done.id,
        "tenant": done.tenant,
        "kind": done.kind,
        "reason": done.reason,
        "actor": done.actor,
        "rule": None
        if done.day is None
        else {"category": done.category, "name": done.rule, "day": done.day.isoformat()},
        "ordered_at": done.ordered_at.isoformat(),
        "keys_destroyed_at": done.destroyed_at and done.destroyed_at.isoformat(),
        "cleaned_at": done.cleaned_at.isoformat(),
        "persons": len(done.persons),
        "persons_sha256": _hash(done.persons),
        "kept_categories": sorted(done.kept),
        "items": len(done.items),
        "items_sha256": _hash(done.items),
        "rows_cleared": done.rows,
        "keys_held": done.escrowed,
        **({"stays": dict(STAYS)} if done.kind == END else {}),
    }


def _hash(ids: Sequence[UUID]) -> str:
    text = "".join(f"{one.hex}\n" for one in sorted(ids))
    return hashlib.sha256(text.encode()).hexdigest()
