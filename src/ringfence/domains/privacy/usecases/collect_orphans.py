"""Keys that were made for a row that never came are destroyed after a day, and so are those of
values that are kept for hours: no row ever tells of them."""

from __future__ import annotations

from ringfence.domains.privacy.queries import known_items, known_persons
from ringfence.platform.keys.names import Kind
from ringfence.platform_django.keys import keys
from ringfence.platform_django.mail import seal_waiting_anew

BATCH = 1000


def collect_orphans() -> tuple[int, int]:
    """Seal anew what still waits under a key of hours. Then ask which keys nobody confirmed for a
    day, and look which of them the tables know.

    Returns how many were confirmed and how many destroyed. Raises Unavailable, django.db.Error.
    """
    seal_waiting_anew()
    confirmed = destroyed = 0
    while True:
        candidates = keys().orphans(BATCH)
        known = known_persons(item.id for item in candidates if item.kind is Kind.PERSON)
        known |= known_items(item.id for item in candidates if item.kind is Kind.ITEM)
        in_use = [item for item in candidates if item.id in known]
        orphans = [item for item in candidates if item.id not in known]
        if candidates:
            keys().settle(in_use, orphans)
        confirmed += len(in_use)
        destroyed += len(orphans)
        if len(candidates) < BATCH:
            return confirmed, destroyed
