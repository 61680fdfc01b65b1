"""The desk's form for what was said or written to the business: a request is noted."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from ringfence.domains.identity.contracts import UserPrincipal
from ringfence.domains.privacy import api
from ringfence.domains.privacy.contracts import OnBehalf, ReportUnfit, RightsInfo
from ringfence.domains.privacy.rights_vocabulary import (
    OPT_OUTS,
    AuthorityKind,
    Channel,
    Jurisdiction,
    RightsKind,
)
from ringfence.entry.rights_desk import address, admit_to_erase, first, for_officers, show
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.admission import StepUpRequired


@require_http_methods(["GET", "POST"])
@login_required
@for_officers
def intake(request: HttpRequest, principal: UserPrincipal) -> HttpResponse:
    """What is asked, and by whom; it is verified on its own page, and an opt-out holds at once."""
    told = request.POST
    kinds = [kind for kind in RightsKind if kind is not RightsKind.APPEAL]
    context: dict[str, Any] = {
        "kinds": [(kind.value, kind.replace("_", " ")) for kind in kinds],
        "jurisdictions": list(Jurisdiction),
        "authorities": [(one.value, one.replace("_", " ")) for one in AuthorityKind],
        "told": told,
    }
    if request.method != "POST":
        return show(request, principal, "desk_new", context)
    try:
        made = _note(principal, told)
    except ValueError:
        messages.error(request, "Please choose what is asked, of whom, and under which law.")
        return show(request, principal, "desk_new", context, status=422)
    except StepUpRequired:
        return first(reverse("account_reauthenticate"), request)
    except RingfenceError as error:
        messages.error(request, f"It was not noted: {error.message}.")
        return show(request, principal, "desk_new", context, status=error.http_status)
    messages.success(request, _DONE.get(made.kind, "Noted."))
    there = address(principal, f"{public_id(Prefix.RIGHTS_REQUEST, made.id)}/")
    return HttpResponseRedirect(there)


_DONE = dict.fromkeys(OPT_OUTS, "It holds from now on.") | {
    RightsKind.CHILD: "From now on nothing of theirs is used."
}


def _note(principal: UserPrincipal, told: QueryDict) -> RightsInfo:
    """Raises ValueError for what is not to be chosen, and what the use cases raise."""
    kind, law = RightsKind(told.get("kind", "")), Jurisdiction(told.get("jurisdiction", ""))
    who = _who(told.get("contact", "")[:320].strip())
    tenant_id, actor = principal.tenant_id, principal.actor
    if told.get("marked"):
        if kind is not RightsKind.CHILD:
            raise ReportUnfit("nobody but a child is marked as one")
        admit_to_erase(principal)
        return api.mark_child(tenant_id, who, law, Channel.NOTE, actor=actor)
    return api.request_rights(
        tenant_id,
        who,
        kind,
        law,
        Channel.NOTE,
        on_behalf=_agent(told),
        statement=told.get("statement", "")[:2000],
        actor=actor,
    )


def _agent(told: QueryDict) -> OnBehalf | None:
    """Raises ValueError for another authority or day than there is."""
    kind = told.get("authority", "")
    if not kind:
        return None
    until = told.get("expires", "").strip()
    return OnBehalf(
        AuthorityKind(kind),
        told.get("document", "").strip().lower()[:64],
        datetime.combine(date.fromisoformat(until), time.max, UTC) if until else None,
        told.get("agent", "").strip()[:200],
        told.get("reference", "").strip()[:500],
    )


def _who(contact: str) -> Identifier:
    """Raises ValueError for what is neither a number in E.164 nor an address."""
    who = Identifier("email" if "@" in contact else "e164", contact)
    if who.normal() is None:
        raise ValueError("neither a number nor an address")
    return who
