"""What a tenant accepted is evidence of its contract: it ends with the tax records."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from ringfence.domains.policy.models import Acceptance
from ringfence.domains.privacy.api import Records, register_records
from ringfence.platform_django.tenancy import OPERATOR


def register() -> None:
    """Called when the app is ready."""
    acceptances = Records("acceptances", "tax_record", _newest, _remove, of_ended=True)
    register_records(acceptances)


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
