"""Preferences of visitors of hosted pages, and the answer to Global Privacy Control.

Works without script. Nothing is set before a visitor chooses; what is set then is the choice.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.domains.consent.inventory import CHOICES_COOKIE, CHOICES_DAYS, inventory
from ringfence.domains.consent.rules.cookies import Category, Decided, decide, read, spelled
from ringfence.domains.policy.api import current_version
from ringfence.platform_django.clock import clock
from ringfence.policies.profiles import NAMES, Profile, load_profile

PATH = "/policy/preferences/"
_SIGNAL_SINCE = "2026-11-30"
"""Since when the signal is honoured (Global Privacy Control, section 3.2)."""
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_SAYS = {
    Category.FUNCTIONAL: ("Preferences", "They remember how you like our pages."),
    Category.ANALYTICS: ("Analytics", "They count which pages are read."),
    Category.ADS: ("Advertising", "They tell which advertisement brought you here."),
}


def signals(request: HttpRequest) -> bool:
    """Whether the browser sends Global Privacy Control: the header is ``1`` and nothing else."""
    return request.headers.get("Sec-GPC") == "1"


def choices_of(request: HttpRequest) -> tuple[Decided, ...]:
    """What a visitor allows, category by category; ask before anything optional is done."""
    chosen = read(request.COOKIES.get(CHOICES_COOKIE, ""))
    return decide(_profile(), chosen, signal=signals(request))


def banner_of(request: HttpRequest) -> bool:
    """Whether to ask: the profile promises it, there is a choice, and none was made."""
    if not _profile().cookies.banner or CHOICES_COOKIE in request.COOKIES:
        return False
    return any(one.open for one in choices_of(request))


@csrf_exempt  # its token would be a cookie that nobody agreed to: the origin is looked at instead
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What is used, what the visitor chose, and how to choose otherwise."""
    if request.method == "POST":
        return _chosen(request)
    decided = choices_of(request)
    kept = CHOICES_COOKIE in request.COOKIES
    context: dict[str, Any] = {
        "page": "preferences",
        "signal": signals(request),
        "decided": [
            {"name": one.category.value, "title": _SAYS[one.category][0],
             "says": _SAYS[one.category][1], "on": one.on, "why": one.why.value, "open": one.open}
            for one in decided
        ],
        "choice": any(one.open for one in decided),
        "kept": kept,
        "lost": "saved" in request.GET and not kept,
        "saved": "saved" in request.GET and kept,
        "inventory": inventory(),
    }  # fmt: skip
    answer = render(request, "consent/preferences.html", context)
    answer.headers["Content-Security-Policy"] = _CSP
    patch_vary_headers(answer, ["Cookie", "Sec-GPC"])
    return answer


@require_safe
def gpc(request: HttpRequest) -> HttpResponse:
    """That this site honours the signal."""
    return JsonResponse({"gpc": True, "lastUpdate": _SIGNAL_SINCE})


def _chosen(request: HttpRequest) -> HttpResponse:
    if not _own(request):
        return HttpResponseForbidden("Choose on our own page, please.", content_type="text/plain")
    every = request.POST.get("every")
    wanted = {
        one.category: every == "accept"
        or (every is None and request.POST.get(one.category) == "on")
        for one in choices_of(request)
        if one.open
    }
    answer = HttpResponse(status=303, headers={"Location": f"{PATH}?saved=1"})
    if wanted:
        answer.set_cookie(
            CHOICES_COOKIE,
            spelled(wanted),
            max_age=CHOICES_DAYS * 86_400,
            path="/policy/",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return answer


def _own(request: HttpRequest) -> bool:
    """Whether a form came from our own page, as far as the browser says."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.get_host()


def _profile() -> Profile:
    """Of the version in force; the strictest while there is none."""
    found = current_version(clock().now())
    return load_profile(found.profile) if found and found.profile in NAMES else load_profile()
