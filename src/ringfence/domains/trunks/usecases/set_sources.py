"""The operator says from where a tenant's trunk calls."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.trunks.contracts import TrunkInfo, TrunkNotFound
from ringfence.domains.trunks.models import Trunk, TrunkSource
from ringfence.domains.trunks.queries import trunk_info
from ringfence.domains.trunks.rules.validation import nobody, parse_sources
from ringfence.domains.trunks.usecases import write
from ringfence.platform_django.tenancy import across_tenants


def set_sources(tenant_id: UUID, trunk_id: UUID, sources: tuple[str, ...]) -> TrunkInfo:
    """Make these networks, and no others, those of a trunk of the tenant. The call plane learns of
    it within 2 s.

    Raises TrunkNotFound, InvalidTrunk, TrunkSourceConflict.
    """
    networks = parse_sources(sources)
    with write.conflicts_told(), across_tenants("set sources") as db:
        rows = Trunk.objects.using(db).select_for_update()
        row = rows.filter(tenant_id=tenant_id, id=trunk_id).first()
        if row is None:
            raise TrunkNotFound("no such trunk")
        if not (networks or row.username or row.peer_host):
            raise nobody()
        TrunkSource.objects.using(db).filter(trunk=row).delete()
        write.put_sources(db, row, networks)
    return trunk_info(row, sorted(str(network) for network in networks))
