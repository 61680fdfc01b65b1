"""What signing in left behind and nobody needs any more is removed."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connections, transaction

from ringfence.domains.identity.models import KnownDevice, User
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import IDENTITY

DEVICE_KEPT = timedelta(days=365)
UNVERIFIED_KEPT = timedelta(days=7)


def forget_ended() -> int:
    """Sessions that ended, with address and browser; counts that are over; browsers unused for a
    year; accounts whose address was not verified within a week. Returns how many rows went."""
    now = clock().now()
    with transaction.atomic(using=IDENTITY):
        removed, _ = Session.objects.filter(expire_date__lt=now).delete()
        living = Session.objects.values("session_key")
        removed += UserSession.objects.exclude(session_key__in=living).delete()[0]
        removed += KnownDevice.objects.filter(last_used_at__lt=now - DEVICE_KEPT).delete()[0]
        verified = EmailAddress.objects.filter(verified=True).values("user_id")
        waiting = EmailAddress.objects.filter(verified=False).values("user_id")
        stale = User.objects.filter(
            created_at__lt=now - UNVERIFIED_KEPT, last_login=None, id__in=waiting
        )
        removed += stale.exclude(id__in=verified).delete()[0]
        with connections[IDENTITY].cursor() as cursor:
            cursor.execute("DELETE FROM identity_cache WHERE expires < %s", [now])
            removed += cursor.rowcount
    return int(removed)
