"""The end of the ledger's rows, by whole months."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.db import connections

from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants


def drop_expired() -> int:
    """Remove months before the last ``egress.ledger_months`` whole ones; how many went."""
    now, months = clock().now(), settings.RINGFENCE.egress.ledger_months
    count = now.year * 12 + now.month - 1 - months
    start = datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
    with across_tenants("retention") as db, connections[db].cursor() as cursor:
        cursor.execute("SELECT ringfence_drop_sent_before(%s)", [start])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
