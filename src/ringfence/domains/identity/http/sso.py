"""A tenant's own identity provider."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from ringfence.domains.identity import api
from ringfence.domains.identity.sso.schemas import (
    DomainConfirmation,
    DomainIn,
    DomainOut,
    SsoIn,
    SsoOut,
    domain_out,
    new_sso,
    sso_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.http import caller_of, operator_only, requires, responses

router = Router()


@router.get("/tenant/sso", response=responses(SsoOut, 404), operation_id="get_sso", tags=["sso"])
@requires("settings:read")
def get_sso(request: HttpRequest) -> SsoOut:
    """The identity provider that the tenant's people sign in with. Its secret is never shown."""
    return sso_out(api.get_sso(caller_of(request).tenant_id))


@router.put(
    "/tenant/sso", response=responses(SsoOut, 409, 422), operation_id="put_sso", tags=["sso"]
)
@requires("settings:write")
def put_sso(request: HttpRequest, new: SsoIn) -> SsoOut:
    """Put an OpenID Connect provider in force, from the next sign-in on."""
    return sso_out(api.put_sso(caller_of(request), new_sso(new)))


@router.delete(
    "/tenant/sso",
    response=responses(None, 404, success=204),
    operation_id="delete_sso",
    tags=["sso"],
)
@requires("settings:write")
def delete_sso(request: HttpRequest) -> Status[None]:
    """Trust the provider no more: sessions that it opened end at their next request."""
    api.delete_sso(caller_of(request))
    return Status(204, None)


@router.post(
    "/tenant/sso/verify",
    response=responses(DomainOut, 404, 409, 422),
    operation_id="verify_sso_domain",
    tags=["sso"],
)
@requires("settings:write")
def verify_sso_domain(request: HttpRequest, given: DomainIn) -> DomainOut:
    """Look whether the domain's TXT record proves that it is the tenant's."""
    return domain_out(api.verify_domain(caller_of(request).tenant_id, given.domain))


@router.post(
    "/tenants/{tenant_id}/sso/domains",
    response=responses(DomainOut, 404, 409, 422),
    operation_id="confirm_sso_domain",
    tags=["sso"],
)
@operator_only
@requires("tenants:write")
def confirm_sso_domain(
    request: HttpRequest, tenant_id: str, given: DomainConfirmation
) -> DomainOut:
    """Vouch that a domain is a tenant's, as the operator knows by other means, or not any more."""
    made = api.confirm_domain(
        parse_public_id(Prefix.TENANT, tenant_id),
        given.domain,
        verified=given.verified,
        actor=caller_of(request).actor,
    )
    return domain_out(made)
