"""Somebody connects a carrier or a PBX: the operator, or a tenant for itself."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from ringfence.domains.accounts import api as accounts
from ringfence.domains.trunks.contracts import InvalidTrunk, NewTrunk, TooManyTrunks, TrunkInfo
from ringfence.domains.trunks.models import Trunk
from ringfence.domains.trunks.queries import trunk_info
from ringfence.domains.trunks.rules.validation import Network, parse_sources, validate
from ringfence.domains.trunks.usecases import write
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

MAX_TRUNKS = 200
"""Trunks that a tenant may connect itself."""


def create_trunk(new: NewTrunk) -> TrunkInfo:
    """The operator makes a trunk of a tenant, or its own. The call plane learns of it within 2 s.

    Raises InvalidTrunk, TrunkSourceConflict, TrunkUsernameConflict; Unavailable when it has
    passwords and the process `keys` is away.
    """
    validate(new)
    networks = parse_sources(new.sources)
    if new.tenant_id is not None and not accounts.tenant_exists(new.tenant_id):
        raise InvalidTrunk("tenant_id: no such tenant", details={"field": "tenant_id"})
    row = _row(new)
    with write.conflicts_told(), across_tenants("create trunk") as db:
        return _insert(db, row, networks)


def create_own_trunk(tenant_id: UUID, new: NewTrunk) -> TrunkInfo:
    """A tenant connects a carrier or a PBX of its own, which authenticates by user name: sources
    are for the operator to name, since whoever has one gets its calls.

    Raises as ``create_trunk``, and TooManyTrunks.
    """
    new = replace(new, tenant_id=tenant_id, sources=())
    validate(new)
    row = _row(new)
    with write.conflicts_told(), tenant(tenant_id):
        if Trunk.objects.count() >= MAX_TRUNKS:
            raise TooManyTrunks("no more trunks", details={"limit": MAX_TRUNKS})
        return _insert(APP, row, ())


def _row(new: NewTrunk) -> Trunk:
    row = Trunk(id=new_id(), tenant_id=new.tenant_id, created_at=clock().now())
    write.fill(row, new)
    if new.password is not None:
        write.seal_password(row, new.password)
    if new.auth_password is not None:
        write.seal_auth_password(row, new.auth_password)
    return row


def _insert(db: str, row: Trunk, networks: tuple[Network, ...]) -> TrunkInfo:
    row.save(using=db, force_insert=True)
    write.put_sources(db, row, networks)
    return trunk_info(row, sorted(str(network) for network in networks))
