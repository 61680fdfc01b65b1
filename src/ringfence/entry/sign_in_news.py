"""Customers are told when the sign-in to their account is changed (47 CFR 64.2010(f))."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from django.db import DatabaseError
from procrastinate.exceptions import ProcrastinateException

from ringfence.domains.compliance.api import order_news
from ringfence.domains.compliance.contracts import Changed
from ringfence.domains.identity.api import online_accounts_of
from ringfence.domains.identity.models import User

_OF_PASSWORDS = (signals.password_changed, signals.password_set, signals.password_reset)
_log = logging.getLogger("ringfence.sign_in")


def connect() -> None:
    """Called by every process that serves sign-in."""
    for signal in _OF_PASSWORDS:
        signal.connect(_tell, dispatch_uid="ringfence_sign_in_news")
    signals.email_changed.connect(_tell_of_address, dispatch_uid="ringfence_sign_in_news")


def _tell_of_address(user: User, from_email_address: EmailAddress | None, **_: Any) -> None:
    """Once the new address is confirmed; the first one that somebody confirms changes nothing."""
    if from_email_address is not None:
        _tell(user)


def _tell(user: User, **_: Any) -> None:
    """Order the news for each account that the person reaches.

    The job stands before the change is committed: a crash between the two tells of a change that
    was not, and loses none. When it cannot be ordered the person's request goes on.
    """
    try:
        for tenant_id in online_accounts_of(user.pk):
            order_news(tenant_id, Changed.ONLINE_ACCOUNT, f"user:{user.pk.hex}")
    except (DatabaseError, ProcrastinateException) as error:
        _log.error("change of a sign-in not told", exc_info=error)
