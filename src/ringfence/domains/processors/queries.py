"""Reading of the ledger."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.processors.contracts import SentInfo
from ringfence.domains.processors.models import Sent
from ringfence.kernel.clock import from_micros
from ringfence.platform_django.tenancy import tenant


def list_sent(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> list[SentInfo]:
    """What left for a tenant, newest first."""
    with tenant(tenant_id):
        rows = Sent.objects.filter(tenant_id=tenant_id).order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        return [_info(row) for row in rows[:limit]]


def _info(row: Sent) -> SentInfo:
    return SentInfo(
        row.id,
        from_micros((row.id.int >> 80) * 1000),
        row.receiver,
        row.template,
        row.purpose,
        row.host,
        tuple(row.fields),
        row.size,
        row.refusal,
        "refused" if row.refusal else row.outcome or "unknown",
        row.status,
    )
