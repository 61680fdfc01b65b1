"""A tenant gets a credential for the REST API."""

from __future__ import annotations

import secrets
from uuid import UUID

from ringfence.domains.accounts.contracts import (
    ALL_PURPOSES,
    ALL_SCOPES,
    DEFAULT_SCOPES,
    NewApiKey,
    UnknownPurpose,
    UnknownScope,
)
from ringfence.domains.accounts.models import ApiKey, Tenant
from ringfence.domains.accounts.queries import KEY_PREFIX, api_key_info, secret_hash
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.kernel.errors import NotFound
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def create_api_key(
    tenant_id: UUID,
    name: str = "default",
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    purposes: tuple[str, ...] = ("service",),
) -> NewApiKey:
    """Make a key; its secret is in the result and nowhere else.

    ``scopes``: those that destroy must be named. ``purposes``: what personal data may be opened
    for with it, the usual one first; a key without any opens nothing. Raises InvalidName,
    UnknownScope, UnknownPurpose, NotFound (no such tenant).
    """
    name = checked_name(name)
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown:
        raise UnknownScope("unknown scopes", details={"scopes": unknown, "known": ALL_SCOPES})
    unfit = sorted(set(purposes) - set(ALL_PURPOSES))
    if unfit:
        raise UnknownPurpose("unknown purposes", details={"purposes": unfit, "known": ALL_PURPOSES})
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    with tenant(tenant_id):
        if not Tenant.objects.filter(id=tenant_id).exists():
            raise NotFound("no such tenant")
        row = ApiKey.objects.create(
            tenant_id=tenant_id,
            name=name,
            secret_hash=secret_hash(secret),
            last4=secret[-4:],
            scopes=list(scopes),
            purposes=list(dict.fromkeys(purposes)),
            created_at=clock().now(),
        )
    return NewApiKey(api_key_info(row), secret)
