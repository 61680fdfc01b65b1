"""The one page of single sign-on: it asks for the company, or says why somebody is not let in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ringfence.domains.identity.usecases.attest_age import wording

TEXTS = {
    "age_not_attested": "Accounts are for people who say that they are old enough.",
    "account_exists": "There is an account with your e-mail address already. Sign in to it as you "
    "are used to, and connect your company's sign-in on the account page.",
    "account_is_local": "This part of your account is not your company's. Sign in with your own "
    "password first.",
    "cancelled": "The sign-in was cancelled.",
    "connected_other": "This sign-in of your company belongs to another account.",
    "email_unverified": "Your company's sign-in does not confirm your e-mail address.",
    "no_member": "You are not a member of this company here. Ask for an invitation.",
    "not_invited": "Your company has not invited this address. Ask for an invitation.",
    "provider_failed": "Your company's sign-in did not answer as it should. Try again; if that "
    "does not help, tell whoever runs it.",
    "unknown_company": "No company signs in by this name.",
}
_STATUS = {"provider_failed": 502, "unknown_company": 422}


def page(
    request: HttpRequest,
    *,
    company: str = "",
    code: str | None = None,
    status: int = 200,
    age: int | None = None,
    after: str = "",
) -> HttpResponse:
    """Asks for the company, with what is known of it; ``age``: and whether they are that old.
    ``after``: where they go then."""
    context = {
        "company": company,
        "problem": TEXTS[code] if code else None,
        "code": code,
        "connect": request.GET.get("process") == "connect",
        "fresh": "fresh" in request.GET,
        "next": after or request.GET.get("next", ""),
        "age": None if age is None else wording(age),
    }
    return render(request, "identity/sso.html", context, status=status)


def refusal(request: HttpRequest, code: str, company: str = "", **more: Any) -> HttpResponse:
    """Says why somebody is not let in; ``more``: as of ``page``."""
    return page(request, company=company, code=code, status=_STATUS.get(code, 403), **more)
