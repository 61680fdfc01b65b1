"""How long a tenant's data is kept: what the policy lets it choose, and what it chose."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from ringfence.domains.accounts.contracts import KeptInfo
from ringfence.domains.accounts.models import Settings, Tenant
from ringfence.domains.privacy.api import register_choices
from ringfence.platform_django.tenancy import across_tenants, tenant
from ringfence.policies.profiles import DaysKept, days_kept, load_profile


def register() -> None:
    """Called when the app is ready."""
    register_choices(retention_choices)


def retention_choices() -> dict[UUID, dict[str, int]]:
    """Of every tenant, the rules for which it chose days."""
    with across_tenants("retention") as db:
        chosen = dict(Settings.objects.using(db).values_list("tenant_id", "retention"))
        tenants = Tenant.objects.using(db).values_list("id", flat=True)
        return {tenant_id: chosen.get(tenant_id, {}) for tenant_id in tenants}


def bounds() -> dict[str, DaysKept]:
    """By rule, as the policy in force leaves it to tenants."""
    installed = {rule: days for _, rule, days in settings.RINGFENCE.retention.rules()}
    return days_kept(load_profile().retention, installed)


def get_retention(tenant_id: UUID) -> tuple[KeptInfo, ...]:
    """Each rule that the policy names."""
    with tenant(tenant_id):
        row = Settings.objects.filter(tenant_id=tenant_id).first()
    chosen = {} if row is None else row.retention
    return tuple(
        KeptInfo(rule, kept.least, kept.most, kept.installed, chosen.get(rule))
        for rule, kept in bounds().items()
    )
