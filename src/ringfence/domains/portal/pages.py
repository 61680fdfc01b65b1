"""The portal's pages: for anybody, without script, without an account."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ringfence.domains.portal import api
from ringfence.domains.portal.contracts import (
    Busy,
    NoCalls,
    NoContact,
    NotProven,
    PortalInfo,
    PortalNotFound,
    VisitInfo,
    Wish,
)
from ringfence.domains.portal.rules.visit import State
from ringfence.domains.portal.words import (
    CHILD_WISHES,
    JURISDICTIONS,
    OPT_OUT_WISHES,
    WISHES,
    kind_words,
    shown_request,
)
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.api import is_open
from ringfence.domains.privacy.contracts import (
    AuthorityExpired,
    CannotAppeal,
    Jurisdiction,
    PackageGone,
    PackageNotReady,
    RightsInfo,
    RightsRequestNotFound,
    WrongRightsState,
)
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id, public_id
from ringfence.platform_django.addresses import client_address
from ringfence.platform_django.use import using

COOKIE = "ringfence_portal"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send `Origin: null` with forms
    "X-Robots-Tag": "noindex",
}
_ACTOR = "portal"
_STATEMENT = 2000
"""Letters of a correction, as the API takes them."""
View = Callable[..., HttpResponseBase]


def _page(view: View) -> View:
    """A view of one tenant's portal."""

    @wraps(view)
    def found(request: HttpRequest, slug: str, **parts: str) -> HttpResponseBase:
        try:
            answer = view(request, api.find_portal(slug), **parts)
        except NotProven:
            answer = HttpResponseRedirect(f"/privacy/{slug}/")
        except Unavailable:
            answer = render(request, "portal/away.html", status=503)
        except (PortalNotFound, RightsRequestNotFound, InvalidId):
            raise Http404 from None
        for name, value in _HEADERS.items():
            answer.headers[name] = value
        return answer

    return found


@require_http_methods(["GET", "HEAD", "POST"])
@_page
def start(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """Who are you, and what do you want?"""
    context: dict[str, Any] = {
        "wishes": WISHES, "opt_outs": OPT_OUT_WISHES, "children": CHILD_WISHES,
        "jurisdictions": JURISDICTIONS,
    }  # fmt: skip
    if request.method != "POST":
        return _render(request, portal, "start", context)
    context |= {"told": request.POST.get("contact", "")[:254]}
    try:
        wish = Wish(request.POST.get("wish", ""))
        jurisdiction = Jurisdiction(request.POST.get("jurisdiction", ""))
    except ValueError:
        return _render(request, portal, "start", context | {"problem": "choose"}, status=422)
    context |= {"wish": wish.value, "jurisdiction": jurisdiction.value}
    address = str(client_address(request) or "")
    told = context["told"]
    try:
        if wish.at_once:
            browser = api.ask_at_once(portal, told, wish, jurisdiction, address)
        else:
            browser = api.ask_code(portal, told, wish, jurisdiction, address).browser
    except (NoContact, NoCalls, Busy) as error:
        problem = {NoContact: "contact", NoCalls: "calls", Busy: "busy"}[type(error)]
        context["problem"] = problem
        return _render(request, portal, "start", context, status=error.http_status)
    page = ("reported" if wish is Wish.CHILD else "opted-out") if wish.at_once else "code"
    answer = HttpResponseRedirect(f"/privacy/{portal.slug}/{page}/", status=303)
    _set_cookie(answer, portal, browser)
    return answer


@require_GET
@_page
def opted_out(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """It holds."""
    return _at_once(request, portal, "opted_out", reported=False)


@require_GET
@_page
def reported(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """Nothing of the child is used any more."""
    return _at_once(request, portal, "reported", reported=True)


def _at_once(
    request: HttpRequest, portal: PortalInfo, name: str, *, reported: bool
) -> HttpResponseBase:
    visit = api.find_visit(portal, _browser(request))
    if (
        visit is None
        or visit.request_id is None
        or not visit.wish.at_once
        or (visit.wish is Wish.CHILD) != reported
    ):
        return HttpResponseRedirect(f"/privacy/{portal.slug}/", status=303)
    context = {
        "kind": kind_words(visit.wish),
        "id": public_id(Prefix.RIGHTS_REQUEST, visit.request_id),
    }
    return _render(request, portal, name, context)


@require_http_methods(["GET", "HEAD", "POST"])
@_page
def code(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """The code that came."""
    browser = _browser(request)
    if request.method == "POST":
        if api.prove(portal, browser, request.POST.get("code", "")[:32]):
            return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/", status=303)
        visit = api.find_visit(portal, browser)
        over = visit is None or visit.state is not State.ASKED
        problem = {"problem": "over" if over else "wrong"}
        return _render(request, portal, "code", problem | _way(visit), status=422)
    visit = api.find_visit(portal, browser)
    if visit is None or visit.state is State.ENDED:
        return HttpResponseRedirect(f"/privacy/{portal.slug}/", status=303)
    if visit.state is State.PROVEN:
        return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/", status=303)
    return _render(request, portal, "code", _way(visit))


@require_GET
@_page
def requests(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """How the person's requests are; first, whether a deletion is meant, and what is wrong."""
    visit = api.proven_visit(portal, _browser(request))
    if visit.wish is Wish.DELETION and visit.request_id is None:
        return _render(request, portal, "confirm", {})
    if visit.wish is Wish.CORRECTION and visit.request_id is None:
        return _render(request, portal, "correct", {})
    found = api.requests_of(visit)
    appealed = {one.appeal_of for one in found}
    shown = [
        shown_request(one, fetch=api.may_fetch(visit, one), appealed=one.id in appealed)
        | _agent(visit, one)
        for one in found
    ]
    context = {
        "requests": shown,
        "by_call": visit.by_call,
        "problem": request.GET.get("problem", ""),
    }
    return _render(request, portal, "requests", context)


@require_POST
@_page
def confirm(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """Yes, the deletion is meant."""
    api.confirm(portal, _browser(request))
    return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/", status=303)


@require_POST
@_page
def correct(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """What is wrong, and what is right."""
    told = request.POST.get("statement", "").strip()
    if not told or len(told) > _STATEMENT:
        api.proven_visit(portal, _browser(request))
        context = {"problem": "long" if told else "empty", "told": told}
        return _render(request, portal, "correct", context, status=422)
    api.correct(portal, _browser(request), told)
    return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/", status=303)


@require_POST
@_page
def appeal(request: HttpRequest, portal: PortalInfo, request_id: str) -> HttpResponseBase:
    """The person does not agree with a refusal."""
    try:
        api.appeal(portal, _browser(request), _id(request_id))
    except CannotAppeal:
        return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/?problem=appeal", status=303)
    return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/", status=303)


@require_POST
@_page
def permit(request: HttpRequest, portal: PortalInfo, request_id: str) -> HttpResponseBase:
    """Who asks for the person may."""
    return _said(portal, api.permit, _browser(request), request_id)


@require_POST
@_page
def forbid(request: HttpRequest, portal: PortalInfo, request_id: str) -> HttpResponseBase:
    """Nobody may ask this for the person."""
    return _said(portal, api.forbid, _browser(request), request_id)


@require_GET
@_page
def package(request: HttpRequest, portal: PortalInfo, request_id: str) -> HttpResponseBase:
    """The copy of what is held."""
    visit = api.proven_visit(portal, _browser(request))
    own = _own(visit, request_id)
    if not api.may_fetch(visit, own):
        raise Http404
    try:
        with using("service", _ACTOR):
            found = privacy.open_package(portal.tenant_id, own.id)
    except (PackageNotReady, PackageGone):
        return HttpResponseRedirect(f"/privacy/{portal.slug}/requests/?problem=package", status=303)
    answer = StreamingHttpResponse(found.body, content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{request_id}.zip"'
    answer.headers["Content-Length"] = str(found.length)
    return answer


@require_GET
@_page
def receipt(request: HttpRequest, portal: PortalInfo, request_id: str) -> HttpResponseBase:
    """What was done, signed."""
    own = _own(api.proven_visit(portal, _browser(request)), request_id)
    if own.receipt is None:
        raise Http404
    answer = HttpResponse(json.dumps(own.receipt, indent=2), content_type="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{request_id}.json"'
    return answer


@require_POST
@_page
def leave(request: HttpRequest, portal: PortalInfo) -> HttpResponseBase:
    """Somebody else uses this browser next."""
    api.leave(portal, _browser(request))
    answer = HttpResponseRedirect(f"/privacy/{portal.slug}/", status=303)
    answer.delete_cookie(COOKIE, path=f"/privacy/{portal.slug}/", samesite="Strict")
    return answer


def _agent(visit: VisitInfo, one: RightsInfo) -> dict[str, Any]:
    """Who asks for the person, where they have yet to say whether that is so."""
    waits = is_open(one.state) and privacy.needs_confirmation(one.authority)
    if not waits or visit.person is None or one.person != visit.person:
        return {}
    with using("service", _ACTOR):
        said = privacy.agent_and_statement(one.tenant_id, one.id)
    return {"agent": said.get("agent", "Somebody")}


def _said(
    portal: PortalInfo,
    say: Callable[[PortalInfo, bytes, UUID], RightsInfo],
    browser: bytes,
    request_id: str,
) -> HttpResponseBase:
    there = f"/privacy/{portal.slug}/requests/"
    try:
        say(portal, browser, _id(request_id))
    except (WrongRightsState, AuthorityExpired):
        return HttpResponseRedirect(f"{there}?problem=agent", status=303)
    return HttpResponseRedirect(there, status=303)


def _own(visit: VisitInfo, request_id: str) -> RightsInfo:
    return api.own_request(visit, _id(request_id))


def _id(text: str) -> UUID:
    return parse_public_id(Prefix.RIGHTS_REQUEST, text)


def _way(visit: VisitInfo | None) -> dict[str, Any]:
    return {"by_call": visit is not None and visit.by_call}


def _browser(request: HttpRequest) -> bytes:
    """The secret of the browser; of one without, what no row has."""
    try:
        return bytes.fromhex(request.COOKIES.get(COOKIE, ""))
    except ValueError:
        return b""


def _set_cookie(answer: HttpResponse, portal: PortalInfo, browser: bytes) -> None:
    answer.set_cookie(
        COOKIE,
        browser.hex(),
        max_age=3600,
        path=f"/privacy/{portal.slug}/",
        secure=urlsplit(settings.RINGFENCE.public_url).scheme == "https",
        httponly=True,
        samesite="Strict",
    )


def _render(
    request: HttpRequest, portal: PortalInfo, name: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {
        "portal": portal,
        "home": f"/privacy/{portal.slug}/",
        "signed_in": name in ("confirm", "correct", "requests"),
    }
    return render(request, f"portal/{name}.html", context, status=status)
