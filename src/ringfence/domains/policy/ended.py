"""What a tenant accepted is evidence of its contract: it ends with the tax records. While the
tenant lives, so long after it accepted something newer; at once, when it has ended."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from ringfence.domains.policy.models import Acceptance, Version
from ringfence.domains.privacy.api import Records, register_records
from ringfence.platform_django.tenancy import OPERATOR


def register() -> None:
    """Called when the app is ready."""
    category = "tax_record"
    register_records(Records("acceptances", category, _newest, _remove, of_ended=True))
    register_records(Records("acceptances_over", category, _oldest, _end_over, of_living=True))


def _newest(tenant: UUID) -> date | None:
    rows = Acceptance.objects.using(OPERATOR).filter(tenant_id=tenant)
    at = rows.order_by("-accepted_at").values_list("accepted_at", flat=True).first()
    return None if at is None else at.date()


def _remove(alias: str, tenant: UUID, before: date) -> int:
    """All at once: which version binds follows from all of them."""
    rows = Acceptance.objects.using(alias).filter(tenant_id=tenant)
    if rows.filter(accepted_at__gte=datetime.combine(before, time(), UTC)).exists():
        return 0
    return rows.delete()[0]


def _oldest(tenant: UUID) -> date | None:
    return min((day for day, _ in _over(OPERATOR, tenant)), default=None)


def _end_over(alias: str, tenant: UUID, before: date) -> int:
    ids = [id_ for day, id_ in _over(alias, tenant) if day < before]
    return Acceptance.objects.using(alias).filter(tenant_id=tenant, id__in=ids).delete()[0]


def _over(alias: str, tenant: UUID) -> list[tuple[date, UUID]]:
    """Acceptances from which nothing follows any more, and since when: a newer version was accepted
    and held, those before it included."""
    rows = Acceptance.objects.using(alias).filter(tenant_id=tenant).order_by("number")
    accepted = list(rows.values_list("id", "number", "accepted_at"))
    numbers = [number for _, number, _ in accepted]
    holds = dict(
        Version.objects.using(alias)
        .filter(number__in=numbers)
        .values_list("number", "effective_at")
    )
    since = [max(at, holds.get(number, at)).date() for _, number, at in accepted]
    return [(min(since[i + 1 :]), id_) for i, (id_, _, _) in enumerate(accepted[:-1])]
