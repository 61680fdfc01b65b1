"""Putting a trunk into the database: what creating and changing one share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError
from psycopg.errors import ExclusionViolation, UniqueViolation

from ringfence.domains.trunks.contracts import (
    NewTrunk,
    TrunkSourceConflict,
    TrunkUsernameConflict,
)
from ringfence.domains.trunks.models import Trunk, TrunkSource
from ringfence.domains.trunks.rules.credentials import ha1
from ringfence.domains.trunks.rules.validation import Network
from ringfence.platform_django.sealed import seal_field


def fill(row: Trunk, new: NewTrunk) -> None:
    """Set what is not secret; the row is not saved."""
    row.name = new.name.strip()
    row.username = new.username
    row.peer_host, row.peer_port = new.peer_host, new.peer_port
    row.peer_transport = new.peer_transport
    row.auth_username = new.auth_username
    row.country_code = new.format.country_code
    row.national_prefix = new.format.national_prefix
    row.international_prefix = new.format.international_prefix
    row.strip_prefix = new.format.strip_prefix
    row.style = new.format.style
    row.add_prefix = new.format.add_prefix
    row.max_calls_per_second = new.max_calls_per_second
    row.max_channels = new.max_channels


def seal_password(row: Trunk, password: str) -> None:
    """Seal what the peer is recognised by, instead of its password."""
    md5, sha256 = ha1(row.username or "", settings.RINGFENCE.sip.realm, password)
    row.ha1_md5_sealed = seal_field(row, "ha1_md5_sealed", md5)
    row.ha1_sha256_sealed = seal_field(row, "ha1_sha256_sealed", sha256)


def seal_auth_password(row: Trunk, password: str) -> None:
    """Seal what we answer the peer's challenge with."""
    row.auth_password_sealed = seal_field(row, "auth_password_sealed", password)


def put_sources(db: str, trunk: Trunk, networks: tuple[Network, ...]) -> None:
    """Make these the networks of a trunk that has none."""
    TrunkSource.objects.using(db).bulk_create(
        TrunkSource(tenant_id=trunk.tenant_id, trunk=trunk, network=network) for network in networks
    )


@contextmanager
def conflicts_told() -> Iterator[None]:
    """Raises TrunkSourceConflict, TrunkUsernameConflict for what the database refuses."""
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise TrunkSourceConflict("a source network overlaps that of another trunk") from None
        if isinstance(error.__cause__, UniqueViolation):
            raise TrunkUsernameConflict("another trunk has this user name") from None
        raise
