"""Whose a key, a token or a client's secret is, before any tenant is known."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts.contracts import AddressRefused, Principal, TenantSuspended
from ringfence.domains.accounts.models import AccessToken
from ringfence.domains.accounts.secrets import (
    CLIENT_PREFIX,
    KEY_PREFIX,
    TOKEN_PREFIX,
    secret_hash,
)
from ringfence.kernel.errors import Unauthorized
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id
from ringfence.platform_django.addresses import Address, parse_networks, within
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant

_USE_NOTED_EACH = timedelta(minutes=1)
_BY_PREFIX = {
    KEY_PREFIX: ("key", "SELECT * FROM ringfence_authenticate_api_key(%s, %s)"),
    TOKEN_PREFIX: ("client", "SELECT * FROM ringfence_authenticate_token(%s, %s)"),
}
_NOTE = {
    "key": "SELECT ringfence_api_key_used(%s, %s)",
    "client": "SELECT ringfence_oauth_client_used(%s, %s)",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A valid credential, which may still be refused."""

    principal: Principal
    active: bool
    """Of its tenant."""
    last_used_at: datetime | None


def find_credential(secret: str) -> Found:
    """Whose a key or an access token is.

    Raises Unauthorized when it is malformed, unknown, revoked or expired: the caller cannot tell
    which.
    """
    for prefix, (kind, query) in _BY_PREFIX.items():
        digest = secret_hash(prefix, secret)
        row = None if digest is None else _one(query, [digest, clock().now()])
        if row is not None:
            return _found(kind, row)
    raise Unauthorized("a valid API key or access token is required")


def find_token(tenant_id: UUID, secret: str) -> UUID:
    """The id of an access token of a tenant's client. Raises Unauthorized when it is gone."""
    digest = secret_hash(TOKEN_PREFIX, secret)
    with tenant(tenant_id):
        found = AccessToken.objects.filter(token_hash=digest).values_list("id", flat=True).first()
    if found is None:
        raise Unauthorized("a valid API key or access token is required")
    return found


def find_client(client_id: str, secret: str) -> Found:
    """The OAuth client that has this secret. Raises Unauthorized, as ``find_credential``."""
    digest = secret_hash(CLIENT_PREFIX, secret) or b""
    try:
        id_ = parse_public_id(Prefix.OAUTH_CLIENT, client_id)
    except InvalidId:
        id_ = INSTALLATION
    row = _one("SELECT * FROM ringfence_find_oauth_client(%s, %s)", [id_, clock().now()])
    if row is not None:
        *credential, hashes = row
        equal = [hmac.compare_digest(digest, bytes(known)) for known in hashes]
        if any(equal):
            return _found("client", credential)
    raise Unauthorized("a valid client secret is required")


def use_credential(found: Found, address: Address | None) -> Principal:
    """Whom a request from an address acts as; notes once a minute that the credential is used.

    Raises AddressRefused (before anything else is told), TenantSuspended.
    """
    principal, at = found.principal, clock().now()
    if principal.networks and (address is None or not within(address, principal.networks)):
        raise AddressRefused("this credential is not for use from this address")
    if not found.active:
        raise TenantSuspended("the tenant is suspended")
    if found.last_used_at is None or at - found.last_used_at >= _USE_NOTED_EACH:
        _one(_NOTE[principal.kind], [principal.credential_id, at])
    return principal


def authenticate_api_key(secret: str, address: Address | None = None) -> Principal:
    """``find_credential`` and ``use_credential``."""
    return use_credential(find_credential(secret), address)


def tenant_requests_per_minute(tenant_id: UUID) -> int | None:
    """The limit of a tenant; None: the installation's default."""
    row = _one("SELECT ringfence_tenant_requests(%s)", [tenant_id])
    return None if row is None else row[0]


def _one(query: str, values: Sequence[Any]) -> Sequence[Any] | None:
    with connections[APP].cursor() as cursor:
        cursor.execute(query, values)
        row: Sequence[Any] | None = cursor.fetchone()
    return row


def _found(kind: str, row: Sequence[Any]) -> Found:
    id_, tenant_id, scopes, purposes, expires_at, used_at, networks, own, of_tenant, active = row
    return Found(
        Principal(
            tenant_id=tenant_id or INSTALLATION,
            credential_id=id_,
            scopes=frozenset(scopes),
            purposes=tuple(purposes),
            expires_at=expires_at,
            kind=kind,
            networks=parse_networks(networks),
            requests_per_minute=own,
            tenant_requests_per_minute=of_tenant,
        ),
        active,
        used_at,
    )
