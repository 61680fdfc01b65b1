"""Who makes a request of the REST API: a key, or somebody who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.security.apikey import APIKeyCookie
from ninja.utils import check_csrf

from ringfence.domains.accounts.api import (
    find_credential,
    find_token,
    tenant_requests_per_minute,
    use_credential,
)
from ringfence.domains.accounts.contracts import AddressRefused, Principal
from ringfence.domains.identity.api import principal_of
from ringfence.domains.identity.contracts import Session, UserPrincipal
from ringfence.domains.identity.sign_in.session import session_of, signed_in_maker
from ringfence.kernel.errors import RingfenceError, Unauthorized
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.tickets import Maker
from ringfence.platform_django.addresses import client_address
from ringfence.platform_django.http import AskedBy, Caller, admit, note_asked_by
from ringfence.platform_django.live import note_access
from ringfence.platform_django.ratelimit import count_failure, count_of_tenant, count_request

TENANT_HEADER = "Ringfence-Tenant"


class CsrfFailed(RingfenceError):
    """A request with a session's cookie that changes something proves that it comes from our own
    pages."""

    code = "csrf_failed"
    http_status = 403


class ApiKeyBearer(HttpBearer):
    """``Authorization: Bearer rfk_…`` of an API key, ``rft_…`` of an OAuth client."""

    def __call__(self, request: HttpRequest) -> Any:
        """Who asks, or None. Counts the request. Raises Unauthorized, AddressRefused,
        TenantSuspended, RateLimited."""
        if "Authorization" not in request.headers and _has_session(request):
            return None
        try:
            principal = super().__call__(request)
        except (Unauthorized, AddressRefused):
            count_failure(request)
            raise
        if principal is None:
            count_failure(request)
        return principal

    def authenticate(self, request: HttpRequest, token: str) -> Principal:
        found = find_credential(token)
        note_asked_by(request, asker(found.principal, found.principal.kind))
        principal = use_credential(found, client_address(request))
        count_request(request, principal.credential_id, principal.requests_per_minute)
        if not principal.is_operator:
            limit = principal.tenant_requests_per_minute
            count_of_tenant(request, principal.tenant_id, limit, principal.credential_id)
        admit(request, principal)
        note_access(request, _ByToken(request, token, principal))
        return principal


@dataclass(frozen=True, slots=True)
class _ByToken:
    """A key or a client's token, to be asked again."""

    request: HttpRequest
    token: str
    principal: Principal

    def maker(self) -> Maker:
        of = self.principal
        if of.kind == "key":
            return Maker("key", of.credential_id)
        return Maker("client", of.credential_id, find_token(of.tenant_id, self.token))

    def caller(self) -> Principal:
        return use_credential(find_credential(self.token), client_address(self.request))


@dataclass(frozen=True, slots=True)
class _BySession:
    """A session in a tenant, to be asked again."""

    request: HttpRequest
    session: Session
    wanted: UUID
    grant_id: UUID | None

    def maker(self) -> Maker:
        return signed_in_maker(self.request, self.session, self.grant_id)

    def caller(self) -> UserPrincipal:
        return principal_of(self.session, self.wanted)


def asker(caller: Caller, kind: str) -> AskedBy:
    """Who asks, for the request log."""
    return AskedBy(caller.tenant_id, caller.credential_id, kind)


class SessionPerson(APIKeyCookie):
    """The session cookie of somebody who signed in, with ``X-CSRFToken`` where something is
    changed."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any:
        """The person, or what they act as; None without a session. Counts the request."""
        if "Authorization" in request.headers or not _has_session(request):
            return None
        session = session_of(request)
        if session is None:
            count_failure(request)
            return None
        note_asked_by(request, AskedBy(INSTALLATION, session.user_id, "session"))
        if check_csrf(request):
            raise CsrfFailed("the request does not come from our own pages")
        count_request(request, session.user_id)
        return self.found(request, session)

    def found(self, request: HttpRequest, session: Session) -> Any:
        return session

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        raise AssertionError  # __call__ decides


class SessionCookie(SessionPerson):
    """A session that acts in a tenant: the one that ``Ringfence-Tenant`` names, or the only one
    that the person is a member of."""

    def found(self, request: HttpRequest, session: Session) -> UserPrincipal:
        """Raises InvalidId and what ``principal_of`` raises."""
        named = request.headers.get(TENANT_HEADER)
        wanted = None if named is None else parse_public_id(Prefix.TENANT, named)
        principal = principal_of(session, wanted)
        note_asked_by(request, asker(principal, "session"))
        if not principal.is_operator:
            limit = tenant_requests_per_minute(principal.tenant_id)
            count_of_tenant(request, principal.tenant_id, limit, session.user_id)
        admit(request, principal)
        note_access(request, _BySession(request, session, principal.tenant_id, principal.grant_id))
        return principal


def _has_session(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES
