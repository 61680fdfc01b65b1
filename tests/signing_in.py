"""The pages of signing in as a browser uses them, and the mails that leave."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings
from tests.people import make_user

from ringfence.domains.identity.models import User
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform_django.models import Mail
from ringfence.platform_django.passing import open_passing
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.use import using

PASSWORD = "a rather long pass phrase"
OTHER = "quite another pass phrase"


@contextmanager
def configured(section: str, **values: Any) -> Iterator[None]:
    """Other settings of the installation, such as ``accounts``, until the block ends."""
    part = getattr(settings.RINGFENCE, section).model_copy(update=values)
    with override_settings(RINGFENCE=settings.RINGFENCE.model_copy(update={section: part})):
        yield


def browser(address: str = "192.0.2.10", **options: Any) -> Client:
    """A browser without cookies, at an address."""
    return Client(raise_request_exception=False, REMOTE_ADDR=address, **options)


def account(email: str, password: str = PASSWORD) -> User:
    """An account whose address is verified."""
    user = make_user(email, password)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def log_in(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """Send the form of the sign-in page."""
    data = {"login": email, "password": password, **more}
    return client.post("/accounts/login/", data)


def signed_in(client: Client) -> bool:
    """Whether the browser's session is somebody's, as the API sees it."""
    return bool(client.get("/api/v1/me").status_code == 200)


def mails() -> list[dict[str, str]]:
    """What waits in the outbox, oldest first."""
    with across_tenants("test") as db:
        rows = list(Mail.objects.using(db).order_by("id"))
    with using("service", "job:test"):
        opened = [
            open_passing(None, SealedFieldNumber.MAIL, row.id, row.mail_sealed) for row in rows
        ]
    return [json.loads(one) for one in opened if one is not None]


def link_in(mail: dict[str, str]) -> str:
    """The path of the link in a mail."""
    found = re.search(r"https?://[^/\s]+(/\S+)", mail["text"])
    assert found is not None, mail["text"]
    return found.group(1)


def code_of(secret: str, step: int = 0) -> str:
    """What an authenticator app shows, ``step`` periods from now."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + step))


def enrol_totp(client: Client) -> str:
    """Set up an authenticator app in a signed-in browser; its secret."""
    page = client.get("/accounts/2fa/totp/activate/")
    assert page.status_code == 200, page
    shown = re.search(r'id="authenticator_secret"[^>]*>([A-Z2-7 ]+)<', page.content.decode())
    assert shown is not None
    secret = shown.group(1).replace(" ", "")
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert done.status_code == 302, done.content.decode()
    return secret


def forget_counts() -> None:
    """As if no code had been used and no try been counted."""
    with connections["cache"].cursor() as cursor:
        cursor.execute("DELETE FROM identity_cache")


def jobs(task: str) -> list[UUID]:
    """The mails that jobs are there for."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT args->>'mail' FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [task]
        )
        return [UUID(row[0]) for row in cursor.fetchall()]
