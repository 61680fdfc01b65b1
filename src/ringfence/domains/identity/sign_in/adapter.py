"""Where allauth asks this installation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core import context
from allauth.core.internal.httpkit import is_headless_request
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from ringfence.domains.identity.contracts import AgeNotAttested, AlreadyMember, InvitationUnusable
from ringfence.domains.identity.models import User
from ringfence.domains.identity.queries import has_second_factor, lacks_second_factor
from ringfence.domains.identity.sign_in import invitations, lockout
from ringfence.domains.identity.sign_in.devices import note_device
from ringfence.domains.identity.sign_in.session import proofs_of, renew
from ringfence.domains.identity.sso.contracts import VOUCHED, Vouched
from ringfence.domains.identity.sso.queries import alive
from ringfence.domains.identity.usecases.accept_invitation import accept_invitation
from ringfence.platform_django.addresses import client_address
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.tenancy import IDENTITY


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "second_factor_needed": "Confirm by your second factor; the password is not enough."
    }

    # --- who may sign up

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.RINGFENCE.accounts.sign_up == "open":
            return True
        return invitations.pending_offer(request) is not None

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """The invitation's token came by mail: who has it has the mailbox."""
        offer = invitations.pending_offer(request)
        return offer is not None and offer.email == email.lower()

    # --- where somebody comes from

    def get_client_ip(self, request: HttpRequest) -> str:
        """As for the API: of nobody but ``web.trusted_proxies`` is a header believed."""
        found = client_address(request)
        if found is None:
            raise PermissionDenied("the client's address is not known")
        return str(found)

    # --- wrong passwords

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._login_failed_rl_usage = lockout.count_try(request, credentials.get("email", ""))
        if self._login_failed_rl_usage is None:
            raise self.validation_error("too_many_login_attempts")

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        lockout.forget_tries(request, credentials.get("email", ""))

    # --- signing in

    def login(self, request: HttpRequest, user: User) -> None:
        """Who signs in once more in an open session has a new token as well; Django makes one for
        who comes in from outside alone."""
        before = request.session.session_key
        super().login(request, user)
        if before is not None and request.session.session_key == before:
            renew(request)

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **how)
        if note_device(request, user):
            self.send_notification_mail("account/email/new_device", user)
        if how.get("signup") or how.get("email_verification") == "none":
            self._accept_invitation(request, user)
        if not is_headless_request(request):
            self._lead(request, user, response, how.get("redirect_url"))
        return response

    def _accept_invitation(self, request: HttpRequest, user: User) -> None:
        """Who signed up by an invitation meant to accept it."""
        token = invitations.pending_token(request)
        if token is None:
            return
        try:
            accept_invitation(token, user.id, user.email)
        except (InvitationUnusable, AlreadyMember, AgeNotAttested):
            return  # its page says why
        invitations.forget(request)

    def _lead(
        self, request: HttpRequest, user: User, response: HttpResponse, wanted: str | None
    ) -> None:
        """First what has to be done now: accept an invitation, set up a second factor."""
        token = invitations.pending_token(request)
        if token is not None:
            response["Location"] = reverse("account_invitation", args=[token])
        elif lacks_second_factor(user.id) and not _provider_saw_one(request):
            query = f"?{urlencode({'next': wanted})}" if wanted else ""
            response["Location"] = reverse("account_secure") + query

    # --- proving again who one is

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """What is fresh enough for a sensitive action of the API is so for a page; a provider is
        connected after a proof for that very purpose."""
        proofs = proofs_of(context.request, context.request.user)
        again = app == "allauth.socialaccount"
        newest = max((proof.at for proof in proofs if proof.again or not again), default=None)
        limit = settings.RINGFENCE.accounts.step_up_seconds
        return newest is None or clock().now().timestamp() - newest > limit

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Ways whose proof counts; the page begins with the first."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not user.is_authenticated or not has_second_factor(user.pk):
            return methods
        methods = [one for one in methods if one["id"].startswith("mfa_reauthenticate")]
        if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
            methods.reverse()  # the passkey, before recovery codes
        return methods

    def reauthenticate(self, user: User, password: str) -> bool:
        """Of who has a second factor no password is even looked at."""
        if has_second_factor(user.pk):
            raise self.validation_error("second_factor_needed")
        return bool(super().reauthenticate(user, password))

    # --- mails

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        message = self.render_mail(template_prefix, email, {"email": email, **context})
        queue_mail(email, message.subject, message.body, db=IDENTITY)

    def send_account_already_exists_mail(self, email: str) -> None:
        """As much work as for somebody new."""
        make_password("the same work")
        super().send_account_already_exists_mail(email)


def _provider_saw_one(request: HttpRequest) -> bool:
    """A company's identity provider, whose word counts for that, says so."""
    vouched: Vouched | None = getattr(request, VOUCHED, None)
    if vouched is None or not vouched.mfa:
        return False
    found = alive(vouched.connection.id)
    return found is not None and found.trusts_mfa


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        """Raises ReauthenticationRequired when another session than this one is among them and the
        last proof is not fresh: or whoever sits at an open browser shuts its owner out."""
        chosen = list(sessions)
        if not all(one.is_current() for one in chosen):
            raise_if_reauthentication_required(context.request, app="allauth.usersessions")
        super().end_sessions(chosen)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors are sealed as whole rows, for the user that they are of: see ``sealing``."""

    error_messages: ClassVar[dict[str, Any]] = DefaultMFAAdapter.error_messages | {
        "user_not_verified": "This key did not ask who you are. Confirm by a code, or sign in anew."
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Ringfence"}

    def build_totp_svg(self, url: str) -> str:
        """With a white ground: scanners read no light code on a dark page."""
        svg: str = super().build_totp_svg(url)
        return svg.replace("<path", '<rect width="100%" height="100%" fill="#fff"/><path', 1)
