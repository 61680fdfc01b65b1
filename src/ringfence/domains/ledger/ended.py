"""How the books end. Of a tenant that lives day by day: what goes is carried forward, so that what
is left always adds up. Of one that ended all of them at once, with the newest entry."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import connections

from ringfence.domains.ledger.contracts import EntryKind
from ringfence.domains.ledger.models import Account, Entry, RateDeck, UnratedUsage
from ringfence.domains.privacy.api import Records, newest_day, oldest_day, register_records
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform_django.tenancy import OPERATOR

_TABLES = (Account, Entry, RateDeck, UnratedUsage)
_OWN = [kind for kind in EntryKind if kind is not EntryKind.CARRIED]
_DAY_MILLIS = 86_400_000


def register() -> None:
    """Called when the app is ready."""
    register_records(Records("ledger", "ledger", _newest, _remove, of_ended=True))
    register_records(Records("ledger_days", "ledger", _oldest, _carry, of_living=True))


def _newest(tenant: UUID) -> date | None:
    return newest_day(tenant, _TABLES)


def _oldest(tenant: UUID) -> date | None:
    """An entry counts from when it was posted."""
    entries = Entry.objects.using(OPERATOR).filter(tenant_id=tenant)
    queue = UnratedUsage.objects.using(OPERATOR).filter(tenant_id=tenant)
    return oldest_day([*(entries.filter(kind=kind) for kind in _OWN), queue])


def _carry(alias: str, tenant: UUID, before: date) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_carry_books(%s, %s)", [tenant, before])
        ((count,),) = cursor.fetchall()
    return int(count)


def _remove(alias: str, tenant: UUID, before: date) -> int:
    first = uuid7_floor((before - date(1970, 1, 1)).days * _DAY_MILLIS)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_end_books(%s, %s)", [tenant, first])
        ((count,),) = cursor.fetchall()
    return int(count)
