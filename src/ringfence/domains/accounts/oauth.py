"""The authorization server: access tokens by the client credentials grant (RFC 6749 section 4.4),
their revocation (RFC 7009), and what clients may read about both (RFC 8414)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7009 import RevocationEndpoint
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from ringfence.domains.accounts.contracts import (
    ALL_SCOPES,
    AddressRefused,
    Principal,
    TenantSuspended,
)
from ringfence.domains.accounts.credentials import find_client, use_credential
from ringfence.domains.accounts.usecases import tokens
from ringfence.kernel.errors import Unauthorized
from ringfence.platform_django.addresses import client_address
from ringfence.platform_django.http import AskedBy, note_asked_by
from ringfence.platform_django.middleware import in_log
from ringfence.platform_django.ratelimit import (
    RateLimited,
    count_failure,
    count_of_tenant,
    count_request,
)

GRANT_TYPE = "client_credentials"
METHODS = ["client_secret_basic", "client_secret_post"]
_log = logging.getLogger("ringfence.http")


class _Asked(OAuth2Request):  # type: ignore[misc]
    """What Authlib sees of a request: its form, and no query, where a secret would be logged by
    every proxy. Whether it came over TLS is the proxy's to know, as for the rest of the API."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("POST", "https://localhost/", headers=request.headers)
        self.http = request
        self.payload = BasicOAuth2Payload(request.POST.dict())

    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data)


class _Client:
    """An OAuth client, as Authlib wants one."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT_TYPE

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """All scopes of the client, or those that are asked for; None when it lacks one."""
        asked = set((scope or "").split()) or self.principal.scopes
        return " ".join(sorted(asked)) if asked <= self.principal.scopes else None


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Token:
        return _Token(token_string)

    def revoke_token(self, token: _Token, request: _Asked) -> None:
        tokens.revoke_token(request.client.principal, token.text)


class _Token:
    """Of whom a token is, only its removal finds out; another client's is left alone, and the
    answer is the same."""

    def __init__(self, text: str) -> None:
        self.text = text

    def check_client(self, client: _Client) -> bool:
        return True


class _Server(AuthorizationServer):  # type: ignore[misc]
    def authenticate_client(
        self, request: _Asked, methods: list[str], endpoint: str = "token"
    ) -> _Client:
        """The client whose secret came, by one of the two ways. Unknown, revoked and expired
        clients are refused as a wrong secret is."""
        client_id, secret = _credentials(request)
        http = request.http
        try:
            found = find_client(client_id, secret)
        except Unauthorized:
            count_failure(http)
            raise InvalidClientError(
                status_code=401, description="The client is not known by this secret."
            ) from None
        principal = found.principal
        note_asked_by(http, AskedBy(principal.tenant_id, principal.credential_id, "client"))
        try:
            use_credential(found, client_address(http))
        except AddressRefused:
            count_failure(http)
            raise UnauthorizedClientError(AddressRefused.code) from None
        except TenantSuspended:
            raise UnauthorizedClientError(TenantSuspended.code) from None
        count_request(http, principal.credential_id, principal.requests_per_minute)
        count_of_tenant(
            http,
            principal.tenant_id,
            principal.tenant_requests_per_minute,
            principal.credential_id,
        )
        return _Client(principal)

    def generate_token(
        self, grant_type: str, client: _Client, scope: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Issue a token, and keep its hash."""
        allowed = client.get_allowed_scope(scope)
        if allowed is None:
            raise InvalidScopeError()
        issued = tokens.issue_token(client.principal, allowed.split())
        return {
            "token_type": "Bearer",
            "access_token": issued.token,
            "expires_in": issued.seconds,
            "scope": " ".join(issued.scopes),
        }

    def save_token(self, token: dict[str, Any], request: _Asked) -> None:
        """It was kept when it was made."""

    def create_oauth2_request(self, request: HttpRequest) -> _Asked:
        return _Asked(request)

    def handle_response(
        self, status: int, body: Any, headers: list[tuple[str, str]]
    ) -> HttpResponse:
        response = JsonResponse(body, status=status)
        for name, value in headers:
            response.headers[name] = value
        if status >= 400:
            response.error_code = body["error"]  # type: ignore[attr-defined]
        return response

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _credentials(request: _Asked) -> tuple[str, str]:
    form = request.form
    if "Authorization" in request.headers:
        if "client_secret" in form:
            raise InvalidRequestError("The client authenticates in one way.")
        try:
            client_id, secret = extract_basic_authorization(request.headers)
        except ValueError:  # no UTF-8
            client_id, secret = None, None
        if form.get("client_id", client_id) != client_id:
            raise InvalidRequestError("The client is named twice, and differently.")
        return client_id or "", secret or ""
    return form.get("client_id", ""), form.get("client_secret", "")


_server = _Server()
_server.register_grant(_Grant)
_server.register_endpoint(_Revocation)


class _View(Protocol):
    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def _endpoint(serve: Callable[[HttpRequest], HttpResponse]) -> _View:
    """A POST of a form; a refusal is as RFC 6749 section 5.2 says and repeats nothing that came."""

    @csrf_exempt  # there is no cookie that would speak for anybody
    @require_POST
    @wraps(serve)
    def served(request: HttpRequest) -> HttpResponse:
        try:
            return serve(request)
        except RateLimited as error:
            response = _refusal("rate_limited", "Too many requests.", 429)
            response.headers["Retry-After"] = str(error.details["retry_after_seconds"])
        except (OperationalError, InterfaceError) as error:
            _log.warning("database not reachable", exc_info=error, extra=in_log(request))
            response = _refusal("temporarily_unavailable", "Try again later.", 503)
        except OAuth2Error as error:
            response = _server.handle_response(*error())
        return response

    return served


def _refusal(code: str, text: str, status: int) -> HttpResponse:
    body = {"error": code, "error_description": text}
    return _server.handle_response(status, body, [])


def _check_form(request: HttpRequest) -> None:
    if request.content_type != "application/x-www-form-urlencoded":
        raise InvalidRequestError("The body is application/x-www-form-urlencoded.")
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError("Parameters are in the body.")
    if any(len(values) > 1 for _, values in request.POST.lists()):
        raise InvalidRequestError("A parameter is there twice.")


@_endpoint
def token(request: HttpRequest) -> HttpResponse:
    """``POST /oauth/token``: an access token for ``grant_type=client_credentials``."""
    _check_form(request)
    if "grant_type" not in request.POST:
        raise InvalidRequestError("grant_type is missing.")
    if request.POST["grant_type"] != GRANT_TYPE:
        raise UnsupportedGrantTypeError("")
    response: HttpResponse = _server.create_token_response(request)
    return response


@_endpoint
def revoke_token(request: HttpRequest) -> HttpResponse:
    """``POST /oauth/revoke``: end an access token of the client that asks."""
    _check_form(request)
    response: HttpResponse = _server.create_endpoint_response(_Revocation.ENDPOINT_NAME, request)
    return response


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """``GET /.well-known/oauth-authorization-server``."""
    issuer = settings.RINGFENCE.public_url
    return JsonResponse(
        {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "grant_types_supported": [GRANT_TYPE],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_methods_supported": METHODS,
            "scopes_supported": list(ALL_SCOPES),
        }
    )
