"""Somebody is signed out everywhere, as after a theft."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from ringfence.domains.identity.contracts import MemberNotFound
from ringfence.domains.identity.models import User
from ringfence.platform_django.clock import clock


def end_sessions(email: str | None) -> int:
    """End all sessions of whoever signs in with an address, or of everybody (None), from their
    next request on; returns how many there were. Raises MemberNotFound."""
    living = Session.objects.filter(expire_date__gt=clock().now())
    if email is None:
        return int(living.delete()[0])
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise MemberNotFound("nobody signs in with this address")
    own = [row for row in living.iterator() if row.get_decoded().get(SESSION_KEY) == str(user.pk)]
    return int(Session.objects.filter(pk__in=[row.pk for row in own]).delete()[0])
