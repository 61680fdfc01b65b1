"""People of a closed tenant are told before its data ends; without that it does not."""

from __future__ import annotations

import logging
from datetime import datetime

from ringfence.domains.accounts.api import note_warning, notice_before_end, tenants_to_warn
from ringfence.domains.accounts.contracts import TenantInfo
from ringfence.domains.identity.api import member_emails
from ringfence.platform_django.clock import clock
from ringfence.platform_django.mail import queue_mail
from ringfence.platform_django.tenancy import across_tenants

SUBJECT = "The data of your account will be deleted"
_log = logging.getLogger("ringfence.policy")


def warn_of_ends() -> int:
    """Mail the people of each tenant whose end is near, each once, all of a tenant or none; returns
    how many tenants that were. Raises Unavailable.

    Where nobody can be told, that is logged for the operator, and the time runs all the same.
    """
    warned = 0
    for closed in tenants_to_warn():
        people = member_emails(closed.id)
        text = _text(closed, clock().now())
        with across_tenants("warn tenant") as db:
            if not note_warning(closed.id):
                continue
            for email in sorted(people.values()):
                queue_mail(email, SUBJECT, text, db=db)
        if not people:
            _log.warning("nobody to tell of an end", extra={"kv": {"tenant": closed.id.hex}})
        warned += 1
    return warned


def _text(closed: TenantInfo, now: datetime) -> str:
    assert closed.ends_at is not None
    end = max(closed.ends_at, now + notice_before_end())
    return (
        f"The account {closed.name} is closed. On {end:%Y-%m-%d}, {end:%H:%M} UTC, all of its data"
        " is deleted for good: calls, recordings, settings and credentials. What the law has us"
        f" keep stays as long as it says.\n\nUntil {closed.ends_at:%Y-%m-%d} the account can be"
        " reactivated as it was, and what is in it be exported: ask us.\n"
    )
