"""Accounts, for other domains and the entrances."""

from ringfence.domains.accounts.queries import (
    authenticate_api_key,
    get_any_tenant,
    get_api_key,
    get_managed_tenant,
    get_settings,
    get_tenant,
    list_api_keys,
    list_operator_keys,
    list_plans,
    list_tenants,
    page_of_api_keys,
    page_of_tenants,
    tenant_exists,
)
from ringfence.domains.accounts.scope import managing
from ringfence.domains.accounts.usecases.change_api_key import rename_api_key, revoke_api_key
from ringfence.domains.accounts.usecases.change_settings import change_settings
from ringfence.domains.accounts.usecases.change_tenant import (
    change_tenant,
    close_tenant,
    reactivate_tenant,
)
from ringfence.domains.accounts.usecases.create_api_key import (
    create_api_key,
    create_operator_key,
    grant_api_key,
)
from ringfence.domains.accounts.usecases.create_plan import create_plan
from ringfence.domains.accounts.usecases.create_tenant import create_tenant

__all__ = [
    "authenticate_api_key",
    "change_settings",
    "change_tenant",
    "close_tenant",
    "create_api_key",
    "create_operator_key",
    "create_plan",
    "create_tenant",
    "get_any_tenant",
    "get_api_key",
    "get_managed_tenant",
    "get_settings",
    "get_tenant",
    "grant_api_key",
    "list_api_keys",
    "list_operator_keys",
    "list_plans",
    "list_tenants",
    "managing",
    "page_of_api_keys",
    "page_of_tenants",
    "reactivate_tenant",
    "rename_api_key",
    "revoke_api_key",
    "tenant_exists",
]
