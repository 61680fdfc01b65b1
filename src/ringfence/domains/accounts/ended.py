"""What stays of a tenant that ended: its name, until its last record is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from uuid import UUID

from django.db.models import Q

from ringfence.domains.accounts.models import Tenant
from ringfence.domains.privacy.api import Life, Records, register_lives, register_records
from ringfence.platform_django.tenancy import OPERATOR


def register() -> None:
    """Called when the app is ready."""
    register_lives(lives)
    name = Records("account", "tax_record", _closed, _forget_name, of_ended=True, last=True)
    register_records(name)


def lives() -> Iterator[Life]:
    """Of all tenants but those of whom nothing is left."""
    rows = Tenant.objects.using(OPERATOR).exclude(ended_at__isnull=False, name="")
    for row in rows.order_by("id").only("id", "closed_at", "ended_at").iterator():
        closed = None if row.closed_at is None else row.closed_at.date()
        yield Life(row.id, closed, row.ended_at is not None)


def _closed(tenant: UUID) -> date | None:
    named = Tenant.objects.using(OPERATOR).filter(~Q(name=""), id=tenant, ended_at__isnull=False)
    row = named.only("closed_at").first()
    return None if row is None or row.closed_at is None else row.closed_at.date()


def _forget_name(alias: str, tenant: UUID, before: date) -> int:
    rows = Tenant.objects.using(alias).filter(~Q(name=""), id=tenant, ended_at__isnull=False)
    return rows.filter(closed_at__lt=datetime.combine(before, time(), UTC)).update(name="")
