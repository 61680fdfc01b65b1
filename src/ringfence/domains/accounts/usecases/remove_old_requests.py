"""The request log ends after some days."""

from __future__ import annotations

from datetime import timedelta

from django.db import connections

from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants


def remove_old_requests(days: int) -> int:
    """Remove what was asked more than ``days`` days ago; returns how many records went."""
    start = clock().now() - timedelta(days=days)
    with across_tenants("request log") as db, connections[db].cursor() as cursor:
        cursor.execute("SELECT ringfence_drop_requests_before(%s)", [start])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
