"""What may be posted: checked before the database is asked, which checks it again."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime

from ringfence.domains.ledger.contracts import MAX_MICROS, InvalidEntry, NewEntry
from ringfence.domains.ledger.rules.currencies import is_currency

_KEY = re.compile(r"[!-~]{1,128}")
_WORD = re.compile(r"[a-z][a-z_]{0,31}")
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
MAX_LINES = 100


def refuse(field: str, problem: str) -> InvalidEntry:
    return InvalidEntry(f"{field}: {problem}", details={"field": field})


def check_currency(currency: str) -> None:
    """Raises InvalidEntry."""
    if not is_currency(currency):
        raise refuse("currency", "is a code of ISO 4217 like USD")


def check_entry(new: NewEntry) -> None:
    """Raises InvalidEntry unless the entry is well-formed and zero in each currency."""
    if not _KEY.fullmatch(new.idempotency_key):
        raise refuse("idempotency_key", "has 1 to 128 visible ASCII characters")
    if not _WORD.fullmatch(new.reference.type) or not _ID.fullmatch(new.reference.id):
        raise refuse("reference", "is a word and an id")
    if not 2 <= len(new.lines) <= MAX_LINES:
        raise refuse("lines", f"are 2 to {MAX_LINES}")
    if new.occurred_at is not None and not _aware(new.occurred_at):
        raise refuse("occurred_at", "has a time zone")
    sums: defaultdict[str, int] = defaultdict(int)
    for line in new.lines:
        check_currency(line.amount.currency)
        if not 1 <= abs(line.amount.micros) <= MAX_MICROS:
            raise refuse("lines", f"have amounts between 1 and {MAX_MICROS} micros")
        sums[line.amount.currency] += line.amount.micros
    if any(sums.values()):
        raise refuse("lines", "add up to zero in each currency")


def _aware(moment: datetime) -> bool:
    return moment.utcoffset() is not None
