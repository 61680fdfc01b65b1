"""A flow's name or draft changes; what calls get does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ringfence.domains.flows.contracts import FlowInfo, InvalidFlow
from ringfence.domains.flows.queries import find_flow, flow_info
from ringfence.domains.flows.text import checked_name
from ringfence.domains.flows.usecases.create_flow import check_draft
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def save_draft(
    tenant_id: UUID, flow_id: UUID, *, name: str | None, draft: Mapping[str, Any] | None
) -> FlowInfo:
    """What is None stays as it is. Raises FlowNotFound, InvalidFlow."""
    if name is not None:
        name = checked_name(name, InvalidFlow)
    if draft is not None:
        check_draft(draft)
    with tenant(tenant_id):
        row = find_flow(tenant_id, flow_id)
        row.name = row.name if name is None else name
        row.draft = row.draft if draft is None else dict(draft)
        row.updated_at = clock().now()
        row.save(update_fields=["name", "draft", "updated_at"])
    return flow_info(row)
