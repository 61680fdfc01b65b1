"""A target that no published flow dials is deleted."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.flows.contracts import TargetInUse
from ringfence.domains.flows.published import flows_using
from ringfence.domains.flows.queries import find_target
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.tenancy import tenant


def delete_target(tenant_id: UUID, target_id: UUID) -> None:
    """Raises TargetNotFound, TargetInUse."""
    with tenant(tenant_id):
        row = find_target(tenant_id, target_id)
        flows = flows_using(tenant_id, public_id(Prefix.TARGET, target_id))
        if flows:
            raise TargetInUse("a published flow dials the target", details={"flows": flows})
        row.delete()
