"""How evidence of consents ends. While its tenant lives, what somebody said ends so long after they
said something else of the same scope, and its place in the chain stays; their last word stays.
Evidence that outlived its tenant ends at once: its chain is whole or gone."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import connections
from django.db.models import Exists, OuterRef

from ringfence.domains.consent.models import Evidence, Wording
from ringfence.domains.privacy.api import Records, newest_day, oldest_day, register_records
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform_django.tenancy import OPERATOR

_TABLES = (Evidence, Wording)
_DAY_MILLIS = 86_400_000


def register() -> None:
    """Called when the app is ready."""
    category = "messaging_consents"
    register_records(Records("consents", category, _newest, _remove, of_ended=True))
    register_records(Records("consents_over", category, _oldest, _end_said, of_living=True))


def _newest(tenant: UUID) -> date | None:
    return newest_day(tenant, _TABLES)


def _oldest(tenant: UUID) -> date | None:
    """Counted from the word that took another one's place."""
    said = Evidence.objects.using(OPERATOR).filter(tenant_id=tenant)
    same = said.filter(person_id=OuterRef("person_id"), scope=OuterRef("scope"))
    return oldest_day([said.filter(Exists(same.filter(seq__lt=OuterRef("seq"))))])


def _end_said(alias: str, tenant: UUID, before: date) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_end_said(%s, %s)", [tenant, before])
        ((count,),) = cursor.fetchall()
    return int(count)


def _remove(alias: str, tenant: UUID, before: date) -> int:
    first = uuid7_floor((before - date(1970, 1, 1)).days * _DAY_MILLIS)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT ringfence_end_consents(%s, %s)", [tenant, first])
        ((count,),) = cursor.fetchall()
    return int(count)
