"""A session that a provider opened lasts while its word counts, and stays inside its tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ringfence.domains.identity.queries import seats_of
from ringfence.domains.identity.sso.contracts import (
    SSO_AT,
    SSO_CONNECTION,
    SSO_MFA,
    SSO_TENANT,
    VOUCHED,
    Vouched,
)
from ringfence.domains.identity.sso.page import refusal
from ringfence.domains.identity.sso.queries import Alive, alive

OF_THE_ACCOUNT = ("/accounts/", "/_allauth/")
"""Pages and endpoints that change how somebody signs in, everywhere."""
FOR_ALL = (
    "/accounts/logout/",
    "/accounts/oidc/",
    "/accounts/sso/",
    "/accounts/reauthenticate/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/2fa/webauthn/reauthenticate/",
)


class SsoSessions:
    """Ends a session once its connection is gone or off or its tenant is not served.

    While it lasts, it does not reach what belongs to the person and not to the tenant: a provider
    could else set a password, and come back as somebody in all their tenants.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and SSO_CONNECTION in request.session:
            found = alive(UUID(request.session[SSO_CONNECTION]))
            if found is None or found.tenant_id.hex != request.session.get(SSO_TENANT):
                logout(request)
            else:
                request.sso = found  # type: ignore[attr-defined]
                if _leaves_the_tenant(request, found):
                    return refusal(request, "account_is_local")
        return self._get_response(request)


def _leaves_the_tenant(request: HttpRequest, found: Alive) -> bool:
    user = request.user
    if not request.path.startswith(OF_THE_ACCOUNT) or request.path.startswith(FOR_ALL):
        return False
    if not user.is_authenticated:
        return False
    records = get_authentication_records(request, user)
    if any(record.get("method") != "socialaccount" for record in records):
        return False  # they proved here who they are
    elsewhere = any(seat.tenant_id != found.tenant_id for seat in seats_of(user.pk))
    return elsewhere or user.has_usable_password()


def remember_provider(sender: Any, request: HttpRequest, method: str, **more: Any) -> None:
    """Write into the session whose word it rests on, beside allauth's own record of that.

    A sign-in that was begun by a provider and abandoned leaves nothing to whoever comes next.
    """
    if method == "socialaccount":
        vouched: Vouched = getattr(request, VOUCHED)
        request.session[SSO_TENANT] = vouched.connection.tenant_id.hex
        request.session[SSO_CONNECTION] = vouched.connection.id.hex
        request.session[SSO_MFA] = vouched.mfa
        request.session[SSO_AT] = vouched.authenticated_at
        return
    records = get_authentication_records(request, more.get("user"))
    if not any(record.get("method") == "socialaccount" for record in records):
        for key in (SSO_TENANT, SSO_CONNECTION, SSO_MFA, SSO_AT):
            request.session.pop(key, None)


authentication_step_completed.connect(remember_provider, dispatch_uid="ringfence_sso")
