"""Monthly partitions of the large tables."""

from __future__ import annotations

from django.db import connections

from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP


def ensure_partitions(months_ahead: int = 3, *, using: str = APP) -> int:
    """Create what is missing from this month on, UTC; returns how many were created.

    Rows that already stand in the default partition move to their month.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT ringfence_ensure_partitions(%s, %s)", [clock().now(), months_ahead])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
