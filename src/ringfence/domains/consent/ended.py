"""Evidence of consents that outlived its tenant ends at once: its chain is whole or gone."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import connections

from ringfence.domains.consent.models import Evidence, Wording
from ringfence.domains.privacy.api import Records, newest_day, register_records
from ringfence.kernel.ids import uuid7_floor

_TABLES = (Evidence, Wording)
_DAY_MILLIS = 86_400_000


def register() -> None:
    """Called when the app is ready."""
    register_records(Records("consents", "messaging_consents", _newest, _remove, of_ended=True))


def _newest(tenant: UUID) -> date | None:
    return newest_day(tenant, _TABLES)


def _remove(alias: str, tenant: UUID, before: date) -> int:
    first = uuid7_floor((before - date(1970, 1, 1)).days * _DAY_MILLIS)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_end_consents(%s, %s)", [tenant, first])
        ((count,),) = cursor.fetchall()
    return int(count)
