"""A tenant disconnects a carrier or a PBX."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.trunks.contracts import TrunkInUse, TrunkNotFound
from ringfence.domains.trunks.models import Trunk
from ringfence.domains.trunks.uses import uses_of
from ringfence.platform_django.tenancy import tenant

_NAMED = 10


def delete_trunk(tenant_id: UUID, trunk_id: UUID) -> None:
    """Remove a trunk of the tenant. Calls in progress over it go on; the call plane learns of it
    within 2 s.

    Raises TrunkNotFound, TrunkInUse.
    """
    with tenant(tenant_id):
        row = Trunk.objects.select_for_update().filter(id=trunk_id).first()
        if row is None:
            raise TrunkNotFound("no such trunk")
        used_by = uses_of(tenant_id, trunk_id)
        if used_by:
            raise TrunkInUse(
                "calls are led over this trunk", details={"used_by": list(used_by[:_NAMED])}
            )
        row.delete()
