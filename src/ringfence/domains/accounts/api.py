"""Accounts, for other domains and the entrances."""

from ringfence.domains.accounts.credentials import (
    authenticate_api_key,
    find_client,
    find_credential,
    find_token,
    tenant_requests_per_minute,
    use_credential,
)
from ringfence.domains.accounts.queries import (
    get_any_tenant,
    get_api_key,
    get_client,
    get_managed_tenant,
    get_settings,
    get_tenant,
    list_api_keys,
    list_operator_keys,
    list_plans,
    list_tenants,
    page_of_api_keys,
    page_of_clients,
    page_of_requests,
    page_of_tenants,
    tenant_exists,
)
from ringfence.domains.accounts.request_log import start_request_log
from ringfence.domains.accounts.retention import get_retention
from ringfence.domains.accounts.scope import managing
from ringfence.domains.accounts.usecases.change_api_key import change_api_key, revoke_api_key
from ringfence.domains.accounts.usecases.change_settings import change_settings
from ringfence.domains.accounts.usecases.change_tenant import (
    change_tenant,
    close_tenant,
    limit_tenant,
    reactivate_tenant,
)
from ringfence.domains.accounts.usecases.choose_retention import choose_retention
from ringfence.domains.accounts.usecases.clients import (
    change_client,
    create_client,
    revoke_client,
    rotate_client_secret,
)
from ringfence.domains.accounts.usecases.create_api_key import (
    create_api_key,
    create_operator_key,
    grant_api_key,
)
from ringfence.domains.accounts.usecases.create_plan import create_plan
from ringfence.domains.accounts.usecases.create_tenant import create_tenant
from ringfence.domains.accounts.usecases.end_tenant import (
    end_closed_tenant,
    end_closed_tenants,
    note_warning,
    notice_before_end,
    tenants_to_warn,
)
from ringfence.domains.accounts.usecases.remove_old_requests import remove_old_requests
from ringfence.domains.accounts.usecases.tokens import (
    issue_token,
    remove_ended_tokens,
    revoke_token,
)

__all__ = [
    "authenticate_api_key",
    "change_api_key",
    "change_client",
    "change_settings",
    "change_tenant",
    "choose_retention",
    "close_tenant",
    "create_api_key",
    "create_client",
    "create_operator_key",
    "create_plan",
    "create_tenant",
    "end_closed_tenant",
    "end_closed_tenants",
    "find_client",
    "find_credential",
    "find_token",
    "get_any_tenant",
    "get_api_key",
    "get_client",
    "get_managed_tenant",
    "get_retention",
    "get_settings",
    "get_tenant",
    "grant_api_key",
    "issue_token",
    "limit_tenant",
    "list_api_keys",
    "list_operator_keys",
    "list_plans",
    "list_tenants",
    "managing",
    "note_warning",
    "notice_before_end",
    "page_of_api_keys",
    "page_of_clients",
    "page_of_requests",
    "page_of_tenants",
    "reactivate_tenant",
    "remove_ended_tokens",
    "remove_old_requests",
    "revoke_api_key",
    "revoke_client",
    "revoke_token",
    "rotate_client_secret",
    "start_request_log",
    "tenant_exists",
    "tenant_requests_per_minute",
    "tenants_to_warn",
    "use_credential",
]
