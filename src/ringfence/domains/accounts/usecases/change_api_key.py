"""A tenant renames a key, narrows it, or takes it back."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.accounts.contracts import ApiKeyInfo, ApiKeyNotFound
from ringfence.domains.accounts.credentials import tenant_requests_per_minute
from ringfence.domains.accounts.models import ApiKey, OAuthClient
from ringfence.domains.accounts.queries import api_key_info
from ringfence.domains.accounts.usecases.create_tenant import checked_name
from ringfence.domains.accounts.usecases.granting import (
    check_networks,
    check_per_minute,
    check_tenant_limit,
    checked_networks,
)
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import tenant


def change_credential(row: ApiKey | OAuthClient, by: Caller, changes: dict[str, object]) -> None:
    """Change a locked row as named: ``name``, ``allowed_networks``, ``requests_per_minute``.

    Raises InvalidName, InvalidNetwork, LimitTooHigh, GrantRefused where it would be allowed more
    than whoever changes it.
    """
    changes = dict(changes)
    if "name" in changes:
        changes["name"] = checked_name(str(changes["name"]))
    networks = changes.get("allowed_networks")
    if isinstance(networks, list):
        found = checked_networks(networks)
        check_networks(by, found)
        changes["allowed_networks"] = list(found)
    if "requests_per_minute" in changes:
        given = changes["requests_per_minute"]
        assert given is None or isinstance(given, int)
        check_per_minute(by, given)
        check_tenant_limit(tenant_requests_per_minute(by.tenant_id), given)
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))


def change_api_key(by: Caller, api_key_id: UUID, changes: dict[str, object]) -> ApiKeyInfo:
    """Change a key of the caller's tenant. Raises ApiKeyNotFound, and as ``change_credential``."""
    with tenant(by.tenant_id):
        row = _locked(api_key_id)
        change_credential(row, by, changes)
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
