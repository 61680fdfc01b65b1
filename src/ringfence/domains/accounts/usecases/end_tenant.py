"""A closed tenant whose time for reactivation is over: its people are told, and its data ends."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts.contracts import TenantInfo
from ringfence.domains.accounts.models import Tenant
from ringfence.domains.accounts.queries import tenant_info
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import ErasureState
from ringfence.kernel.errors import RingfenceError
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import OPERATOR, across_tenants
from ringfence.policies.profiles import load_profile

_ACTOR = "job:closure"
_log = logging.getLogger("ringfence.jobs")


def register() -> None:
    """Called when the app is ready."""
    privacy.register_row_removal(remove_rows)


def notice_before_end() -> timedelta:
    """From the notice to the end of a tenant's data, as the policy promises; zero: none."""
    promised = load_profile().deletion
    return timedelta(days=promised.notice_days if promised.notice_promised else 0)


def tenants_to_warn() -> list[TenantInfo]:
    """Closed tenants whose end is near and whose people were not told, the nearest first."""
    near = clock().now() + notice_before_end()
    rows = Tenant.objects.using(OPERATOR).filter(
        status="closed", ends_at__lte=near, warned_at=None, ended_at=None
    )
    return [tenant_info(row) for row in rows.order_by("ends_at")]


def note_warning(tenant_id: UUID) -> bool:
    """That its people are told; in the operator's transaction that does it. False when they were,
    or when it came back meanwhile."""
    with across_tenants("warn tenant") as db:
        rows = Tenant.objects.using(db).filter(id=tenant_id, status="closed", warned_at=None)
        return bool(rows.update(warned_at=clock().now()))


def end_closed_tenants() -> int:
    """End what is due and was told of long enough before; returns for how many tenants. One that
    fails keeps no other waiting: the next run goes on with it."""
    now, notice = clock().now(), notice_before_end()
    due = Tenant.objects.using(OPERATOR).filter(status="closed", ends_at__lte=now, ended_at=None)
    if notice:
        due = due.filter(warned_at__lte=now - notice)
    ended = 0
    for tenant_id in list(due.order_by("ends_at").values_list("id", flat=True)):
        try:
            ended += end_closed_tenant(tenant_id)
        except RingfenceError as error:
            kv = {"tenant": tenant_id.hex, "code": error.code}
            _log.error("the data of a closed tenant did not end", extra={"kv": kv})
    return ended


def end_closed_tenant(tenant_id: UUID) -> bool:
    """End one that cannot come back any more; whether that is finished now."""
    done = privacy.end_tenant(tenant_id, actor=_ACTOR)
    if done.state != ErasureState.CLEANED:
        return False
    with across_tenants("end tenant") as db:
        rows = Tenant.objects.using(db).filter(id=tenant_id, ended_at=None)
        return bool(rows.update(ended_at=done.cleaned_at))


def remove_rows(tenant_id: UUID) -> int:
    """All rows of a tenant but those that its certificate says stay. The database refuses it for
    one that may come back.

    After a restore the tenant may be as it was long before: whose keys are dead is closed for good.
    """
    now = clock().now()
    with across_tenants("end tenant") as db, connections[db].cursor() as cursor:
        restored = Tenant.objects.using(db).filter(id=tenant_id).exclude(status="closed")
        restored.update(status="closed", closed_at=now, ends_at=now)
        cursor.execute("SELECT ringfence_end_tenant(%s, %s)", [tenant_id, now])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
