"""REST API of accounts: a tenant's own account and keys, and the tenants of the operator."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.accounts import api
from ringfence.domains.accounts.contracts import NewApiKey
from ringfence.domains.accounts.schemas import (
    ApiKeyChange,
    ApiKeyIn,
    ApiKeyList,
    ApiKeyOut,
    ApiKeyQuery,
    NewApiKeyOut,
    PlanIn,
    PlanList,
    PlanOut,
    SettingsChange,
    SettingsOut,
    TenantChange,
    TenantIn,
    TenantList,
    TenantOut,
    TenantQuery,
    api_key_out,
    plan_out,
    settings_out,
    tenant_out,
    wanted,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import (
    caller_of,
    manager_of,
    managers_only,
    operator_only,
    requires,
    responses,
)

router = Router()


def _tenant(text: str) -> UUID:
    return parse_public_id(Prefix.TENANT, text)


def _key(text: str) -> UUID:
    return parse_public_id(Prefix.API_KEY, text)


def _new_key_out(made: NewApiKey) -> NewApiKeyOut:
    return NewApiKeyOut(secret=made.secret, **api_key_out(made.info).model_dump())


@router.get("/tenant", response=responses(TenantOut), operation_id="get_tenant", tags=["tenant"])
@requires("tenant:read")
def get_tenant(request: HttpRequest) -> TenantOut:
    """The caller's own tenant."""
    return tenant_out(api.get_tenant(caller_of(request).tenant_id))


@router.get("/keys", response=responses(ApiKeyList, 422), operation_id="list_keys", tags=["keys"])
@requires("keys:read")
def list_keys(request: HttpRequest, query: Query[ApiKeyQuery]) -> ApiKeyList:
    """The tenant's API keys, newest first, revoked and expired ones among them."""
    page = api.page_of_api_keys(
        caller_of(request).tenant_id, before=query.before_id(), limit=query.limit
    )
    cursor = page.next_cursor
    return ApiKeyList(
        keys=[api_key_out(info) for info in page.keys],
        next=None if cursor is None else public_id(Prefix.API_KEY, cursor),
    )


@router.post(
    "/keys",
    response=responses(NewApiKeyOut, 409, 422, success=201),
    operation_id="create_key",
    tags=["keys"],
)
@requires("keys:write")
def create_key(request: HttpRequest, new: ApiKeyIn) -> Status[NewApiKeyOut]:
    """Make a key. Its secret is in this answer and never shown again."""
    made = api.grant_api_key(caller_of(request), new.name, wanted(new))
    return Status(201, _new_key_out(made))


@router.get(
    "/keys/{key_id}", response=responses(ApiKeyOut, 404, 422), operation_id="get_key", tags=["keys"]
)
@requires("keys:read")
def get_key(request: HttpRequest, key_id: str) -> ApiKeyOut:
    """One of the tenant's keys."""
    return api_key_out(api.get_api_key(caller_of(request).tenant_id, _key(key_id)))


@router.patch(
    "/keys/{key_id}",
    response=responses(ApiKeyOut, 404, 422),
    operation_id="change_key",
    tags=["keys"],
)
@requires("keys:write")
def change_key(request: HttpRequest, key_id: str, change: ApiKeyChange) -> ApiKeyOut:
    """Rename a key, or set its networks and limit. What it may do never changes: make another
    one."""
    caller, id_ = caller_of(request), _key(key_id)
    check_etag(request, api_key_out(api.get_api_key(caller.tenant_id, id_)))
    return api_key_out(api.change_api_key(caller, id_, change.given()))


@router.delete(
    "/keys/{key_id}",
    response=responses(None, 404, 422, success=204),
    operation_id="revoke_key",
    tags=["keys"],
)
@requires("keys:write")
def revoke_key(request: HttpRequest, key_id: str) -> Status[None]:
    """Revoke a key: its next request is refused. It stays in the list."""
    api.revoke_api_key(caller_of(request).tenant_id, _key(key_id))
    return Status(204, None)


@router.get(
    "/tenant/settings",
    response=responses(SettingsOut),
    operation_id="get_settings",
    tags=["tenant"],
)
@requires("settings:read")
def get_settings(request: HttpRequest) -> SettingsOut:
    """What the tenant settled for itself."""
    return settings_out(api.get_settings(caller_of(request).tenant_id))


@router.patch(
    "/tenant/settings",
    response=responses(SettingsOut, 422),
    operation_id="change_settings",
    tags=["tenant"],
)
@requires("settings:write")
def change_settings(request: HttpRequest, change: SettingsChange) -> SettingsOut:
    """Settle it otherwise, from the next request on."""
    tenant_id = caller_of(request).tenant_id
    check_etag(request, settings_out(api.get_settings(tenant_id)))
    return settings_out(api.change_settings(tenant_id, **change.model_dump()))


@router.get("/plans", response=responses(PlanList), operation_id="list_plans", tags=["tenants"])
@operator_only
@requires("plans:read")
def list_plans(request: HttpRequest) -> PlanList:
    """The plans of the operator, by code."""
    return PlanList(plans=[plan_out(info) for info in api.list_plans()])


@router.post(
    "/plans",
    response=responses(PlanOut, 409, 422, success=201),
    operation_id="create_plan",
    tags=["tenants"],
)
@operator_only
@requires("plans:write")
def create_plan(request: HttpRequest, new: PlanIn) -> Status[PlanOut]:
    """Name a plan. Prices and limits of plans come with billing."""
    return Status(201, plan_out(api.create_plan(new.code, new.name)))


@router.get(
    "/tenants", response=responses(TenantList, 422), operation_id="list_tenants", tags=["tenants"]
)
@managers_only
@requires("tenants:read")
def list_tenants(request: HttpRequest, query: Query[TenantQuery]) -> TenantList:
    """The tenants of the installation, or those below a reseller, newest first."""
    page = api.page_of_tenants(
        manager=manager_of(request), before=query.before_id(), limit=query.limit
    )
    cursor = page.next_cursor
    return TenantList(
        tenants=[tenant_out(info) for info in page.tenants],
        next=None if cursor is None else public_id(Prefix.TENANT, cursor),
    )


@router.post(
    "/tenants",
    response=responses(TenantOut, 409, 422, success=201),
    operation_id="create_tenant",
    tags=["tenants"],
)
@managers_only
@requires("tenants:write")
def create_tenant(request: HttpRequest, new: TenantIn) -> Status[TenantOut]:
    """Take on a business customer. It has no member and no API key yet: invite its owner."""
    made = api.create_tenant(new.name, kind=new.kind, plan=new.plan, manager=manager_of(request))
    return Status(201, tenant_out(made))


@router.get(
    "/tenants/{tenant_id}",
    response=responses(TenantOut, 404, 422),
    operation_id="get_tenant_by_id",
    tags=["tenants"],
)
@managers_only
@requires("tenants:read")
def get_tenant_by_id(request: HttpRequest, tenant_id: str) -> TenantOut:
    """One tenant of the installation, or below a reseller."""
    return tenant_out(api.get_managed_tenant(_tenant(tenant_id), manager_of(request)))


@router.patch(
    "/tenants/{tenant_id}",
    response=responses(TenantOut, 404, 409, 422),
    operation_id="change_tenant",
    tags=["tenants"],
)
@managers_only
@requires("tenants:write")
def change_tenant(request: HttpRequest, tenant_id: str, change: TenantChange) -> TenantOut:
    """Rename, suspend or readmit a tenant, give it another plan or limit."""
    id_, manager = _tenant(tenant_id), manager_of(request)
    check_etag(request, tenant_out(api.get_managed_tenant(id_, manager)))
    if "requests_per_minute" in change.model_fields_set:
        api.limit_tenant(id_, change.requests_per_minute, manager=manager)
    named = change.model_dump(exclude={"requests_per_minute"})
    return tenant_out(api.change_tenant(id_, manager=manager, **named))


@router.post(
    "/tenants/{tenant_id}/close",
    response=responses(TenantOut, 404, 409, 422),
    operation_id="close_tenant",
    tags=["tenants"],
)
@managers_only
@requires("tenants:write")
def close_tenant(request: HttpRequest, tenant_id: str) -> TenantOut:
    """Close a tenant: nothing of it is served any more. Until ``ends_at`` it may come back."""
    return tenant_out(api.close_tenant(_tenant(tenant_id), manager=manager_of(request)))


@router.post(
    "/tenants/{tenant_id}/reactivate",
    response=responses(TenantOut, 404, 409, 422),
    operation_id="reactivate_tenant",
    tags=["tenants"],
)
@managers_only
@requires("tenants:write")
def reactivate_tenant(request: HttpRequest, tenant_id: str) -> TenantOut:
    """Take a closed tenant back."""
    return tenant_out(api.reactivate_tenant(_tenant(tenant_id), manager=manager_of(request)))


@router.post(
    "/tenants/{tenant_id}/keys",
    response=responses(NewApiKeyOut, 404, 409, 422, success=201),
    operation_id="create_tenant_key",
    tags=["tenants"],
)
@operator_only
@requires("tenants:provision")
def create_tenant_key(request: HttpRequest, tenant_id: str, new: ApiKeyIn) -> Status[NewApiKeyOut]:
    """Make a key of a tenant, such as its first: for programs of the operator that provision, never
    for its staff. The secret is in this answer and never shown again."""
    made = api.create_api_key(
        _tenant(tenant_id),
        new.name,
        tuple(new.scopes),
        tuple(new.purposes),
        new.expires_at,
        tuple(new.allowed_networks),
        new.requests_per_minute,
    )
    return Status(201, _new_key_out(made))
