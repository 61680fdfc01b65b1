"""Who was shown call details, and which notices went out, is kept as long as the law asks for
(47 CFR 64.2009): cases once they are closed, of living tenants too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import DateTimeField, Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from ringfence.domains.compliance.models import Case, Disclosure, Notice
from ringfence.domains.privacy.api import Records, register_records
from ringfence.platform_django.tenancy import OPERATOR


def register() -> None:
    """Called when the app is ready."""
    register_records(Records("cpni", "cpni_notices", _oldest, _remove))


def _oldest(tenant: UUID) -> date | None:
    found = [
        rows.order_by("counts").values_list("counts", flat=True).first()
        for rows in _rows(OPERATOR, tenant)
    ]
    return min((at.date() for at in found if at is not None), default=None)


def _remove(alias: str, tenant: UUID, before: date) -> int:
    midnight = datetime.combine(before, time(), UTC)
    return sum(rows.filter(counts__lt=midnight).delete()[0] for rows in _rows(alias, tenant))


def _rows(alias: str, tenant: UUID) -> list[QuerySet[Any]]:
    """With the moment that each counts from: a case that was not closed from its beginning, a
    notice that was not sent from the change. A case stays while a disclosure names it."""
    told = Disclosure.objects.using(alias).filter(tenant_id=tenant)
    news = Notice.objects.using(alias).filter(tenant_id=tenant)
    cases = Case.objects.using(alias).filter(tenant_id=tenant)
    untold = cases.exclude(Exists(told.filter(case_id=OuterRef("id"))))
    at = DateTimeField()
    return [
        told.annotate(counts=F("at")),
        news.annotate(counts=Coalesce("sent_at", "changed_at", output_field=at)),
        untold.annotate(counts=Coalesce("closed_at", "opened_at", output_field=at)),
    ]
