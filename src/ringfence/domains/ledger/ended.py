"""The books of a tenant that ended end at once, with their newest entry: never a part of them, so
that what is left always adds up."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import connections

from ringfence.domains.ledger.models import Account, Entry, RateDeck, UnratedUsage
from ringfence.domains.privacy.api import Records, newest_day, register_records
from ringfence.kernel.ids import uuid7_floor

_TABLES = (Account, Entry, RateDeck, UnratedUsage)
_DAY_MILLIS = 86_400_000


def register() -> None:
    """Called when the app is ready."""
    register_records(Records("ledger", "ledger", _newest, _remove, of_ended=True))


def _newest(tenant: UUID) -> date | None:
    return newest_day(tenant, _TABLES)


def _remove(alias: str, tenant: UUID, before: date) -> int:
    first = uuid7_floor((before - date(1970, 1, 1)).days * _DAY_MILLIS)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_end_books(%s, %s)", [tenant, first])
        ((count,),) = cursor.fetchall()
    return int(count)
