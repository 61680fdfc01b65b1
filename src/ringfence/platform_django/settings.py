"""Django's settings, derived from the installation's own. Reading them creates nothing."""

from __future__ import annotations

from typing import Any

from django.utils.functional import SimpleLazyObject

from ringfence.platform.database import database_urls, url_parts
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import load_settings
from ringfence.platform_django.sign_in import *  # noqa: F403 - the settings of signing in
from ringfence.platform_django.sso import *  # noqa: F403
from ringfence.platform_django.sso import SSO_MIDDLEWARE

RINGFENCE = load_settings()


_CONNECTION = {
    "application_name": "ringfence",
    # A database that is down or cut off fails a request in seconds instead of holding its thread.
    "connect_timeout": "3",
    "tcp_user_timeout": "10000",
    "options": "-c statement_timeout=30s -c lock_timeout=10s "
    "-c idle_in_transaction_session_timeout=60s",
}


def database_config(url: str) -> dict[str, Any]:
    """Django's description of a connection string."""
    parts = url_parts(url)
    config: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {**_CONNECTION, **parts},
    }
    return config


_urls = database_urls(RINGFENCE)
DATABASES = {
    "default": database_config(_urls.app),
    "operator": database_config(_urls.operator),
    "callplane": database_config(_urls.callplane),
    "owner": database_config(_urls.owner),
    "identity": database_config(_urls.identity),
    "cache": database_config(_urls.identity),
}
DATABASE_ROUTERS = ["ringfence.platform_django.router.SignInRouter"]

SECRET_KEY: Any = SimpleLazyObject(lambda: installation_secret(RINGFENCE.data_dir, "django"))
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "ringfence.entry.urls"
INSTALLED_APPS = [
    "ringfence.domains.identity",  # its templates go before allauth's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "allauth.headless",
    "procrastinate.contrib.django",
    "ringfence.platform_django",
    "ringfence.platform_django.audit",
    "ringfence.domains.privacy",
    "ringfence.domains.accounts",
    "ringfence.domains.trunks",
    "ringfence.domains.flows",
    "ringfence.domains.devices",
    "ringfence.domains.numbers",
    "ringfence.domains.calls",
    "ringfence.domains.recordings",
    "ringfence.domains.ledger",
    "ringfence.domains.webhooks",
    "ringfence.domains.compliance",
    "ringfence.domains.policy",
    "ringfence.domains.portal",
    "ringfence.domains.consent",
    "ringfence.domains.processors",
]
MIDDLEWARE = [
    "ringfence.platform_django.middleware.RequestIds",
    "ringfence.domains.accounts.middleware.RequestLog",
    "ringfence.platform_django.middleware.SecurityHeaders",
    "ringfence.platform_django.middleware.JsonErrors",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ringfence.platform_django.ratelimit.RateLimitHeaders",
    "ringfence.domains.identity.sign_in.middleware.SignInRequests",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    *SSO_MIDDLEWARE,
    "ringfence.domains.identity.sign_in.middleware.ActiveSessions",
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
FILE_UPLOAD_HANDLERS = ["ringfence.platform_django.uploads.BoundedUpload"]
LOGGING_CONFIG = None
AUTH_USER_MODEL = "identity.User"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"
DEFAULT_FROM_EMAIL = RINGFENCE.mail.sender
