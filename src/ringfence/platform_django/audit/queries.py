"""Reading the audit trail: who used a tenant's values, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connections

from ringfence.kernel.clock import to_micros
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform_django.audit.contracts import ChainHead, UseInfo, UsePage
from ringfence.platform_django.audit.models import Use
from ringfence.platform_django.tenancy import across_tenants, tenant

MAX_PAGE = 200
_PUBLIC_ID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_FIRST, _LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
# One look-up per tenant in the primary key, instead of reading every batch.
_HEADS = """
    WITH RECURSIVE tenants (id) AS (
        (SELECT tenant_id FROM audit_batch ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM audit_batch WHERE tenant_id > tenants.id
                ORDER BY tenant_id LIMIT 1)
        FROM tenants WHERE id IS NOT NULL
    )
    SELECT last.tenant_id, last.seq, last.head, last.last_at
    FROM tenants CROSS JOIN LATERAL (
        SELECT * FROM audit_batch WHERE tenant_id = tenants.id ORDER BY seq DESC LIMIT 1
    ) AS last ORDER BY 1
"""


def list_uses(
    tenant_id: UUID,
    *,
    object_id: str | None = None,
    since: datetime | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> UsePage:
    """A page of the tenant's uses, newest first, at most 200; ``before`` is a cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    low = _FIRST if since is None else uuid7_floor(max(0, -(-to_micros(since) // 1000)))
    high = before or _LAST
    with tenant(tenant_id):
        if object_id is None:
            rows = Use.objects.filter(tenant_id=tenant_id, id__gte=low, id__lt=high)
            found = list(rows.order_by("-id")[: limit + 1])
        else:
            found = list(
                Use.objects.raw(
                    "SELECT * FROM ringfence_audit_uses(%s::text[], %s, %s, %s)",
                    [_names(object_id), low, high, limit + 1],
                )
            )
    return _page(found, limit)


def list_uses_as_operator(
    tenant_id: UUID, *, object_id: str | None = None, limit: int = 50
) -> UsePage:
    """Like ``list_uses``, for the operator's command line; any number of uses."""
    with across_tenants("audit") as db:
        rows = Use.objects.using(db).filter(tenant_id=tenant_id)
        if object_id is not None:
            rows = rows.filter(object_ids__overlap=_names(object_id))
        found = list(rows.order_by("-id")[: limit + 1])
    return _page(found, limit)


def current_heads() -> tuple[ChainHead, ...]:
    """Where each tenant's chain ends now, by tenant."""
    with across_tenants("audit") as db, connections[db].cursor() as cursor:
        cursor.execute(_HEADS)
        return tuple(
            ChainHead(owner, seq, bytes(head), at) for owner, seq, head, at in cursor.fetchall()
        )


def _names(object_id: str) -> list[str]:
    """Processes name an object by its public id or by the hex digits in it."""
    return [object_id, object_id[2:]] if _PUBLIC_ID.fullmatch(object_id) else [object_id]


def _page(found: Iterable[Use], limit: int) -> UsePage:
    rows = list(found)
    page = rows[:limit]
    return UsePage(tuple(_info(row) for row in page), page[-1].id if len(rows) > limit else None)


def _info(row: Use) -> UseInfo:
    return UseInfo(
        id=row.id,
        at=row.at,
        credential=row.credential,
        actor=row.actor,
        action=row.action,
        purpose=row.purpose,
        objects=tuple(row.object_ids),
        outcome=row.outcome,
    )
