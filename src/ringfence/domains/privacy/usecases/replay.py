"""After a restore: what was destroyed since the backup leaves the restored rows and objects too."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence.domains.privacy.items import clean_up_items, items_of_bucket
from ringfence.domains.privacy.usecases.clear_rows import clear_rows, unheld
from ringfence.platform.keys.erasure import JournalEntry


def replay(entries: Iterable[JournalEntry]) -> dict[str, int]:
    """Repeat the clean-up of destructions; their keys are dead already. Idempotent.

    Returns counts: ``entries``, ``rows`` cleared, ``items`` handed to their domains. Raises
    django.db.Error.
    """
    counts = {"entries": 0, "rows": 0, "items": 0}
    for entry in entries:
        died = set(entry.destruction.items)
        for bucket in entry.destruction.buckets:
            if bucket.day is not None:
                found = items_of_bucket(entry.tenant, bucket.category, bucket.rule, bucket.day)
                died |= {item for _, item in found}
        items = unheld(entry.tenant, sorted(died))
        reason = "retention" if entry.destruction.buckets else "erasure"
        clean_up_items(entry.tenant, items, reason)
        counts["rows"] += clear_rows(entry.tenant, entry.destruction)
        counts["items"] += len(items)
        counts["entries"] += 1
    return counts
