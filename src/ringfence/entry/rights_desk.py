"""The privacy officer's desk: the requests of a tenant's data subjects, by the end of their time.

For whoever is signed in and may work them in the tenant, the operator's privacy officer under a
grant among them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from ringfence.domains.identity.api import memberships_of, principal_of
from ringfence.domains.identity.contracts import TenantRequired, UserPrincipal
from ringfence.domains.identity.sign_in.session import session_of
from ringfence.domains.privacy import api
from ringfence.domains.privacy.contracts import ParentEvidence, RightsInfo
from ringfence.domains.privacy.rights_vocabulary import (
    ExtensionReason,
    Method,
    Refusal,
    RightsKind,
    RightsState,
)
from ringfence.kernel.errors import NotFound, RingfenceError
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id, public_id
from ringfence.platform_django.admission import Admission, MfaRequired, StepUpRequired
from ringfence.platform_django.use import using

_RIGHTS, _ERASE = "privacy:rights", "privacy:erase"
_SAY = (RightsKind.CORRECTION, RightsKind.APPEAL)
Desk = Callable[..., HttpResponse]


def for_officers(view: Desk) -> Desk:
    """A view for whoever may work requests in the tenant that the address names, or in their only
    one."""

    @wraps(view)
    def admitted(request: HttpRequest, **parts: str) -> HttpResponse:
        session = session_of(request)
        if session is None:
            return HttpResponseRedirect(reverse("account_login"))
        named = request.GET.get("tenant", "")
        try:
            wanted = parse_public_id(Prefix.TENANT, named) if named else None
            principal = principal_of(session, wanted)
            principal.admit(Admission(_RIGHTS))
        except StepUpRequired:
            return first(reverse("account_reauthenticate"), request)
        except MfaRequired:
            return first(reverse("account_secure"), request)
        except TenantRequired:
            context = {"memberships": memberships_of(session.user_id)}
            return render(request, "portal/desk_choose.html", context)
        except InvalidId:
            raise Http404 from None
        except RingfenceError:
            return render(request, "403.html", status=403)
        try:
            with using("service", principal.actor):
                return view(request, principal, **parts)
        except (NotFound, InvalidId):
            raise Http404 from None

    return admitted


@require_GET
@login_required
@for_officers
def desk(request: HttpRequest, principal: UserPrincipal) -> HttpResponse:
    """What is open, by the end of its time, and what was finished last."""
    tenant_id = principal.tenant_id
    finished = [
        one
        for one in api.list_rights_requests(tenant_id, limit=50).requests
        if one.state in (RightsState.DONE, RightsState.REFUSED)
    ]
    context = {
        "open": [_shown(one) for one in api.open_requests(tenant_id)],
        "finished": [_shown(one) for one in finished[:20]],
    }
    return show(request, principal, "desk", context)


@require_GET
@login_required
@for_officers
def detail(request: HttpRequest, principal: UserPrincipal, request_id: str) -> HttpResponse:
    """One request, and what may be done with it."""
    info = api.get_rights_request(principal.tenant_id, _id(request_id))
    open_ = info.state in (RightsState.RECEIVED, RightsState.VERIFIED)
    child = info.kind is RightsKind.CHILD
    context = {
        "one": _shown(info),
        "methods": [] if info.state is not RightsState.RECEIVED else _methods(info),
        "refusals": list(Refusal) if open_ and not child else [],
        "extensions": list(ExtensionReason)
        if open_ and info.extended_until is None and not (child or info.kind is RightsKind.APPEAL)
        else [],
        "child": child,
        "lifts": child and info.state is RightsState.RECEIVED,
        "decide": _decides(info),
        "appeals": info.kind is RightsKind.APPEAL,
        "awaits": api.needs_confirmation(info.authority),
        "said": api.agent_and_statement(principal.tenant_id, info.id)
        if info.authority or info.lifted_at or info.kind in _SAY
        else {},
        "all_refusals": list(Refusal),
        "erases": api.erases(info.kind),
        "receipt": info.receipt,
    }
    return show(request, principal, "desk_request", context)


@require_POST
@login_required
@for_officers
def act(
    request: HttpRequest, principal: UserPrincipal, request_id: str, action: str
) -> HttpResponse:
    """Verify, extend, refuse, lift a report, or decide an appeal or a correction."""
    id_, tenant_id, actor = _id(request_id), principal.tenant_id, principal.actor
    said = request.POST.get("reason", "")
    try:
        match action:
            case "verify":
                _may_erase(principal, api.get_rights_request(tenant_id, id_))
                api.verify_request(tenant_id, id_, Method(said), actor=actor)
            case "extend":
                api.extend_request(tenant_id, id_, ExtensionReason(said))
            case "refuse":
                api.refuse_request(tenant_id, id_, Refusal(said), actor=actor)
            case "lift":
                api.lift_report(tenant_id, id_, _evidence(request.POST), actor=actor)
            case "grant":
                _decide(principal, id_, None)
            case "reject":
                _decide(principal, id_, Refusal(said))
            case _:
                raise Http404
        messages.success(request, "Done.")
    except ValueError:
        messages.error(request, "Please choose.")
    except StepUpRequired:
        return first(reverse("account_reauthenticate"), request)
    except NotFound:
        raise
    except RingfenceError as error:
        messages.error(request, f"It was not done: {error.message}.")
    return HttpResponseRedirect(address(principal, f"{request_id}/"))


def _decide(principal: UserPrincipal, id_: UUID, refusal: Refusal | None) -> None:
    tenant_id, actor = principal.tenant_id, principal.actor
    found = api.get_rights_request(tenant_id, id_)
    if found.kind is RightsKind.CORRECTION:
        api.decide_correction(tenant_id, id_, refusal, actor=actor)
        return
    if refusal is None and found.appeal_of is not None:
        _may_erase(principal, api.get_rights_request(tenant_id, found.appeal_of))
    api.decide_appeal(tenant_id, id_, refusal, actor=actor)


def _may_erase(principal: UserPrincipal, found: RightsInfo) -> None:
    if api.erases(found.kind):
        admit_to_erase(principal)


def admit_to_erase(principal: UserPrincipal) -> None:
    """Raises what a lack of permission or of a fresh sign-in raises."""
    principal.admit(Admission(_ERASE))


def _evidence(told: QueryDict) -> ParentEvidence:
    return ParentEvidence(
        told.get("parent", "").strip()[:200],
        told.get("document", "").strip().lower()[:64],
        told.get("note", "").strip()[:500],
    )


def _methods(info: RightsInfo) -> list[Method]:
    by_agent = info.authority is not None
    found = [one for one in Method if api.may_verify_by(one, info.kind, by_agent=by_agent)]
    own = not by_agent and info.kind is not RightsKind.APPEAL
    return [one for one in found if not (own and one is Method.AUTHORITY)]


def _decides(info: RightsInfo) -> bool:
    running = info.state is RightsState.RUNNING and info.decided_by is None
    return running and api.is_decided(info.kind)


def _shown(info: RightsInfo) -> dict[str, Any]:
    return {
        "id": public_id(Prefix.RIGHTS_REQUEST, info.id),
        "info": info,
        "end": info.extended_until or info.due_at,
        "person": "nobody" if info.person is None else public_id(Prefix.PERSON, info.person),
        "kind": info.kind.replace("_", " "),
        "authority": "" if info.authority is None else info.authority.kind.replace("_", " "),
        "appeal_of": None
        if info.appeal_of is None
        else public_id(Prefix.RIGHTS_REQUEST, info.appeal_of),
    }


def _id(text: str) -> UUID:
    return parse_public_id(Prefix.RIGHTS_REQUEST, text)


def address(principal: UserPrincipal, path: str = "") -> str:
    """Of a page of the desk."""
    query = urlencode({"tenant": public_id(Prefix.TENANT, principal.tenant_id)})
    return f"/accounts/rights/{path}?{query}"


def first(url: str, request: HttpRequest) -> HttpResponse:
    """A fresh proof, or a second factor, and then back to a page that is read."""
    back = request.get_full_path() if request.method == "GET" else "/accounts/rights/"
    return HttpResponseRedirect(f"{url}?{urlencode({'next': back})}")


def show(
    request: HttpRequest,
    principal: UserPrincipal,
    name: str,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """A page of the desk."""
    tenant = public_id(Prefix.TENANT, principal.tenant_id)
    return render(request, f"portal/{name}.html", context | {"tenant": tenant}, status=status)
