"""Headers and error bodies that every response carries."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase

from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id

_log = logging.getLogger("ringfence.http")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " frame-ancestors 'none'"
)
"""Of a page that set none, such as one that refuses: what is ours, and nothing else."""


REFUSALS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)
"""What Django itself answers."""

REQUEST_ID = "Request-Id"


class RequestIds:
    """Names each request, in the answer, the request log and the log of errors. What a client sends
    under this name is not read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = new_id()  # type: ignore[attr-defined]
        response = self._get_response(request)
        response.headers[REQUEST_ID] = request_name(request)
        return response


def request_name(request: HttpRequest) -> str:
    """The public id of a request; empty where it did not come in through the middleware."""
    found = getattr(request, "request_id", None)
    return "" if found is None else public_id(Prefix.REQUEST, found)


def in_log(request: HttpRequest) -> dict[str, dict[str, str]]:
    """``extra`` of a log record about a request."""
    return {"kv": {"request": request_name(request)}}


class SecurityHeaders:
    """Adds the headers unless a view set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def error_response(
    status: int, code: str, message: str, details: dict[str, object] | None = None
) -> JsonResponse:
    """The one shape of an error body."""
    body = {"code": code, "message": message, "details": details or {}}
    response = JsonResponse(body, status=status)
    response.error_code = code  # type: ignore[attr-defined]
    return response


class JsonErrors:
    """Gives Django's own refusals (unknown path, method, malformed host) the API's error body."""

    _CODES: ClassVar = {
        400: ("bad_request", "The request is malformed."),
        403: ("forbidden", "The request is refused."),
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not serve this method."),
        413: ("too_large", "The request is too large."),
        500: ("internal_error", "The request failed; it may be tried again."),
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        known = self._CODES.get(response.status_code)
        if _is_page(request):
            return response
        if known is None or response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        replacement: HttpResponse = error_response(response.status_code, *known)
        if "Allow" in response.headers:
            replacement.headers["Allow"] = response.headers["Allow"]
        return replacement

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A failure outside the API's own error handling."""
        if isinstance(error, REFUSALS):
            return None
        _log.error("request failed", exc_info=error, extra=in_log(request))
        return error_response(500, *self._CODES[500])


def _is_page(request: HttpRequest) -> bool:
    """People's browsers get pages, programs the API's body."""
    path = request.path_info
    return path.startswith("/accounts/") or (
        not path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
    )
