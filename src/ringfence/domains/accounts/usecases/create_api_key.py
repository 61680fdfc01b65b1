"""Somebody gets a credential for the REST API: from the operator, or from a key of the tenant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ringfence.domains.accounts.contracts import (
    ALL_SCOPES,
    DEFAULT_SCOPES,
    OPERATOR_SCOPES,
    NewApiKey,
    TenantNotFound,
    TooManyKeys,
    Wanted,
)
from ringfence.domains.accounts.credentials import tenant_requests_per_minute
from ringfence.domains.accounts.models import ApiKey, Tenant
from ringfence.domains.accounts.queries import api_key_info
from ringfence.domains.accounts.secrets import KEY_PREFIX, hash_of, new_secret
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.domains.accounts.usecases.granting import (
    check_grant,
    check_tenant_limit,
    checked,
    still_valid,
)
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

MAX_KEYS = 200
"""Valid keys of one tenant."""


def create_api_key(
    tenant_id: UUID,
    name: str = "default",
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    purposes: tuple[str, ...] = ("service",),
    expires_at: datetime | None = None,
    allowed_networks: tuple[str, ...] = (),
    requests_per_minute: int | None = None,
) -> NewApiKey:
    """The operator makes a key of a tenant; its secret is in the result and nowhere else.

    ``scopes``: those of GRANTED_BY_NAME must be named. ``purposes``: what personal data may be
    opened for with it, the usual one first; a key without any opens nothing. Raises InvalidName,
    UnknownScope, UnknownPurpose, InvalidExpiry, InvalidNetwork, LimitTooHigh, TenantNotFound,
    TooManyKeys.
    """
    wanted = Wanted(scopes, purposes, expires_at, allowed_networks, requests_per_minute)
    wanted = checked(wanted, ALL_SCOPES)
    with across_tenants("create key") as db:
        row = Tenant.objects.using(db).filter(id=tenant_id).first()
        if row is None:
            raise TenantNotFound("no such tenant")
        check_tenant_limit(row.requests_per_minute, requests_per_minute)
        return _insert(db, tenant_id, name, wanted)


def create_operator_key(
    name: str = "default",
    scopes: tuple[str, ...] = OPERATOR_SCOPES,
    expires_at: datetime | None = None,
    allowed_networks: tuple[str, ...] = (),
    requests_per_minute: int | None = None,
) -> NewApiKey:
    """Make a key for the routes of the operator. It belongs to no tenant and opens no tenant's
    personal data.

    Raises InvalidName, UnknownScope, InvalidExpiry, InvalidNetwork, TooManyKeys.
    """
    wanted = Wanted(scopes, (), expires_at, allowed_networks, requests_per_minute)
    wanted = checked(wanted, OPERATOR_SCOPES + ALL_SCOPES)
    with across_tenants("create key") as db:
        return _insert(db, None, name, wanted)


def grant_api_key(grantor: Caller, name: str, wanted: Wanted) -> NewApiKey:
    """A credential or a member of a tenant makes a key, which can do nothing that they cannot.

    Raises as ``create_api_key``, and GrantRefused.
    """
    wanted = checked(wanted, ALL_SCOPES)
    check_grant(grantor, wanted)
    check_tenant_limit(tenant_requests_per_minute(grantor.tenant_id), wanted.requests_per_minute)
    with tenant(grantor.tenant_id):
        return _insert(APP, grantor.tenant_id, name, wanted)


def _insert(db: str, tenant_id: UUID | None, name: str, wanted: Wanted) -> NewApiKey:
    name, now = checked_name(name), clock().now()
    if ApiKey.objects.using(db).filter(still_valid(now), tenant_id=tenant_id).count() >= MAX_KEYS:
        raise TooManyKeys("there are as many keys as there may be", details={"limit": MAX_KEYS})
    secret = new_secret(KEY_PREFIX)
    row = ApiKey.objects.using(db).create(
        tenant_id=tenant_id,
        name=name,
        secret_hash=hash_of(KEY_PREFIX, secret),
        last4=secret[-4:],
        scopes=list(wanted.scopes),
        purposes=list(wanted.purposes),
        allowed_networks=list(wanted.allowed_networks),
        requests_per_minute=wanted.requests_per_minute,
        created_at=now,
        expires_at=wanted.expires_at,
    )
    return NewApiKey(api_key_info(row), secret)
