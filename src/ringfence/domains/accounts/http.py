"""REST API of accounts: a tenant's own account and keys, and the tenants of the operator."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.accounts import api
from ringfence.domains.accounts.contracts import NewApiKey, Principal
from ringfence.domains.accounts.schemas import (
    ApiKeyChange,
    ApiKeyIn,
    ApiKeyList,
    ApiKeyOut,
    ApiKeyQuery,
    NewApiKeyOut,
    TenantChange,
    TenantIn,
    TenantList,
    TenantOut,
    TenantQuery,
    api_key_out,
    tenant_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

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
    made = api.grant_api_key(
        cast(Principal, caller_of(request)),
        new.name,
        tuple(new.scopes),
        tuple(new.purposes),
        new.expires_at,
    )
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
    """Rename a key. What it may do never changes: make another one."""
    tenant_id, id_ = caller_of(request).tenant_id, _key(key_id)
    check_etag(request, api_key_out(api.get_api_key(tenant_id, id_)))
    return api_key_out(api.rename_api_key(tenant_id, id_, change.name))


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
    "/tenants", response=responses(TenantList, 422), operation_id="list_tenants", tags=["tenants"]
)
@operator_only
@requires("tenants:read")
def list_tenants(request: HttpRequest, query: Query[TenantQuery]) -> TenantList:
    """The tenants of the installation, newest first."""
    page = api.page_of_tenants(before=query.before_id(), limit=query.limit)
    cursor = page.next_cursor
    return TenantList(
        tenants=[tenant_out(info) for info in page.tenants],
        next=None if cursor is None else public_id(Prefix.TENANT, cursor),
    )


@router.post(
    "/tenants",
    response=responses(TenantOut, 422, success=201),
    operation_id="create_tenant",
    tags=["tenants"],
)
@operator_only
@requires("tenants:write")
def create_tenant(request: HttpRequest, new: TenantIn) -> Status[TenantOut]:
    """Take on a business customer. It has no API key yet."""
    return Status(201, tenant_out(api.create_tenant(new.name)))


@router.get(
    "/tenants/{tenant_id}",
    response=responses(TenantOut, 404, 422),
    operation_id="get_tenant_by_id",
    tags=["tenants"],
)
@operator_only
@requires("tenants:read")
def get_tenant_by_id(request: HttpRequest, tenant_id: str) -> TenantOut:
    """One tenant of the installation."""
    return tenant_out(api.get_any_tenant(_tenant(tenant_id)))


@router.patch(
    "/tenants/{tenant_id}",
    response=responses(TenantOut, 404, 422),
    operation_id="change_tenant",
    tags=["tenants"],
)
@operator_only
@requires("tenants:write")
def change_tenant(request: HttpRequest, tenant_id: str, change: TenantChange) -> TenantOut:
    """Rename, suspend or readmit a tenant."""
    id_ = _tenant(tenant_id)
    check_etag(request, tenant_out(api.get_any_tenant(id_)))
    return tenant_out(api.change_tenant(id_, name=change.name, status=change.status))


@router.post(
    "/tenants/{tenant_id}/keys",
    response=responses(NewApiKeyOut, 404, 409, 422, success=201),
    operation_id="create_tenant_key",
    tags=["tenants"],
)
@operator_only
@requires("tenants:write")
def create_tenant_key(request: HttpRequest, tenant_id: str, new: ApiKeyIn) -> Status[NewApiKeyOut]:
    """Make a key of a tenant, such as its first. Its secret is in this answer and never shown
    again."""
    made = api.create_api_key(
        _tenant(tenant_id), new.name, tuple(new.scopes), tuple(new.purposes), new.expires_at
    )
    return Status(201, _new_key_out(made))
