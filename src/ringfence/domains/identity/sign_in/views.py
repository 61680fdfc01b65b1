"""Pages that allauth does not have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ringfence.domains.identity.contracts import AgeNotAttested, AlreadyMember, InvitationUnusable
from ringfence.domains.identity.models import User
from ringfence.domains.identity.queries import lacks_second_factor, memberships_of, name_of
from ringfence.domains.identity.sign_in import invitations, staff_access
from ringfence.domains.identity.sign_in.session import session_of
from ringfence.domains.identity.usecases.accept_invitation import accept_invitation, get_offer
from ringfence.domains.identity.usecases.attest_age import (
    attest_age,
    lacks_age,
    minimum_age,
    wording,
)
from ringfence.domains.identity.usecases.name_user import MAX_NAME, name_user
from ringfence.platform_django.admission import MfaRequired, StepUpRequired


class NameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What somebody has here: name, address, factors, sessions, memberships, staff's access."""
    user, session = _user(request), session_of(request)
    assert session is not None
    factors = Authenticator.objects.filter(user=user)
    kinds = [factor.type for factor in factors]
    return render(
        request,
        "account/home.html",
        {
            "person": name_of(user.id),
            "pending_email": EmailAddress.objects.filter(user=user, verified=False).first(),
            "totp": "totp" in kinds,
            "passkeys": kinds.count("webauthn"),
            "lacks_second_factor": not session.mfa and lacks_second_factor(user.id),
            "needs_sign_in_again": bool(kinds) and not session.mfa,
            "sessions": UserSession.objects.filter(user=user).count(),
            "memberships": memberships_of(user.id),
            "access": staff_access.shown_to(session),
        },
    )


@login_required
@require_http_methods(["GET", "POST"])
def change_name(request: HttpRequest) -> HttpResponse:
    """How the person is called."""
    user = _user(request)
    form = NameForm(request.POST or None, initial={"name": name_of(user.id).name})
    if request.method == "POST" and form.is_valid():
        name_user(user, form.cleaned_data["name"])
        messages.success(request, "Your name was changed.")
        return redirect("account_home")
    return render(request, "account/name.html", {"form": form})


@require_GET
@login_required
def secure(request: HttpRequest) -> HttpResponse:
    """Whoever must have a second factor and has none is led here after signing in."""
    wanted = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        wanted = reverse("account_home")
    if not lacks_second_factor(_user(request).id):
        return HttpResponseRedirect(wanted)
    return render(request, "account/secure.html", {"next": wanted})


@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What one is invited to; accepted by who is signed in with exactly the invited address."""
    limited: HttpResponse | None = ratelimit.consume_or_429(
        request, action="reset_password_from_key"
    )
    if limited is not None:
        return limited
    try:
        offer = get_offer(token)
    except InvitationUnusable:
        invitations.forget(request)
        return render(request, "account/invitation_unusable.html", status=410)
    user = request.user
    if not user.is_authenticated:
        invitations.remember(request, token)
        exists = {"offer": offer, "token": token}
        return render(request, "account/invitation.html", exists)
    assert isinstance(user, User)
    if user.email != offer.email:
        invitations.remember(request, token)
        context = {"offer": offer, "token": token, "next": request.path}
        return render(request, "account/invitation_other.html", context, status=403)
    asked = lacks_age(user.id, offer.tenant_id)
    if request.method == "POST":
        if asked and "of_age" in request.POST:
            attest_age(user.id, minimum_age(offer.tenant_id))
            asked = False
        if not asked:
            return _accept(request, token, user)
    context = {
        "offer": offer,
        "token": token,
        "age": wording(minimum_age(offer.tenant_id)) if asked else "",
        "problem": AgeNotAttested.code if request.method == "POST" else "",
    }
    status = AgeNotAttested.http_status if context["problem"] else 200
    return render(request, "account/invitation_accept.html", context, status=status)


def _accept(request: HttpRequest, token: str, user: User) -> HttpResponse:
    invitations.forget(request)
    try:
        membership = accept_invitation(token, user.id, user.email)
    except AlreadyMember:
        messages.info(request, "You are a member already.")
        return redirect("account_home")
    except InvitationUnusable:
        return render(request, "account/invitation_unusable.html", status=410)
    messages.success(request, f"You are a member of {membership.tenant_name} now.")
    return redirect("account_secure")


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the person's own sessions."""
    found = UserSession.objects.filter(user=_user(request), pk=session_id).first()
    if found is None:
        raise Http404
    own = found.is_current()
    end_sessions(request, [found])
    if own:
        return redirect("account_login")
    messages.success(request, "The session was ended.")
    return redirect("usersessions_list")


@require_POST
@login_required
def access(request: HttpRequest) -> HttpResponse:
    """Decide what the operator's staff asked for, or end what they have."""
    session = session_of(request)
    if session is None:
        return redirect_to_login(reverse("account_home"))
    try:
        tenant, grant = UUID(request.POST.get("tenant", "")), UUID(request.POST.get("grant", ""))
    except ValueError:
        raise Http404 from None
    try:
        told = staff_access.decide(session, tenant, grant, request.POST.get("decision", ""))
    except StepUpRequired:
        return _first(reverse("account_reauthenticate"))
    except MfaRequired:
        return _first(reverse("account_secure"))
    messages.success(request, told)
    return redirect("account_home")


def _first(url: str) -> HttpResponse:
    query: dict[str, Any] = {"next": reverse("account_home") + "#access"}
    return HttpResponseRedirect(f"{url}?{urlencode(query)}")
