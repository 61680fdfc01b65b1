"""The operator connects a carrier or a PBX."""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError
from psycopg.errors import ExclusionViolation, UniqueViolation

from ringfence.domains.accounts import api as accounts
from ringfence.domains.trunks.contracts import (
    InvalidTrunk,
    NewTrunk,
    TrunkInfo,
    TrunkSourceConflict,
    TrunkUsernameConflict,
)
from ringfence.domains.trunks.models import Trunk, TrunkSource
from ringfence.domains.trunks.queries import trunk_info
from ringfence.domains.trunks.rules.credentials import ha1
from ringfence.domains.trunks.rules.validation import Network, parse_sources, validate
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import across_tenants


def create_trunk(new: NewTrunk) -> TrunkInfo:
    """Make a trunk of a tenant, or of the operator. The call plane learns of it within 2 s.

    Raises InvalidTrunk, TrunkSourceConflict, TrunkUsernameConflict; Unavailable when it has
    passwords and the process `keys` is away.
    """
    validate(new)
    networks = parse_sources(new.sources)
    if new.tenant_id is not None and not accounts.tenant_exists(new.tenant_id):
        raise InvalidTrunk("tenant_id: no such tenant", details={"field": "tenant_id"})
    row = _row(new)
    try:
        with across_tenants("create trunk") as db:
            row.save(using=db, force_insert=True)
            TrunkSource.objects.using(db).bulk_create(_sources(row, networks))
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise TrunkSourceConflict("a source network overlaps that of another trunk") from None
        if isinstance(error.__cause__, UniqueViolation):
            raise TrunkUsernameConflict("another trunk has this user name") from None
        raise
    return trunk_info(row, sorted(str(network) for network in networks))


def _row(new: NewTrunk) -> Trunk:
    row = Trunk(
        id=new_id(),
        tenant_id=new.tenant_id,
        name=new.name.strip(),
        username=new.username,
        peer_host=new.peer_host,
        peer_port=new.peer_port,
        peer_transport=new.peer_transport,
        auth_username=new.auth_username,
        country_code=new.format.country_code,
        national_prefix=new.format.national_prefix,
        international_prefix=new.format.international_prefix,
        strip_prefix=new.format.strip_prefix,
        style=new.format.style,
        add_prefix=new.format.add_prefix,
        max_calls_per_second=new.max_calls_per_second,
        max_channels=new.max_channels,
        created_at=clock().now(),
    )
    if new.username is not None and new.password is not None:
        realm = settings.RINGFENCE.sip.realm
        md5, sha256 = ha1(new.username, realm, new.password)
        row.ha1_md5_sealed = seal_field(row, "ha1_md5_sealed", md5)
        row.ha1_sha256_sealed = seal_field(row, "ha1_sha256_sealed", sha256)
    if new.auth_password is not None:
        row.auth_password_sealed = seal_field(row, "auth_password_sealed", new.auth_password)
    return row


def _sources(trunk: Trunk, networks: tuple[Network, ...]) -> list[TrunkSource]:
    return [
        TrunkSource(tenant_id=trunk.tenant_id, trunk=trunk, network=network) for network in networks
    ]
