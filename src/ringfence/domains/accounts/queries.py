"""Reading tenants, API keys, OAuth clients and the request log."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.contracts import (
    ApiKeyInfo,
    ApiKeyNotFound,
    ApiKeyPage,
    ClientInfo,
    ClientNotFound,
    ClientPage,
    PlanInfo,
    RequestInfo,
    RequestPage,
    TenantInfo,
    TenantNotFound,
    TenantPage,
    TenantSettings,
)
from ringfence.domains.accounts.models import (
    ApiKey,
    OAuthClient,
    Plan,
    RequestRecord,
    Settings,
    Tenant,
)
from ringfence.domains.accounts.scope import managing
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.tenancy import across_tenants, tenant


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
        ended_at=row.ended_at,
        requests_per_minute=row.requests_per_minute,
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
        allowed_networks=tuple(row.allowed_networks),
        requests_per_minute=row.requests_per_minute,
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


def client_info(row: OAuthClient) -> ClientInfo:
    return ClientInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        last4=row.last4,
        previous_last4=row.previous_last4,
        previous_until=row.previous_until,
        scopes=tuple(row.scopes),
        purposes=tuple(row.purposes),
        allowed_networks=tuple(row.allowed_networks),
        requests_per_minute=row.requests_per_minute,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def page_of_clients(tenant_id: UUID, *, before: UUID | None = None, limit: int = 50) -> ClientPage:
    """The tenant's OAuth clients, newest first, without secrets."""
    with tenant(tenant_id):
        rows = OAuthClient.objects.order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = tuple(client_info(row) for row in rows[: limit + 1])
    more = len(found) > limit
    return ClientPage(found[:limit], found[limit - 1].id if more else None)


def get_client(tenant_id: UUID, client_id: UUID) -> ClientInfo:
    """One of the tenant's OAuth clients, without its secrets. Raises ClientNotFound."""
    with tenant(tenant_id):
        row = OAuthClient.objects.filter(id=client_id).first()
    if row is None:
        raise ClientNotFound("no such client")
    return client_info(row)


def page_of_requests(
    tenant_id: UUID,
    *,
    credential: UUID | None = None,
    status: int | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> RequestPage:
    """What was asked of the tenant, newest first: by one credential, with one status."""
    named = {"credential_id": credential, "status": status, "id__lt": before}
    with tenant(tenant_id):
        rows = RequestRecord.objects.filter(
            tenant_id=tenant_id,
            **{name: value for name, value in named.items() if value is not None},
        )
        found = tuple(_request_info(row) for row in rows.order_by("-id")[: limit + 1])
    more = len(found) > limit
    return RequestPage(found[:limit], found[limit - 1].id if more else None)


def _request_info(row: RequestRecord) -> RequestInfo:
    return RequestInfo(
        id=row.id,
        at=row.at,
        kind=row.kind,
        credential_id=row.credential_id,
        method=row.method,
        route=row.route,
        objects=tuple(row.objects_named),
        status=row.status,
        duration_ms=row.duration_ms,
        error_code=row.error_code,
        network=row.network,
    )
