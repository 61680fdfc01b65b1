"""Django's and allauth's settings for signing in: passwords, cookies, second factors, limits.

Everything here is read by ``settings``; nothing else imports it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from ringfence.platform.settings import load_settings
from ringfence.platform_django.tenancy import CACHE

_RINGFENCE = load_settings()
_HTTPS = urlsplit(_RINGFENCE.public_url).scheme == "https"
_HOST_PREFIX = "__Host-" if _HTTPS else ""
"""With it browsers take a cookie from this very host alone, over TLS, for all of its paths."""


def cache_key(key: str, prefix: str, version: int) -> str:
    """What stands for a key in the cache's table: the keys of limits name addresses and people."""
    return salted_hmac(
        "ringfence.cache", f"{prefix}:{version}:{key}", algorithm="sha256"
    ).hexdigest()


PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "ringfence.domains.identity.sign_in.passwords.MaximumLengthValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": "ringfence.domains.identity.sign_in.passwords.ProductWordsValidator"},
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email",)},
    },
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]

SESSION_ENGINE = "ringfence.domains.identity.sign_in.sessions"
SESSION_COOKIE_NAME = f"{_HOST_PREFIX}sessionid"
SESSION_COOKIE_AGE = _RINGFENCE.accounts.session_hours * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_NAME = f"{_HOST_PREFIX}csrftoken"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _HTTPS
CSRF_TRUSTED_ORIGINS = [_RINGFENCE.public_url]
DEVICE_COOKIE_NAME = f"{_HOST_PREFIX}device"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "identity_cache",
        "KEY_FUNCTION": cache_key,
        "TIMEOUT": 3600,
        "OPTIONS": {"MAX_ENTRIES": 500_000},
    }
}
CACHE_ALIAS = CACHE

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "account_home"
LOGOUT_REDIRECT_URL = "account_login"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

ACCOUNT_ADAPTER = "ringfence.domains.identity.sign_in.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "ringfence.domains.identity.sign_in.forms.SignUpForm"
ACCOUNT_FORMS = {"login": "ringfence.domains.identity.sign_in.login_form.SignInForm"}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 2
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 2
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
"""allauth's own judgement of what is fresh takes any proof; never a yes. The adapter decides."""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
"""The session that changed it stays; the hash of the password ends all others."""
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
    "reset_password": "20/m/ip,3/10m/key",
    "confirm_email": "1/1m/key",
}
"""``login_failed`` counts wrong second factors; wrong passwords are counted by ``lockout``."""

PASSWORD_RESET_TIMEOUT = 3600

MFA_ADAPTER = "ringfence.domains.identity.sign_in.adapter.MfaAdapter"
MFA_FORMS = {
    "activate_totp": "ringfence.domains.identity.sign_in.factors.ActivateAppForm",
    "reauthenticate_webauthn": "ringfence.domains.identity.sign_in.factors.ConfirmByKeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Ringfence"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_DIGITS = 10
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = urlsplit(_RINGFENCE.public_url).hostname == "localhost"
"""Browsers treat http://localhost as a secure context; no other origin without TLS."""

USERSESSIONS_ADAPTER = "ringfence.domains.identity.sign_in.adapter.SessionsAdapter"
USERSESSIONS_TRACK_ACTIVITY = True
HEADLESS_CLIENTS = ("browser",)
HEADLESS_ONLY = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = str(_RINGFENCE.data_dir / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ringfence.platform_django.static.HashedFiles"},
}
