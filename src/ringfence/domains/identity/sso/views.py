"""The way to a company's identity provider and back."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods
from requests import RequestException

from ringfence.domains.identity.sso.page import page, refusal
from ringfence.domains.identity.sso.provider import (
    CallbackView,
    TenantOAuth2Adapter,
    TenantProvider,
)
from ringfence.domains.identity.sso.queries import slug_for
from ringfence.domains.identity.usecases.attest_age import minimum_age
from ringfence.platform_django.middleware import error_response
from ringfence.platform_django.ratelimit import RateLimited, count_failure

COMPANY_MAX = 320


@login_not_required
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """``/accounts/sso/``: asks for the company, and goes to its provider.

    An e-mail stands for its company by its domain alone, so the answer tells nothing of accounts.
    """
    if request.method == "GET":
        return page(request, company=request.GET.get("company", "")[:COMPANY_MAX])
    company = request.POST.get("company", "")[:COMPANY_MAX]
    slug = slug_for(company)
    return _unknown(request, company) if slug is None else _start(request, slug, company)


@login_not_required
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """A link to one company's sign-in: the page with its name, since a GET starts nothing."""
    if request.method == "GET":
        return page(request, company=provider_id[:COMPANY_MAX])
    return _start(request, provider_id, provider_id)


@login_not_required
@require_http_methods(["GET"])
def callback(request: HttpRequest, provider_id: str) -> Any:
    """Where a provider sends people back to."""
    try:
        return CallbackView.adapter_view(TenantOAuth2Adapter(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        return _unknown(request, provider_id)
    except (OAuth2Error, RequestException):
        return refusal(request, "provider_failed", provider_id)


def _start(request: HttpRequest, slug: str, company: str) -> HttpResponse:
    connect = request.POST.get("process") == AuthProcess.CONNECT
    if connect and not request.user.is_authenticated:
        return refusal(request, "no_member", company)
    try:
        provider = get_adapter().get_provider(request, slug)
        answer: HttpResponse = provider.redirect(
            request,
            AuthProcess.CONNECT if connect else AuthProcess.LOGIN,
            next_url=get_next_redirect_url(request),
            fresh=connect or "fresh" in request.POST,
            attested=_attested(request, provider),
        )
    except SocialApp.DoesNotExist:
        return _unknown(request, company)
    except (OAuth2Error, RequestException):
        return refusal(request, "provider_failed", company)
    return answer


def _attested(request: HttpRequest, provider: TenantProvider) -> int:
    """As how old somebody says to be, on the page that asks for it; kept until they are back."""
    if "of_age" not in request.POST:
        return 0
    return minimum_age(provider.app.connection.tenant_id)


def _unknown(request: HttpRequest, company: str) -> HttpResponse:
    try:
        count_failure(request)
    except RateLimited as error:
        return error_response(error.http_status, error.code, error.message, error.details)
    return refusal(request, "unknown_company", company[:COMPANY_MAX])
