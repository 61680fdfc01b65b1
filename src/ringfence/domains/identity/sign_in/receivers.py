"""What happens at events of signing in."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from allauth.account.models import EmailAddress
from allauth.account.signals import authentication_step_completed, email_confirmed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_init, post_save, pre_save
from django.http import HttpRequest

from ringfence.domains.identity.models import User
from ringfence.domains.identity.sign_in import sealing
from ringfence.domains.identity.sign_in.session import renew
from ringfence.domains.identity.sign_in.sessions import ENDS_AT
from ringfence.domains.identity.usecases.open_account import open_account
from ringfence.platform_django.clock import clock


def connect() -> None:
    """Called once when the app is ready."""
    pre_save.connect(sealing.seal_row, sender=Authenticator)
    post_save.connect(sealing.restore_row, sender=Authenticator)
    post_init.connect(sealing.open_row, sender=Authenticator)
    user_logged_in.connect(_limit_session)
    authenticator_added.connect(_record_factor)
    email_confirmed.connect(_open_account)
    authentication_step_completed.connect(_renew_session)


def _limit_session(request: HttpRequest, **_: Any) -> None:
    age = settings.RINGFENCE.accounts.session_hours * 3600
    request.session[ENDS_AT] = clock().now().timestamp() + age


def _record_factor(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Who sets up their first second factor has just shown it. A further one says nothing of those
    that were there: a session that never showed one of them stays without."""
    codes = Authenticator.Type.RECOVERY_CODES
    if authenticator.type == codes:
        return
    others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
    records = get_authentication_records(request, user)
    shown = any(record.get("method") == "mfa" for record in records)
    if shown or not others.exclude(type=codes).exists():
        record_authentication(
            request, user, "mfa", id=authenticator.pk, type=str(authenticator.type)
        )


def _renew_session(request: HttpRequest, **how: Any) -> None:
    """Whoever proves again who they are goes on with a new token, which nobody saw before."""
    if how.get("reauthenticated"):
        renew(request)


def _open_account(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    open_account(email_address.user)
