"""Certificates end as the tax records that they stand beside: what was ordered so long ago."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from ringfence.domains.privacy.contracts import END, RECORDS, ErasureState
from ringfence.domains.privacy.models import ErasureOrder, RightsRequest
from ringfence.domains.privacy.records import Records, register_records
from ringfence.platform_django.tenancy import OPERATOR

RULE = "certificates"


def register() -> None:
    """Called when the app is ready."""
    register_records(Records(RULE, "tax_record", start=_oldest, remove=_remove))


def _oldest(tenant: UUID) -> date | None:
    at = _ending(OPERATOR, tenant).order_by("ordered_at").values_list("ordered_at", flat=True)
    found = at.first()
    return None if found is None else found.date()


def _remove(alias: str, tenant: UUID, before: date) -> int:
    midnight = datetime.combine(before, time(), UTC)
    removed, _ = _ending(alias, tenant).filter(ordered_at__lt=midnight).delete()
    return removed


def _ending(alias: str, tenant: UUID) -> QuerySet[ErasureOrder]:
    """Not the newest day of each rule, from which the sweep goes on, nor the last word about a
    tenant, nor what a request is answered by, nor what tells of certificates themselves."""
    orders = ErasureOrder.objects.using(alias).filter(tenant_id=tenant)
    newer = orders.filter(
        category=OuterRef("category"), rule=OuterRef("rule"), day__gt=OuterRef("day")
    )
    asked = RightsRequest.objects.using(alias).filter(erasure_id=OuterRef("id"))
    done = orders.filter(state=ErasureState.CLEANED).exclude(kind=END)
    done = done.exclude(kind=RECORDS, rule=RULE)
    days_gone_on = done.filter(Exists(newer)) | done.filter(day=None)
    return days_gone_on.exclude(Exists(asked))
