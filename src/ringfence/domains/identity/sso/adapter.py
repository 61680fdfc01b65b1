"""allauth's hooks: where connections come from, and whom their providers let in."""

from __future__ import annotations

import logging
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from ringfence.domains.identity.contracts import AgeNotAttested
from ringfence.domains.identity.rules import sso as rules
from ringfence.domains.identity.sso import admit
from ringfence.domains.identity.sso.contracts import (
    VOUCHED,
    SignInRefused,
    Vouched,
)
from ringfence.domains.identity.sso.page import refusal
from ringfence.domains.identity.sso.provider import TenantProvider
from ringfence.domains.identity.sso.queries import connection_of
from ringfence.domains.identity.sso.transport import ask_for, provider_session
from ringfence.domains.identity.usecases.attest_age import minimum_age
from ringfence.platform_django.tenancy import IDENTITY

_log = logging.getLogger("ringfence.sso")


class TenantSocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Connections of tenants are the only apps there are, each asked for by its name."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The connection that ``provider`` names; never the list of who has one."""
        found = connection_of(provider) if provider and rules.is_slug(provider) else None
        if found is None or client_id not in (None, found.client_id):
            return []
        ask_for(found.tenant_id)
        app = SocialApp(
            provider=TenantProvider.id,
            provider_id=found.slug,
            name=found.tenant_name[:40],
            client_id=found.client_id,
            secret=found.secret,
            settings={
                "server_url": f"{found.issuer.rstrip('/')}/.well-known/openid-configuration",
                "oauth_pkce_enabled": True,
            },
        )
        app.connection = found
        return [app]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> TenantProvider:
        """Raises SocialApp.DoesNotExist."""
        return TenantProvider(
            request, app=self.get_app(request, provider=provider, client_id=client_id)
        )

    def get_requests_session(self) -> requests.Session:
        return provider_session()

    def serialize_instance(self, instance: Any) -> dict[str, Any]:
        """What a session keeps of a sign-in half-way; no hash of a password."""
        kept: dict[str, Any] = super().serialize_instance(instance)
        kept.pop("password", None)
        return kept

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return False  # a provider would be whoever it says

    def is_email_verified(self, provider: Any, email: str) -> bool:
        return False  # but for what the provider says of the address itself

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """``pre_social_login`` decided."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Raises ImmediateHttpResponse with the page that says why somebody does not get in."""
        vouched: Vouched = sociallogin.vouched
        setattr(request, VOUCHED, vouched)
        sociallogin.token = None  # or a sign-in that waits for a second factor keeps it
        try:
            _decide(request, sociallogin, vouched)
        except SignInRefused as error:
            raise _refused(
                request, vouched.connection.slug, error.code, login=sociallogin
            ) from None

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """The account, its link to the provider and the membership: all, or none."""
        vouched: Vouched = sociallogin.vouched
        try:
            with transaction.atomic(using=IDENTITY):
                user = super().save_user(request, sociallogin, form)
                admit.seat(vouched, user.pk, _attested(sociallogin))
        except IntegrityError:  # at the same moment somebody got an account with this address
            raise _refused(request, vouched.connection.slug, "account_exists") from None
        except SignInRefused as error:
            raise _refused(
                request, vouched.connection.slug, error.code, login=sociallogin
            ) from None
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Raises ImmediateHttpResponse."""
        code = "cancelled" if error == AuthError.CANCELLED else "provider_failed"
        raise _refused(request, str(provider.sub_id), code, exception)


def _decide(request: HttpRequest, sociallogin: Any, vouched: Vouched) -> None:
    process = sociallogin.state.get("process")
    if process == AuthProcess.CONNECT:
        if not request.user.is_authenticated or not admit.is_member(vouched, request.user.pk):
            raise SignInRefused("no_member")
        if sociallogin.is_existing and sociallogin.user != request.user:
            raise SignInRefused("connected_other")
    elif process != AuthProcess.LOGIN:
        raise SignInRefused("provider_failed")
    elif sociallogin.is_existing:
        admit.check_member(vouched, sociallogin.user.pk, _attested(sociallogin))
    else:
        place = admit.check_newcomer(vouched, _attested(sociallogin))
        for address in sociallogin.email_addresses:
            # Of a domain that is not the tenant's, the provider's word is not enough: the mail
            # goes there, or anybody could open an account in a stranger's name.
            address.verified = place.proven


def _attested(sociallogin: Any) -> int:
    """As how old somebody said to be before they were sent to the provider."""
    said = sociallogin.state.get("attested")
    return said if isinstance(said, int) else 0


def _refused(
    request: HttpRequest,
    slug: str,
    code: str,
    exception: Exception | None = None,
    *,
    login: Any = None,
) -> ImmediateHttpResponse:
    why = type(exception).__name__ if exception else ""
    _log.info("sign-in by provider refused", extra={"kv": {"code": code, "why": why}})
    more: dict[str, Any] = {}
    if login is not None and code == AgeNotAttested.code:
        more = {
            "age": minimum_age(login.vouched.connection.tenant_id),
            "after": login.state.get("next") or "",
        }
    return ImmediateHttpResponse(refusal(request, code, slug, **more))
