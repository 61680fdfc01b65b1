"""What every HTTP entrance shares: error bodies, the caller, its tenant's transaction, scopes."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Protocol, cast
from uuid import UUID

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.operation import Operation
from pydantic import BaseModel

from ringfence.kernel.errors import RingfenceError, Unauthorized, Unavailable
from ringfence.kernel.ids import is_public_id
from ringfence.platform_django.addresses import Network
from ringfence.platform_django.admission import Admission, InsufficientScope
from ringfence.platform_django.etag import etag_of, lock_address, unchanged
from ringfence.platform_django.idempotency import once
from ringfence.platform_django.keys import keys
from ringfence.platform_django.middleware import error_response, in_log
from ringfence.platform_django.tenancy import APP, across_tenants, tenant
from ringfence.platform_django.use import using

_log = logging.getLogger("ringfence.http")

View = Callable[..., Any]
TENANTS, OPERATORS, MANAGERS, ANYONE, PERSON = (
    "tenants", "operators", "managers", "anyone", "person",
)  # fmt: skip
"""Audiences of a route."""


class Problem(Schema):
    """The body of every error."""

    code: str
    message: str
    details: dict[str, Any]


class Caller(Protocol):
    """Who makes a request."""

    @property
    def tenant_id(self) -> UUID:
        """INSTALLATION for an operator."""
        ...

    @property
    def is_operator(self) -> bool: ...

    @property
    def credential_id(self) -> UUID:
        """Of the API key, OAuth client or user."""
        ...

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def purposes(self) -> tuple[str, ...]: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def networks(self) -> tuple[Network, ...]:
        """Where the credential may be used from; empty: anywhere."""
        ...

    @property
    def most_per_minute(self) -> int:
        """Requests that it may make, and give to another; 0: as many as its tenant."""
        ...

    @property
    def actor(self) -> str: ...

    def admit(self, admission: Admission) -> None:
        """Raises an error with status 403 unless the caller may do what a route does."""
        ...


class OperatorOnly(RingfenceError):
    """The route is the operator's; a tenant's credential does not open it."""

    code = "operator_only"
    http_status = 403


class TenantOnly(RingfenceError):
    """The route is a tenant's; an operator's credential acts for none."""

    code = "tenant_only"
    http_status = 403


class PurposeRefused(RingfenceError):
    """The credential was not granted the purpose that the request claims."""

    code = "purpose_refused"
    http_status = 403


PURPOSE_HEADER = "Ringfence-Purpose"
_PURPOSE = re.compile(r"[a-z_]{1,24}")
OPENS: dict[str, Any] = {
    "parameters": [
        {
            "name": PURPOSE_HEADER,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "What the personal data of the answer is opened for: one of the "
            "purposes that the API key was granted. Default: the key's first.",
        }
    ]
}
"""``openapi_extra`` of a route that opens personal data."""


def responses(model: Any, *statuses: int, success: int = 200) -> dict[int, Any]:
    """The response declaration of a route: its model, and error bodies of each status."""
    return {success: model} | dict.fromkeys((401, 403, *statuses, 503), Problem)


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Whose credential a request came with, whether or not it was served."""

    tenant_id: UUID
    """INSTALLATION: the operator's, or a person before they name a tenant."""
    credential_id: UUID
    kind: str
    """``key``, ``client`` or ``session``."""


def note_asked_by(request: HttpRequest, who: AskedBy) -> None:
    """For the request log: who asks."""
    request.asked_by = who  # type: ignore[attr-defined]


def asked_by(request: HttpRequest) -> AskedBy | None:
    """Who asks; None while nobody is known."""
    return getattr(request, "asked_by", None)


def caller_of(request: HttpRequest) -> Caller:
    """The authenticated caller of a request."""
    return cast(Caller, request.auth)  # type: ignore[attr-defined]


def manager_of(request: HttpRequest) -> UUID | None:
    """Of a route for managers: None for the operator, else the reseller's tenant."""
    caller = caller_of(request)
    return None if caller.is_operator else caller.tenant_id


def requires(scope: str, *, content: bool = False, export: bool = False) -> Callable[[View], View]:
    """The route needs a caller with this permission; enforced by ``as_caller``.

    ``content``: it opens what somebody said; ``export``: its answer is a copy to take away.
    """

    def mark(view: View) -> View:
        view.admission = Admission(scope, content, export)  # type: ignore[attr-defined]
        return view

    return mark


def operator_only(view: View) -> View:
    """The route is the operator's, and refuses tenants; ``as_caller`` enforces it.

    It runs in one transaction of the operator's role, which sees all tenants.
    """
    view.audience = OPERATORS  # type: ignore[attr-defined]
    return view


def managers_only(view: View) -> View:
    """The route is for the operator and for resellers; ``as_caller`` enforces it.

    It runs as the operator's role for the operator, and as the reseller's tenant for a reseller:
    row-level security shows a reseller the accounts below its own.
    """
    view.audience = MANAGERS  # type: ignore[attr-defined]
    return view


def anyone(view: View) -> View:
    """The route is for operators and for tenants, each about their own."""
    view.audience = ANYONE  # type: ignore[attr-defined]
    return view


def self_service(view: View) -> View:
    """The route is for whoever is signed in, about themselves, in no tenant's transaction."""
    view.audience = PERSON  # type: ignore[attr-defined]
    return view


class Person(Protocol):
    """Who is signed in."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def mfa(self) -> bool: ...

    @property
    def sso_tenant(self) -> UUID | None: ...


def person_of(request: HttpRequest) -> Person:
    """The signed-in person of a ``self_service`` route."""
    return cast(Person, request.auth)  # type: ignore[attr-defined]


def knows_operation(run: View) -> View:
    """Tell the request which operation serves it; wraps ``Operation.run``."""
    operation = run.__self__  # type: ignore[attr-defined]

    @wraps(run)
    def told(request: HttpRequest, **kwargs: Any) -> Any:
        request.operation = operation  # type: ignore[attr-defined]
        return run(request, **kwargs)

    return told


def as_caller(view: View) -> View:
    """Run a route that the caller was admitted to as one transaction of their tenant, for the
    purpose that the request claims. Reading one object tells its ETag; a POST with an
    ``Idempotency-Key`` is done once.

    A route that is open has no caller, hence no tenant, and sees no row. One that is not open and
    names no scope refuses everybody. Raises OperatorOnly, TenantOnly, PurposeRefused (403), and
    what the caller's ``admit`` raises.
    """

    @wraps(view)
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        caller: Caller | None = getattr(request, "auth", None)
        if caller is None or getattr(view, "audience", TENANTS) == PERSON:
            return view(request, *args, **kwargs)
        if not getattr(request, "admitted", False):
            admit(request, caller)
        with _use(request, caller, kwargs), _transaction(caller) as db:
            if request.method == "POST":
                return once(
                    request,
                    db=db,
                    tenant_id=None if caller.is_operator else caller.tenant_id,
                    api_key_id=caller.credential_id,
                    actor=caller.actor,
                    serve=lambda: rendered(request, view(request, *args, **kwargs)),
                )
            if request.method in _CHANGES:
                lock_address(db, caller.tenant_id, request.path)
            return _answer(request, view(request, *args, **kwargs))

    return bound


def admit(request: HttpRequest, caller: Caller) -> None:
    """Hold a route's marks against whoever calls it. Authentication does so before anything of the
    request is read, so that nobody learns what they may not ask.

    Raises OperatorOnly, TenantOnly (403), and what the caller's ``admit`` raises.
    """
    view = request.operation.view_func  # type: ignore[attr-defined]
    audience = getattr(view, "audience", TENANTS)
    if audience == OPERATORS and not caller.is_operator:
        raise OperatorOnly("this is the operator's")
    if audience == TENANTS and caller.is_operator:
        raise TenantOnly("this is a tenant's: say which, or use a key of one")
    caller.admit(getattr(view, "admission", Admission(None)))
    request.admitted = True  # type: ignore[attr-defined]


_CHANGES = ("PATCH", "PUT", "DELETE")


@contextmanager
def _transaction(caller: Caller) -> Iterator[str]:
    """The one transaction of a request; yields the alias of its connection."""
    if caller.is_operator:
        with across_tenants("operator request") as db:
            yield db
    else:
        with tenant(caller.tenant_id):
            yield APP


def _answer(request: HttpRequest, result: Any) -> Any:
    """The result of a route as a response with its ETag, where it is the object at this address."""
    operation: Operation = request.operation  # type: ignore[attr-defined]
    reads_one = request.method == "GET" and (operation.operation_id or "").startswith("get_")
    if not isinstance(result, BaseModel) or not (reads_one or request.method in ("PATCH", "PUT")):
        return result
    etag = etag_of(result)
    if reads_one and unchanged(request, etag):
        return HttpResponse(status=304, headers={"ETag": etag})
    response = rendered(request, result)
    response.headers["ETag"] = etag
    return response


def rendered(request: HttpRequest, result: Any) -> HttpResponse:
    """The response that a route's result becomes."""
    operation: Operation = request.operation  # type: ignore[attr-defined]
    empty = operation.api.create_temporal_response(request)
    return cast(HttpResponse, operation._result_to_response(request, result, empty))


def _use(
    request: HttpRequest, caller: Caller, named: Mapping[str, Any]
) -> AbstractContextManager[None]:
    """The purpose claimed: the header's, or the credential's first; none opens nothing."""
    purpose = request.headers.get(PURPOSE_HEADER) or next(iter(caller.purposes), None)
    if purpose is None:
        return nullcontext()
    if purpose not in caller.purposes:
        raise refused_purpose(caller, purpose, named)
    return using(purpose, caller.actor)


def refused_purpose(caller: Caller, purpose: str, named: Mapping[str, Any]) -> PurposeRefused:
    """The error of a claim that the credential was not granted, which is recorded as a use tried.

    ``named``: the parameters of the route; the ids among them are what the use was tried on. What
    is no word for a purpose is not repeated in the record.
    """
    keys().refused(
        caller.tenant_id,
        purpose if _PURPOSE.fullmatch(purpose) else "unknown",
        actor=caller.actor,
        objects=[text for text in named.values() if is_public_id(text)],
        outcome=PurposeRefused.code,
    )
    return PurposeRefused(
        "the API key was not granted this purpose", details={"granted": caller.purposes}
    )


_CHALLENGES = {
    Unauthorized.code: 'Bearer error="invalid_token"',
    InsufficientScope.code: 'Bearer error="insufficient_scope"',
}
"""RFC 6750 section 3.1."""


def handle_errors(api: NinjaAPI) -> None:
    """Turn every error of the API into a Problem; none repeats what the client sent."""

    def known(request: HttpRequest, error: Any) -> HttpResponse:
        response = error_response(error.http_status, error.code, error.message, error.details)
        if "retry_after_seconds" in error.details:
            response.headers["Retry-After"] = str(error.details["retry_after_seconds"])
        if "Authorization" in request.headers and error.code in _CHALLENGES:
            response.headers["WWW-Authenticate"] = _CHALLENGES[error.code]
        return response

    def unauthorized(request: HttpRequest, error: Any) -> HttpResponse:
        response = error_response(401, "unauthorized", "A valid API key is required.")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def invalid(request: HttpRequest, error: Any) -> HttpResponse:
        problems = [
            {"in": ".".join(str(part) for part in item["loc"]), "problem": item["type"]}
            for item in error.errors
        ]
        return error_response(
            422, "invalid_input", "The request cannot be accepted.", {"problems": problems}
        )

    def refused(request: HttpRequest, error: Any) -> HttpResponse:
        if isinstance(error.__cause__, RingfenceError):  # of the parser
            return known(request, error.__cause__)
        return error_response(error.status_code, "bad_request", "The request is malformed.")

    def malformed(request: HttpRequest, error: Any) -> HttpResponse:
        return error_response(400, "bad_request", "The request is malformed.")

    def too_large(request: HttpRequest, error: Any) -> HttpResponse:
        return error_response(413, "too_large", "The request is too large.")

    def absent(request: HttpRequest, error: Any) -> HttpResponse:
        return error_response(404, "not_found", "There is nothing at this address.")

    def database_down(request: HttpRequest, error: Any) -> HttpResponse:
        _log.warning("database not reachable", exc_info=error, extra=in_log(request))
        return error_response(503, Unavailable.code, "The database is not reachable now.")

    def unexpected(request: HttpRequest, error: Any) -> HttpResponse:
        _log.error("request failed", exc_info=error, extra=in_log(request))
        return error_response(500, "internal_error", "The request failed.")

    api.add_exception_handler(Exception, unexpected)
    api.add_exception_handler(OperationalError, database_down)
    api.add_exception_handler(InterfaceError, database_down)
    api.add_exception_handler(Http404, absent)
    api.add_exception_handler(HttpError, refused)
    api.add_exception_handler(MultiPartParserError, malformed)
    api.add_exception_handler(SuspiciousOperation, malformed)
    api.add_exception_handler(UnreadablePostError, malformed)
    api.add_exception_handler(RequestDataTooBig, too_large)
    api.add_exception_handler(ValidationError, invalid)
    api.add_exception_handler(AuthenticationError, unauthorized)
    api.add_exception_handler(RingfenceError, known)
