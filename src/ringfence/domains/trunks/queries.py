"""Reading trunks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from ringfence.domains.trunks.contracts import (
    NumberFormat,
    RoutingTrunk,
    TrunkInfo,
    TrunkNotFound,
)
from ringfence.domains.trunks.models import Trunk
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants, tenant

_SECRETS = ("ha1_md5_sealed", "ha1_sha256_sealed", "auth_password_sealed")
_log = logging.getLogger("ringfence.trunks")


def trunk_info(row: Trunk, sources: Iterable[str]) -> TrunkInfo:
    return TrunkInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        sources=tuple(sources),
        username=row.username,
        peer_host=row.peer_host,
        peer_port=row.peer_port,
        peer_transport=row.peer_transport,
        auth_username=row.auth_username,
        format=NumberFormat(
            country_code=row.country_code,
            national_prefix=row.national_prefix,
            international_prefix=row.international_prefix,
            strip_prefix=row.strip_prefix,
            style=row.style,
            add_prefix=row.add_prefix,
        ),
        max_calls_per_second=row.max_calls_per_second,
        max_channels=row.max_channels,
    )


def _infos(rows: QuerySet[Trunk]) -> tuple[TrunkInfo, ...]:
    return tuple(
        trunk_info(row, sorted(str(source.network) for source in row.sources.all()))
        for row in rows.order_by("id").prefetch_related("sources")
    )


def list_trunks(tenant_id: UUID) -> tuple[TrunkInfo, ...]:
    """The tenant's own trunks, oldest first; the operator's are not among them."""
    with tenant(tenant_id):
        return _infos(Trunk.objects.all())


def get_trunk(tenant_id: UUID, trunk_id: UUID) -> TrunkInfo:
    """One of the tenant's own trunks. Raises TrunkNotFound."""
    with tenant(tenant_id):
        found = _infos(Trunk.objects.filter(id=trunk_id))
    if not found:
        raise TrunkNotFound("no such trunk")
    return found[0]


def list_all_trunks() -> tuple[TrunkInfo, ...]:
    """Every trunk of the installation. For the operator."""
    with across_tenants("list trunks") as db:
        return _infos(Trunk.objects.using(db).all())


def usable_by(tenant_id: UUID, trunk_ids: frozenset[UUID]) -> frozenset[UUID]:
    """Those of the trunks that the tenant's calls may leave by: its own and the operator's."""
    with across_tenants("check trunks") as db:
        rows = Trunk.objects.using(db).filter(id__in=trunk_ids)
        return frozenset(row.id for row in rows if row.tenant_id in (None, tenant_id))


def routing_trunks() -> tuple[RoutingTrunk, ...]:
    """All trunks with their credentials, for the call plane. Read as its role, opened for the
    current use.

    A trunk whose credentials do not open is left out: it could not be told from a stranger.
    Raises PurposeRequired, Refused, Unavailable.
    """
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT (trunk).*, networks FROM ringfence_routing_trunks()")
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]
    networks = [row.pop("networks") for row in rows]
    trunks = [Trunk(**row) for row in rows]
    found = map(_routing_trunk, trunks, networks, open_fields(trunks, *_SECRETS))
    return tuple(trunk for trunk in found if trunk is not None)


def _routing_trunk(
    row: Trunk, networks: list[str], opened: dict[str, Opened]
) -> RoutingTrunk | None:
    error = next((item.error for item in opened.values() if item.error), None)
    if error is not None:
        kv = {"trunk": row.id.hex, "code": error}
        _log.error("trunk left out, its credentials do not open", extra={"kv": kv})
        return None
    md5, sha256, password = (opened[name].value for name in _SECRETS)
    return RoutingTrunk(trunk_info(row, networks), md5, sha256, password)
