"""What the hosted pages ask for."""

from __future__ import annotations

import re

from allauth.account.adapter import get_adapter
from django import template
from django.conf import settings
from django.http import HttpRequest

from ringfence.domains.identity.contracts import OfferInfo
from ringfence.domains.identity.sign_in.invitations import pending_offer

register = template.Library()
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Firefox", r"(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:Chrome|CriOS|Chromium|HeadlessChrome)/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iOS", "iPhone|iPad"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X|Macintosh"),
    ("Linux", "Linux"),
)


@register.simple_tag
def invitation_of(request: HttpRequest) -> OfferInfo | None:
    """The invitation that the browser came with."""
    return pending_offer(request)


@register.simple_tag
def sign_up_open(request: HttpRequest) -> bool:
    """Whether this browser may create an account."""
    return bool(get_adapter(request).is_open_for_signup(request))


@register.simple_tag
def mail_folder(request: HttpRequest) -> str | None:
    """Where mails go that nobody sends, for who sits at the machine alone: mails hold secrets, so
    their texts are shown nowhere."""
    local = request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1")
    forwarded = any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"))
    own = settings.RINGFENCE.public_url.startswith("http://localhost:")
    if settings.RINGFENCE.mail.smtp_url is None and local and own and not forwarded:
        return str(settings.RINGFENCE.mail_dir)
    return None


@register.filter
def browser(user_agent: str) -> str:
    """``Firefox on Windows``, as a person says it."""
    name = next((name for name, sign in _BROWSERS if re.search(sign, user_agent)), None)
    system = next((name for name, sign in _SYSTEMS if re.search(sign, user_agent)), None)
    if name is None:
        return user_agent[:60] or "Unknown browser"
    return f"{name} on {system}" if system else name


@register.filter
def fours(secret: str) -> str:
    """In groups of four, to be typed."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
