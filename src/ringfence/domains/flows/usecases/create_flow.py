"""A tenant begins a flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ringfence.domains.flows import limits
from ringfence.domains.flows.contracts import FlowInfo, InvalidFlow
from ringfence.domains.flows.limits import check_room
from ringfence.domains.flows.models import Flow
from ringfence.domains.flows.queries import flow_info
from ringfence.domains.flows.text import checked_name, storable
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def create_flow(tenant_id: UUID, name: str, draft: Mapping[str, Any]) -> FlowInfo:
    """Make a flow with a draft, which need not be complete or valid. Raises InvalidFlow,
    TooMany."""
    name = checked_name(name, InvalidFlow)
    check_draft(draft)
    at = clock().now()
    with tenant(tenant_id):
        check_room(Flow.objects.filter(tenant_id=tenant_id), limits.MAX_FLOWS)
        row = Flow.objects.create(
            tenant_id=tenant_id, name=name, draft=dict(draft), created_at=at, updated_at=at
        )
    return flow_info(row)


def check_draft(draft: Mapping[str, Any]) -> None:
    """Raises InvalidFlow for one that cannot even be kept."""
    if not storable(draft):
        raise InvalidFlow(
            "draft: holds a NUL, half a surrogate pair, or a number that is none",
            details={"field": "draft"},
        )
