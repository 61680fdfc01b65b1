"""Accounts, for other domains and the entrances."""

from ringfence.domains.accounts.queries import (
    authenticate_api_key,
    get_tenant,
    list_api_keys,
    list_tenants,
    tenant_exists,
)
from ringfence.domains.accounts.usecases.create_api_key import create_api_key
from ringfence.domains.accounts.usecases.create_tenant import create_tenant

__all__ = [
    "authenticate_api_key",
    "create_api_key",
    "create_tenant",
    "get_tenant",
    "list_api_keys",
    "list_tenants",
    "tenant_exists",
]
