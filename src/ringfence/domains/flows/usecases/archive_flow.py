"""A flow that nothing leads to is put away. Its versions stay: calls were handled by them."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.flows.contracts import FlowInUse
from ringfence.domains.flows.neighbours import routed_numbers
from ringfence.domains.flows.published import flows_leading_to, lock_published
from ringfence.domains.flows.queries import find_flow
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.tenancy import tenant


def archive_flow(tenant_id: UUID, flow_id: UUID) -> None:
    """Raises FlowNotFound, FlowInUse."""
    with tenant(tenant_id):
        lock_published(tenant_id)
        row = find_flow(tenant_id, flow_id)
        numbers = routed_numbers(tenant_id, flow_id)
        leading = flows_leading_to(flow_id) - {flow_id}
        if numbers or leading:
            flows = sorted(public_id(Prefix.FLOW, other) for other in leading)
            details = {"numbers": list(numbers), "flows": flows}
            raise FlowInUse("a number or a published flow leads to the flow", details=details)
        row.archived = True
        row.save(update_fields=["archived"])
