"""Reading of the register and of the ledger."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings as django_settings

from ringfence.domains.processors.contracts import ProcessorInfo, SentInfo
from ringfence.domains.processors.models import Sent
from ringfence.kernel.clock import from_micros
from ringfence.platform.gate.rules import fields_allowed, problem_of
from ringfence.platform.gate.templates import TEMPLATES
from ringfence.platform.settings import Settings
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def list_processors() -> list[ProcessorInfo]:
    """Who may receive personal data, as the settings of this process register them, by name."""
    settings: Settings = django_settings.RINGFENCE
    today = clock().now().date()
    return [
        ProcessorInfo(
            name,
            one,
            {
                template: tuple(sorted(fields_allowed(TEMPLATES[template], one)))
                for template in one.templates
                if template in TEMPLATES
            },
            problem_of(one, today, settings.egress.regions) or "in_force",
        )
        for name, one in sorted(settings.processors.items())
    ]


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
