"""A tenant renames a key, or takes it back."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.contracts import ApiKeyInfo, ApiKeyNotFound
from ringfence.domains.accounts.models import ApiKey
from ringfence.domains.accounts.queries import api_key_info
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import tenant


def rename_api_key(tenant_id: UUID, api_key_id: UUID, name: str) -> ApiKeyInfo:
    """Give a key another name. Raises ApiKeyNotFound, InvalidName."""
    name = checked_name(name)
    with tenant(tenant_id):
        row = _locked(api_key_id)
        row.name = name
        row.save(update_fields=["name"])
    return api_key_info(row)


def revoke_api_key(tenant_id: UUID, api_key_id: UUID) -> ApiKeyInfo:
    """End a key for good, from its next request on; again changes nothing. Raises
    ApiKeyNotFound."""
    with tenant(tenant_id):
        row = _locked(api_key_id)
        if row.revoked_at is None:
            row.revoked_at = clock().now()
            row.save(update_fields=["revoked_at"])
    return api_key_info(row)


def _locked(api_key_id: UUID) -> ApiKey:
    row = ApiKey.objects.select_for_update().filter(id=api_key_id).first()
    if row is None:
        raise ApiKeyNotFound("no such API key")
    return row
