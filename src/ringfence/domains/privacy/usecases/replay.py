"""After a restore: what was destroyed since the backup leaves the restored rows and objects too."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ringfence.domains.privacy.items import items_of_bucket
from ringfence.domains.privacy.usecases.clean_up import clean_up
from ringfence.domains.privacy.usecases.clear_rows import unheld
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
        whole = msgspec.structs.replace(entry.destruction, items=tuple(sorted(died)))
        reason = "retention" if entry.destruction.buckets else "erasure"
        counts["rows"] += clean_up(entry.tenant, whole, reason)
        counts["items"] += len(unheld(entry.tenant, whole.items))
        counts["entries"] += 1
    return counts
