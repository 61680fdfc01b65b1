"""People who are signed in, in a role, as their browser is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import Client

from ringfence.domains.identity.models import Membership, User
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants

RECORDS = "account_authentication_methods"
"""Where allauth keeps in a session how the person proved who they are."""
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def make_user(email: str, password: str = "") -> User:
    """An account that no tenant knows; without a password unless given one."""
    user = User(email=email, created_at=clock().now())
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.save()
    return user


def make_member(
    user: User, tenant: UUID | None, role: str, *, work_location: str = ""
) -> Membership:
    """Make somebody a member, or one of the operator's staff (None)."""
    with across_tenants("test") as db:
        return Membership.objects.using(db).create(
            tenant_id=tenant,
            user_id=user.id,
            role=role,
            work_location=work_location,
            created_at=clock().now(),
        )


@dataclass
class Browser:
    """Somebody's session, and the requests of our own pages with it."""

    client: Client
    tenant: UUID | None = None

    def __call__(self, verb: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.tenant is not None:
            named.setdefault("Ringfence-Tenant", public_id(Prefix.TENANT, self.tenant))
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, verb)(f"/api/v1{path}", **content, headers=named)


def sign_in(
    user: User, tenant: UUID | None = None, *, mfa: bool = True, age_seconds: float = 0
) -> Browser:
    """A session of somebody, opened with or without a second factor some time ago."""
    client = Client(raise_request_exception=False)
    client.force_login(user, backend=BACKEND)
    session = client.session
    at = time.time() - age_seconds
    session[RECORDS] = [{"method": "password", "at": at}]
    if mfa:
        session[RECORDS] += [{"method": "mfa", "type": "totp", "at": at}]
    session[f"{RECORDS}_user"] = User._meta.pk.value_to_string(user)
    session.save()
    return Browser(client, tenant)


def person(
    role: str, tenant: UUID | None, email: str = "", *, work_location: str = "", **how: Any
) -> Browser:
    """A signed-in member of a tenant, or of the operator's staff (None)."""
    user = make_user(email or f"{role}-{new_label()}@example.com")
    make_member(user, tenant, role, work_location=work_location)
    return sign_in(user, tenant or INSTALLATION, **how)


_count = 0


def new_label() -> str:
    global _count
    _count += 1
    return str(_count)
