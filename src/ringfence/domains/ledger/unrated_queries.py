"""Reading the error queue, as the tenant whose usage stands in it."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.ledger.contracts import (
    DeckKind,
    Direction,
    UnratedInfo,
    UnratedPage,
    UnratedState,
)
from ringfence.domains.ledger.models import UnratedUsage
from ringfence.platform_django.tenancy import tenant

MAX_PAGE = 200


def unrated_info(row: UnratedUsage) -> UnratedInfo:
    """A row as others see it."""
    return UnratedInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        call_id=row.call_id,
        leg_id=row.leg_id,
        kind=DeckKind(row.kind),
        direction=Direction(row.direction),
        reason=row.reason,
        attempts=row.attempts,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        state=UnratedState(row.state),
        note=row.note,
    )


def list_unrated(
    tenant_id: UUID,
    state: UnratedState = UnratedState.OPEN,
    *,
    after: UUID | None = None,
    limit: int = 50,
) -> UnratedPage:
    """A page of the tenant's unrated usage, oldest first, at most 200; ``after`` is a cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        rows = UnratedUsage.objects.filter(tenant_id=tenant_id, state=state)
        if after is not None:
            rows = rows.filter(id__gt=after)
        found = list(rows.order_by("id")[: limit + 1])
    page = found[:limit]
    return UnratedPage(tuple(map(unrated_info, page)), page[-1].id if len(found) > limit else None)
