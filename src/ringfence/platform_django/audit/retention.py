"""The end of records of use: by whole months; their batches stay, so that the chain does too."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connections

from ringfence.platform_django.tenancy import across_tenants


def retention_start(now: datetime, months: int) -> datetime:
    """Start of the first month whose records are kept: ``months`` whole ones and the current."""
    count = now.year * 12 + now.month - 1 - months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def drop_expired(now: datetime, months: int) -> int:
    """Remove the months before ``retention_start``; returns how many partitions went."""
    with across_tenants("retention") as db, connections[db].cursor() as cursor:
        start = retention_start(now, months)
        cursor.execute("SELECT ringfence_drop_audit_before(%s)", [start])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
