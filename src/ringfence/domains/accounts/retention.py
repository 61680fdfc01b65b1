"""How long a tenant's data is kept: what the policy lets it choose, and what it chose."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.conf import settings

from ringfence.domains.accounts.contracts import KeptInfo
from ringfence.domains.accounts.models import Settings, Tenant
from ringfence.domains.privacy.api import profile_of, register_choices
from ringfence.platform_django.tenancy import across_tenants, tenant
from ringfence.policies.profiles import DaysKept, days_kept, settle


def register() -> None:
    """Called when the app is ready."""
    register_choices(retention_choices)


def retention_choices() -> dict[UUID, dict[str, int]]:
    """Of every tenant, the rules for which it chose days, and what holds of that: choices that the
    policy allows no more, or again, are settled first."""
    _settle_choices()
    with across_tenants("retention") as db:
        chosen = dict(Settings.objects.using(db).values_list("tenant_id", "retention"))
        tenants = Tenant.objects.using(db).values_list("id", flat=True)
        return {tenant_id: chosen.get(tenant_id, {}) for tenant_id in tenants}


def _settle_choices() -> None:
    """Each by a look at what binds its tenant now; one that is changed meanwhile is left alone."""
    with across_tenants("retention") as db:
        rows = Settings.objects.using(db).exclude(retention={})
        found = list(rows.values_list("tenant_id", "retention", "retention_wanted"))
    for tenant_id, held, other in found:
        new = settled(bounds_of(tenant_id), {**held, **other})
        if new != (held, other):
            with across_tenants("retention") as db:
                same = Settings.objects.using(db).filter(
                    tenant_id=tenant_id, retention=held, retention_wanted=other
                )
                same.update(retention=new[0], retention_wanted=new[1])


def settled(
    bounds: Mapping[str, DaysKept], wanted: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """What holds of a tenant's choices, and of these those in whose place another number holds."""
    holds = settle(bounds, wanted)
    return holds, {rule: wanted[rule] for rule, days in holds.items() if days != wanted[rule]}


def bounds_of(tenant_id: UUID) -> dict[str, DaysKept]:
    """By rule, as the policy that binds a tenant leaves it to it."""
    installed = {rule: days for _, rule, days in settings.RINGFENCE.retention.rules()}
    return days_kept(profile_of(tenant_id).retention, installed)


def get_retention(tenant_id: UUID) -> tuple[KeptInfo, ...]:
    """Each rule that the policy names."""
    with tenant(tenant_id):
        row = Settings.objects.filter(tenant_id=tenant_id).first()
    wanted = {} if row is None else {**row.retention, **row.retention_wanted}
    bounds = bounds_of(tenant_id)
    holds = settle(bounds, wanted)
    return tuple(
        KeptInfo(
            rule,
            least=kept.least,
            most=kept.most,
            installed=kept.installed,
            chosen=wanted.get(rule),
            days=holds.get(rule, kept.installed),
        )
        for rule, kept in bounds.items()
    )
