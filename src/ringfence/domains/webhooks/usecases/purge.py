"""What was settled long ago leaves the outbox."""

from __future__ import annotations

from datetime import timedelta

from django.db import connections

from ringfence.domains.webhooks.outbox import ENDPOINT_DISABLED
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

KEPT_DELIVERED = timedelta(days=7)
KEPT_DEAD = timedelta(days=30)
_BATCH = 5000
_PURGE = """
    DELETE FROM webhooks_delivery WHERE id IN (
        SELECT id FROM webhooks_delivery
        WHERE state <> 'pending' AND created_at < %s
            AND (state = 'delivered' OR created_at < %s)
        LIMIT %s)
"""
# Told while their endpoint was being disabled or deleted.
_STRAY = """
    UPDATE webhooks_delivery d SET state = 'dead', last_error = %s
    WHERE state = 'pending' AND NOT EXISTS (
        SELECT 1 FROM webhooks_endpoint e WHERE e.id = d.endpoint_id AND e.enabled)
"""


def purge() -> int:
    """Delete deliveries made 7 days ago and dead ones of 30 days; how many."""
    now, removed = clock().now(), 0
    with across_tenants("webhooks") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_STRAY, [ENDPOINT_DISABLED])
    while True:
        with across_tenants("webhooks") as alias, connections[alias].cursor() as cursor:
            cursor.execute(_PURGE, [now - KEPT_DELIVERED, now - KEPT_DEAD, _BATCH])
            found = int(cursor.rowcount)
        removed += found
        if found < _BATCH:
            return removed
