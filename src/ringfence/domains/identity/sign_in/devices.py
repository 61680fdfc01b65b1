"""Browsers that somebody signed in from: known by a signed cookie whose random id is stored
hashed."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ringfence.domains.identity.models import KnownDevice, User
from ringfence.platform_django.clock import clock

KEPT = timedelta(days=365)
_SALT = "ringfence.device"
_CHOSEN = "_ringfence_device"


def device_of(request: HttpRequest) -> bytes | None:
    """Hash of the id in the browser's cookie; None without a cookie of ours."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        token = signing.TimestampSigner(salt=_SALT).unsign(cookie, max_age=KEPT)
    except signing.BadSignature:
        return None
    return _hash(token)


def known_device(request: HttpRequest, email: str) -> bytes | None:
    """The browser's hash, when the account with this address was used from it. One look-up,
    whatever there is."""
    device = device_of(request) or b""
    known = KnownDevice.objects.filter(
        token_hash=device, user__email=email.lower(), last_used_at__gt=clock().now() - KEPT
    )
    return device if known.exists() else None


def note_device(request: HttpRequest, user: User) -> bool:
    """Remember the browser for this account; True when it is another than all before."""
    now, device = clock().now(), device_of(request)
    rows = KnownDevice.objects.filter(user=user)
    if device is not None and rows.filter(token_hash=device).update(last_used_at=now):
        return False
    first = not rows.exists()
    if device is None:
        token = secrets.token_urlsafe(32)
        device = _hash(token)
        setattr(request, _CHOSEN, token)
    KnownDevice.objects.create(user=user, token_hash=device, created_at=now, last_used_at=now)
    return not first


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the browser the id that ``note_device`` chose, if it did."""
    token = getattr(request, _CHOSEN, None)
    if token is not None:
        response.set_cookie(
            settings.DEVICE_COOKIE_NAME,
            signing.TimestampSigner(salt=_SALT).sign(token),
            max_age=KEPT,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
