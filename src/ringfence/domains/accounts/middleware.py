"""Notes in the request log what was asked by whom, once it is answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ringfence.domains.accounts.request_log import Record, request_log
from ringfence.domains.accounts.request_log import RequestLog as Log
from ringfence.kernel.ids import is_public_id
from ringfence.platform_django.addresses import client_address, truncated
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import asked_by

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_PARAMETER = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")


class RequestLog:
    """Only requests of somebody who is known are noted, and of what the client wrote nothing: the
    route stands for the path, and ids only where there was something at them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        log = request_log()
        if log is None:
            return self._get_response(request)
        begun = clock().monotonic()
        response = self._get_response(request)
        _note(log, request, response, clock().monotonic() - begun)
        return response


def _note(log: Log, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    who, match = asked_by(request), request.resolver_match
    if who is None or match is None:
        return
    served = response.status_code < 400
    log.add(
        Record(
            id=request.request_id,  # type: ignore[attr-defined]
            tenant_id=who.tenant_id,
            credential_id=who.credential_id,
            kind=who.kind,
            method=request.method if request.method in _METHODS else "OTHER",
            route="/" + _PARAMETER.sub(r"{\1}", match.route),
            objects=[text for text in match.kwargs.values() if is_public_id(text)]
            if served
            else [],
            status=response.status_code,
            duration_ms=round(seconds * 1000),
            error_code=getattr(response, "error_code", ""),
            network=truncated(client_address(request)),
        )
    )
