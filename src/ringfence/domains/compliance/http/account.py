"""What authenticates an account: its owner sets it, the operator sees that it is set."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from ringfence.domains.accounts.api import get_any_tenant
from ringfence.domains.compliance import api
from ringfence.domains.compliance.schemas import (
    AccountOut,
    BackupIn,
    ContactsIn,
    ContractIn,
    PasswordIn,
    account_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.http import OPENS, caller_of, operator_only, requires, responses

router = Router(tags=["cpni"])
_WRITE = "cpni:write"


def _own(request: HttpRequest) -> AccountOut:
    caller = caller_of(request)
    info = api.get_account(caller.tenant_id)
    return account_out(info if _WRITE in caller.scopes else api.without_values(info))


@router.get(
    "/cpni/account",
    response=responses(AccountOut),
    operation_id="get_cpni_account",
    openapi_extra=OPENS,
)
@requires("cpni:read")
def get_cpni_account(request: HttpRequest) -> AccountOut:
    """What is set to authenticate whoever asks for call detail in the tenant's name."""
    return _own(request)


@router.put(
    "/cpni/account",
    response=responses(AccountOut, 422),
    operation_id="put_cpni_account",
    openapi_extra=OPENS,
)
@requires(_WRITE)
def put_cpni_account(request: HttpRequest, body: ContactsIn) -> AccountOut:
    """Say where the account is reached. A contact is of record when it is on file for 30 days, or
    came with the account; a notice of the change goes to one from before."""
    caller = caller_of(request)
    api.change_contacts(caller.tenant_id, body.wanted(), caller.actor)
    return _own(request)


@router.post(
    "/cpni/account/password",
    response=responses(AccountOut, 422),
    operation_id="set_cpni_password",
    openapi_extra=OPENS,
)
@requires(_WRITE)
def set_cpni_password(request: HttpRequest, body: PasswordIn) -> AccountOut:
    """Set or change the telephone password: eight letters and digits or more, none of them known
    of the account."""
    caller = caller_of(request)
    api.set_password(caller.tenant_id, body.password, caller.actor)
    return _own(request)


@router.post(
    "/cpni/account/backup",
    response=responses(AccountOut, 422),
    operation_id="set_cpni_backup",
    openapi_extra=OPENS,
)
@requires(_WRITE)
def set_cpni_backup(request: HttpRequest, body: BackupIn) -> AccountOut:
    """Set or change the question that is asked when the password is forgotten, and its answer."""
    caller = caller_of(request)
    api.set_backup(caller.tenant_id, body.question, body.answer, caller.actor)
    return _own(request)


@router.get(
    "/tenants/{tenant_id}/cpni",
    response=responses(AccountOut, 404, 422),
    operation_id="get_tenant_cpni_account",
    openapi_extra=OPENS,
)
@operator_only
@requires("cpni:read")
def get_tenant_cpni_account(request: HttpRequest, tenant_id: str) -> AccountOut:
    """What a tenant has set, its contacts masked."""
    info = get_any_tenant(parse_public_id(Prefix.TENANT, tenant_id))
    return account_out(api.without_values(api.get_any_account(info.id)))


@router.put(
    "/tenants/{tenant_id}/cpni/contract",
    response=responses(AccountOut, 404, 422),
    operation_id="put_cpni_contract",
    openapi_extra=OPENS,
)
@operator_only
@requires("tenants:write")
def put_cpni_contract(request: HttpRequest, tenant_id: str, body: ContractIn) -> AccountOut:
    """Note how the contract of a business customer with an account representative of its own says
    that its callers are authenticated (47 CFR 64.2010(g)), or that it does not."""
    id_ = parse_public_id(Prefix.TENANT, tenant_id)
    api.set_contract(id_, body.regime, body.reason, caller_of(request).actor)
    # A key of the operator may do this and may read no contact, so the answer opens none.
    return account_out(api.get_unopened_account(id_))
