"""Reading tenants and API keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import timedelta
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts.contracts import (
    ApiKeyInfo,
    ApiKeyNotFound,
    ApiKeyPage,
    PlanInfo,
    Principal,
    TenantInfo,
    TenantNotFound,
    TenantPage,
    TenantSettings,
    TenantSuspended,
)
from ringfence.domains.accounts.models import ApiKey, Plan, Settings, Tenant
from ringfence.domains.accounts.scope import managing
from ringfence.kernel.errors import Unauthorized
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, across_tenants, tenant

KEY_PREFIX = "rfk_"
_USE_NOTED_EACH = timedelta(minutes=1)


def tenant_info(row: Tenant) -> TenantInfo:
    return TenantInfo(
        id=row.id,
        name=row.name,
        status=row.status,
        created_at=row.created_at,
        kind=row.kind,
        parent_id=row.parent_id,
        plan=row.plan,
        closed_at=row.closed_at,
        ends_at=row.ends_at,
    )


def settings_info(row: Settings) -> TenantSettings:
    return TenantSettings(
        time_zone=row.time_zone,
        staff_access=row.staff_access,
        us_staff_only=row.us_staff_only,
        mfa_required=row.mfa_required,
    )


def api_key_info(row: ApiKey) -> ApiKeyInfo:
    return ApiKeyInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        last4=row.last4,
        scopes=tuple(row.scopes),
        purposes=tuple(row.purposes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
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
    """Who a key acts as, before any tenant is known. Notes once a minute that it is used.

    Raises Unauthorized when it is malformed, unknown, revoked or expired: the caller cannot tell
    which. Raises TenantSuspended when it is valid.
    """
    digest, at = secret_hash(secret), clock().now()
    row = None
    if digest is not None:
        with connections[APP].cursor() as cursor:
            cursor.execute("SELECT * FROM ringfence_authenticate_api_key(%s, %s)", [digest, at])
            row = cursor.fetchone()
    if row is None:
        raise Unauthorized("a valid API key is required")
    api_key_id, tenant_id, scopes, purposes, expires_at, last_used_at, active = row
    if not active:
        raise TenantSuspended("the tenant is suspended")
    if last_used_at is None or at - last_used_at >= _USE_NOTED_EACH:
        with connections[APP].cursor() as cursor:
            cursor.execute("SELECT ringfence_api_key_used(%s, %s)", [api_key_id, at])
    return Principal(
        tenant_id=tenant_id or INSTALLATION,
        credential_id=api_key_id,
        scopes=frozenset(scopes),
        purposes=tuple(purposes),
        expires_at=expires_at,
    )


def get_tenant(tenant_id: UUID) -> TenantInfo:
    """A tenant's own account. Raises TenantNotFound."""
    with tenant(tenant_id):
        row = Tenant.objects.filter(id=tenant_id).first()
    if row is None:
        raise TenantNotFound("no such tenant")
    return tenant_info(row)


def get_any_tenant(tenant_id: UUID) -> TenantInfo:
    """A tenant of the installation. For the operator. Raises TenantNotFound."""
    with across_tenants("get tenant") as db:
        row = Tenant.objects.using(db).filter(id=tenant_id).first()
    if row is None:
        raise TenantNotFound("no such tenant")
    return tenant_info(row)


def get_managed_tenant(tenant_id: UUID, manager: UUID | None) -> TenantInfo:
    """An account below a reseller, or any of the operator's. Raises TenantNotFound."""
    with managing(manager) as db:
        row = (
            Tenant.objects.using(db)
            .filter(id=tenant_id)
            .exclude(id=manager or INSTALLATION)
            .first()
        )
    if row is None:
        raise TenantNotFound("no such tenant")
    return tenant_info(row)


def page_of_tenants(
    *, manager: UUID | None = None, before: UUID | None = None, limit: int = 50
) -> TenantPage:
    """Tenants of the installation, or below a reseller, newest first."""
    with managing(manager) as db:
        rows = Tenant.objects.using(db).exclude(id=manager or INSTALLATION).order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = tuple(tenant_info(row) for row in rows[: limit + 1])
    more = len(found) > limit
    return TenantPage(found[:limit], found[limit - 1].id if more else None)


def get_settings(tenant_id: UUID) -> TenantSettings:
    """What a tenant settled; the defaults where it did not."""
    with tenant(tenant_id):
        row = Settings.objects.filter(tenant_id=tenant_id).first()
    return TenantSettings() if row is None else settings_info(row)


def list_plans() -> tuple[PlanInfo, ...]:
    """The plans of the operator, by code; ``standard`` is always there."""
    with across_tenants("list plans") as db:
        rows = list(Plan.objects.using(db).order_by("code"))
    return tuple(PlanInfo(row.code, row.name, row.created_at) for row in rows)


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


def page_of_api_keys(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> ApiKeyPage:
    """The tenant's keys, newest first, without secrets."""
    with tenant(tenant_id):
        rows = ApiKey.objects.order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = tuple(api_key_info(row) for row in rows[: limit + 1])
    more = len(found) > limit
    return ApiKeyPage(found[:limit], found[limit - 1].id if more else None)


def get_api_key(tenant_id: UUID, api_key_id: UUID) -> ApiKeyInfo:
    """One of the tenant's keys, without its secret. Raises ApiKeyNotFound."""
    with tenant(tenant_id):
        row = ApiKey.objects.filter(id=api_key_id).first()
    if row is None:
        raise ApiKeyNotFound("no such API key")
    return api_key_info(row)


def list_operator_keys() -> tuple[ApiKeyInfo, ...]:
    """The operator's own keys, oldest first, without secrets."""
    with across_tenants("list keys") as db:
        rows = ApiKey.objects.using(db).filter(tenant_id=None).order_by("id")
        return tuple(api_key_info(row) for row in rows)
