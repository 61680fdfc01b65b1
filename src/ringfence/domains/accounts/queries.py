"""Reading tenants and API keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts.contracts import ApiKeyInfo, Principal, TenantInfo
from ringfence.domains.accounts.models import ApiKey, Tenant
from ringfence.kernel.errors import NotFound, Unauthorized
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

KEY_PREFIX = "rfk_"


def tenant_info(row: Tenant) -> TenantInfo:
    return TenantInfo(row.id, row.name, row.status, row.created_at)


def api_key_info(row: ApiKey) -> ApiKeyInfo:
    return ApiKeyInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        last4=row.last4,
        scopes=tuple(row.scopes),
        purposes=tuple(row.purposes),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def secret_hash(secret: str) -> bytes | None:
    """SHA-256 of the random bytes in an API key's text; None when it is no API key."""
    if not secret.startswith(KEY_PREFIX):
        return None
    text = secret.removeprefix(KEY_PREFIX)
    try:
        random = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha256(random).digest() if len(random) == 32 else None


def authenticate_api_key(secret: str) -> Principal:
    """Who a key acts as, before any tenant is known.

    Raises Unauthorized when it is malformed, unknown, revoked, or its tenant is not active: the
    caller cannot tell which.
    """
    digest = secret_hash(secret)
    row = None
    if digest is not None:
        with connections[APP].cursor() as cursor:
            cursor.execute("SELECT * FROM ringfence_authenticate_api_key(%s)", [digest])
            row = cursor.fetchone()
    if row is None:
        raise Unauthorized("a valid API key is required")
    api_key_id, tenant_id, scopes, purposes = row
    return Principal(
        tenant_id=tenant_id,
        api_key_id=api_key_id,
        scopes=frozenset(scopes),
        purposes=tuple(purposes),
    )


def get_tenant(tenant_id: UUID) -> TenantInfo:
    """A tenant's own account. Raises NotFound."""
    with tenant(tenant_id):
        row = Tenant.objects.filter(id=tenant_id).first()
    if row is None:
        raise NotFound("no such tenant")
    return tenant_info(row)


def list_tenants() -> tuple[TenantInfo, ...]:
    """All tenants of the installation, oldest first. For the operator."""
    with across_tenants("list tenants") as db:
        return tuple(tenant_info(row) for row in Tenant.objects.using(db).order_by("id"))


def tenant_exists(tenant_id: UUID) -> bool:
    """Whether the installation has this tenant. For the operator."""
    with across_tenants("check tenant") as db:
        return Tenant.objects.using(db).filter(id=tenant_id).exists()


def list_api_keys(tenant_id: UUID) -> tuple[ApiKeyInfo, ...]:
    """The tenant's keys, oldest first, without secrets."""
    with tenant(tenant_id):
        return tuple(api_key_info(row) for row in ApiKey.objects.order_by("id"))
