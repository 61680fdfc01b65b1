"""Around the requests of the hosted pages and of allauth's headless endpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from allauth.usersessions.internal.usersessionkit import track_activity
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ringfence.domains.identity.sign_in.devices import set_cookie
from ringfence.kernel.errors import Unavailable
from ringfence.platform_django.clock import clock
from ringfence.platform_django.middleware import REFUSALS, error_response
from ringfence.platform_django.tenancy import IDENTITY

PAGES = "/accounts/"
HEADLESS = "/_allauth/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action {}; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_TO_PROVIDERS = ("/accounts/sso/", "/accounts/oidc/")
"""Their forms lead on to a company's identity provider, whose address the page does not know;
browsers hold the policy of a form against each redirect that follows."""
PAGE_HEADERS = {
    # With no-referrer browsers send `Origin: null` with our own forms, which proves nothing.
    "Referrer-Policy": "same-origin",
}
_SEEN_EACH = 60
_SEEN_AT = "ringfence_seen_at"
_log = logging.getLogger("ringfence.sign_in")

Next = Callable[[HttpRequest], HttpResponseBase]


class SignInRequests:
    """One transaction of the role ``identity`` for each request; nothing of it stays when the
    answer is an error of ours. The request is as if it came to the public address: links in mails
    and passkeys never follow a host name that a client sent."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith((PAGES, HEADLESS)):
            return self._get_response(request)
        public = urlsplit(settings.RINGFENCE.public_url)
        if public.hostname == "localhost" and _is_loopback_ip(request) and request.method == "GET":
            return HttpResponseRedirect(settings.RINGFENCE.public_url + request.get_full_path())
        request.META["HTTP_HOST"] = public.netloc
        request.META["wsgi.url_scheme"] = public.scheme
        with transaction.atomic(using=IDENTITY):
            response = self._get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True, using=IDENTITY)
        set_cookie(request, response)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            targets = "'self'"
            if request.path_info.startswith(_TO_PROVIDERS):
                targets += " https:" if public.scheme == "https" else " https: http:"
            response.headers.setdefault("Content-Security-Policy", _POLICY.format(targets))
            for name, value in PAGE_HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A failure in a view: a page where people look, and the usual body elsewhere."""
        if not isinstance(error, REFUSALS) and request.path_info.startswith((PAGES, HEADLESS)):
            away = isinstance(error, Unavailable)
            if not away:
                _log.error("request failed", exc_info=error)
            status = 503 if away else 500
            if request.path_info.startswith(PAGES):
                return render(request, "500.html", status=status)
            code = "unavailable" if away else "internal_error"
            return error_response(status, code, "The request failed; it may be tried again.")
        return None


def _is_loopback_ip(request: HttpRequest) -> bool:
    host: str = request.META.get("HTTP_HOST", "")
    return host.startswith(("127.0.0.1:", "[::1]:"))


class ActiveSessions:
    """Notes about once a minute when and where from a session was last used, and ends one that
    nobody used for ``accounts.idle_minutes``."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            try:
                self._note(request)
            except (DatabaseError, PermissionDenied) as error:  # the latter: no known address
                _log.warning("use of a session not noted", exc_info=error)
        return self._get_response(request)

    def _note(self, request: HttpRequest) -> None:
        now = int(clock().now().timestamp())
        unused = now - request.session.get(_SEEN_AT, now)
        if unused > settings.RINGFENCE.accounts.idle_minutes * 60:
            logout(request)
        if request.user.is_authenticated and now - request.session.get(_SEEN_AT, 0) >= _SEEN_EACH:
            track_activity(request, user=request.user, session=request.session)
            request.session[_SEEN_AT] = now
