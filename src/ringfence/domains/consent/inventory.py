"""Every cookie that this software sets, and what for: the preferences page is made of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

CHOICES_COOKIE = "ringfence_choices"
CHOICES_DAYS = 180


@dataclass(frozen=True, slots=True)
class Cookie:
    name: str
    purpose: str
    kept: str
    """How long."""


def inventory() -> tuple[Cookie, ...]:
    """All are necessary for what a visitor asks for; there is none of any other kind."""
    hours = settings.RINGFENCE.accounts.session_hours
    return (
        Cookie(settings.SESSION_COOKIE_NAME, "Keeps you signed in.", f"{hours} hours"),
        Cookie(
            settings.CSRF_COOKIE_NAME,
            "Proves that a form was sent from our own page.",
            "1 year",
        ),
        Cookie(
            settings.DEVICE_COOKIE_NAME,
            "Tells your own browser from a stranger's when somebody signs in as you.",
            "1 year",
        ),
        Cookie(
            CHOICES_COOKIE,
            "Remembers what you choose on this page: the choice itself, and nothing about you.",
            f"{CHOICES_DAYS} days",
        ),
    )
