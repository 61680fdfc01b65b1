"""Which of Django's connections a model without ``using`` is read and written by."""

from __future__ import annotations

from typing import Any

from ringfence.platform_django.tenancy import CACHE, IDENTITY

_SIGN_IN = frozenset(
    {"account", "auth", "contenttypes", "mfa", "sessions", "socialaccount", "usersessions"}
)


class SignInRouter:
    """Models of sign-in go by the role ``identity``, which alone may see them; all others by the
    default, which is the application's role."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        meta = model._meta
        if meta.app_label == "django_cache":
            return CACHE
        own = getattr(model, "of_sign_in", False)
        return IDENTITY if own or meta.app_label in _SIGN_IN else None

    db_for_write = db_for_read
