"""A tenant chooses how long its data is kept, within what the policy allows."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ringfence.domains.accounts.contracts import KeptInfo, RetentionOutOfBounds
from ringfence.domains.accounts.models import Settings
from ringfence.domains.accounts.retention import bounds_of, get_retention, settled
from ringfence.platform_django.tenancy import tenant


def choose_retention(tenant_id: UUID, chosen: Mapping[str, int | None]) -> tuple[KeptInfo, ...]:
    """Set the days of each rule that is named; None: as installed. The next sweep goes by it: days
    beyond a shorter number end then, and a longer one brings nothing back.

    Raises RetentionOutOfBounds.
    """
    allowed = bounds_of(tenant_id)
    for rule, days in chosen.items():
        if days is not None and not allowed[rule].allows(days):
            raise RetentionOutOfBounds(
                "the policy allows other numbers of days",
                details={"rule": rule, "least": allowed[rule].least, "most": allowed[rule].most},
            )
    with tenant(tenant_id):
        Settings.objects.get_or_create(tenant_id=tenant_id)
        row = Settings.objects.select_for_update().get(tenant_id=tenant_id)
        kept = {**row.retention, **row.retention_wanted, **chosen}
        wanted = {rule: days for rule, days in kept.items() if days is not None}
        row.retention, row.retention_wanted = settled(allowed, wanted)
        row.save(update_fields=["retention", "retention_wanted"])
    return get_retention(tenant_id)
