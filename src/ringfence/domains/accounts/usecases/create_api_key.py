"""Somebody gets a credential for the REST API: from the operator, or from a key of the tenant."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from ringfence.domains.accounts.contracts import (
    ALL_PURPOSES,
    ALL_SCOPES,
    DEFAULT_SCOPES,
    OPERATOR_SCOPES,
    GrantRefused,
    InvalidExpiry,
    NewApiKey,
    TenantNotFound,
    TooManyKeys,
    UnknownPurpose,
    UnknownScope,
)
from ringfence.domains.accounts.models import ApiKey, Tenant
from ringfence.domains.accounts.queries import KEY_PREFIX, api_key_info, secret_hash
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

MAX_KEYS = 200
"""Valid keys of one tenant."""
_LAST_YEAR = 2999


def create_api_key(
    tenant_id: UUID,
    name: str = "default",
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    purposes: tuple[str, ...] = ("service",),
    expires_at: datetime | None = None,
) -> NewApiKey:
    """The operator makes a key of a tenant; its secret is in the result and nowhere else.

    ``scopes``: those of GRANTED_BY_NAME must be named. ``purposes``: what personal data may be
    opened for with it, the usual one first; a key without any opens nothing. Raises InvalidName,
    UnknownScope, UnknownPurpose, InvalidExpiry, TenantNotFound, TooManyKeys.
    """
    _check(scopes, ALL_SCOPES, purposes, expires_at)
    with across_tenants("create key") as db:
        if not Tenant.objects.using(db).filter(id=tenant_id).exists():
            raise TenantNotFound("no such tenant")
        return _insert(db, tenant_id, name, scopes, purposes, expires_at)


def create_operator_key(
    name: str = "default",
    scopes: tuple[str, ...] = OPERATOR_SCOPES,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key for the routes of the operator. It belongs to no tenant and opens no tenant's
    personal data.

    Raises InvalidName, UnknownScope, InvalidExpiry, TooManyKeys.
    """
    _check(scopes, OPERATOR_SCOPES + ALL_SCOPES, (), expires_at)
    with across_tenants("create key") as db:
        return _insert(db, None, name, scopes, (), expires_at)


def grant_api_key(
    grantor: Caller,
    name: str,
    scopes: tuple[str, ...],
    purposes: tuple[str, ...],
    expires_at: datetime | None = None,
) -> NewApiKey:
    """A key or a member of a tenant makes a key, which can do nothing that they cannot.

    Raises as ``create_api_key``, and GrantRefused.
    """
    _check(scopes, ALL_SCOPES, purposes, expires_at)
    beyond = {
        "scopes": sorted(set(scopes) - grantor.scopes),
        "purposes": sorted(set(purposes) - set(grantor.purposes)),
    }
    if any(beyond.values()):
        raise GrantRefused("a key cannot grant what it lacks", details=beyond)
    if grantor.expires_at is not None and (expires_at is None or expires_at > grantor.expires_at):
        raise GrantRefused(
            "a key cannot grant a longer life than its own",
            details={"expires_at": grantor.expires_at.isoformat()},
        )
    with tenant(grantor.tenant_id):
        return _insert(APP, grantor.tenant_id, name, scopes, purposes, expires_at)


def _check(
    scopes: tuple[str, ...],
    known: tuple[str, ...],
    purposes: tuple[str, ...],
    expires_at: datetime | None,
) -> None:
    unknown = sorted(set(scopes) - set(known))
    if unknown:
        raise UnknownScope("unknown scopes", details={"scopes": unknown, "known": known})
    unfit = sorted(set(purposes) - set(ALL_PURPOSES))
    if unfit:
        raise UnknownPurpose("unknown purposes", details={"purposes": unfit, "known": ALL_PURPOSES})
    if expires_at is not None and (
        expires_at.tzinfo is None or expires_at <= clock().now() or expires_at.year > _LAST_YEAR
    ):
        raise InvalidExpiry(f"expires_at is to come, until {_LAST_YEAR}, and has an offset")


def _insert(
    db: str,
    tenant_id: UUID | None,
    name: str,
    scopes: tuple[str, ...],
    purposes: tuple[str, ...],
    expires_at: datetime | None,
) -> NewApiKey:
    name, now = checked_name(name), clock().now()
    valid = Q(expires_at=None) | Q(expires_at__gt=now)
    keys = ApiKey.objects.using(db).filter(valid, tenant_id=tenant_id, revoked_at=None)
    if keys.count() >= MAX_KEYS:
        raise TooManyKeys("there are as many keys as there may be", details={"limit": MAX_KEYS})
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey.objects.using(db).create(
        tenant_id=tenant_id,
        name=name,
        secret_hash=secret_hash(secret),
        last4=secret[-4:],
        scopes=list(dict.fromkeys(scopes)),
        purposes=list(dict.fromkeys(purposes)),
        created_at=now,
        expires_at=expires_at,
    )
    return NewApiKey(api_key_info(row), secret)
