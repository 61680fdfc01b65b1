"""Companies with an identity provider, and browsers that sign in by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.test import Client
from tests.oidc_provider import CLIENT_ID, SECRET, Provider, browse
from tests.people import Browser, person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.models import Membership, User
from ringfence.platform_django.tenancy import across_tenants


@dataclass
class Company:
    """A tenant, its owner's session, its provider and the connection's name."""

    tenant: UUID
    owner: Browser
    provider: Provider
    slug: str

    def connect(self, giver: Browser | None = None, **changes: Any) -> Any:
        """Put the connection in force; ``changes`` to its body."""
        body = {
            "slug": self.slug,
            "issuer": self.provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "default_role": "agent",
            "domains": [f"{self.slug}.example"],
        } | changes
        body = {name: value for name, value in body.items() if value is not ...}
        return (giver or self.owner)("put", "/tenant/sso", body)

    def prove(self, *domains: str) -> None:
        """The operator vouches for the domains."""
        for domain in domains or (f"{self.slug}.example",):
            identity.confirm_domain(self.tenant, domain, verified=True, actor="user:test")


def company(name: str, provider: Provider, *, proven: bool = True, **changes: Any) -> Company:
    """A tenant whose provider is in force."""
    tenant = accounts.create_tenant(name).id
    made = Company(tenant, person("owner", tenant), provider, name.lower())
    answer = made.connect(**changes)
    assert answer.status_code == 200, answer.content
    if proven:
        made.prove()
    return made


def depart(client: Client, name: str, **form: str) -> str:
    """Ask to sign in by a company; the address that the browser is sent to."""
    told = {"company": name, "of_age": "on"} | form
    answer = client.post("/accounts/sso/", {key: said for key, said in told.items() if said})
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def come_back(client: Client, location: str) -> Any:
    """The answer to a browser that the provider sent back."""
    parts = urlsplit(location)
    return client.get(f"{parts.path}?{parts.query}")


def sign_in_by(name: str, client: Client | None = None, **form: str) -> tuple[Client, Any]:
    """All the way to the provider and back; the browser, and the last answer."""
    client = client or Client(raise_request_exception=False)
    return client, come_back(client, browse(depart(client, name, **form)))


def code_of(answer: Any) -> str:
    """Which refusal a page says."""
    assert b'data-code="' in answer.content, (answer.status_code, answer.content)
    return answer.content.decode().partition('data-code="')[2].partition('"')[0]


def me(client: Client) -> Any:
    return client.get("/api/v1/me")


def signed_in(client: Client) -> bool:
    return me(client).status_code == 200


def seats(user: User) -> list[tuple[Any, str]]:
    with across_tenants("test") as db:
        rows = Membership.objects.using(db).filter(user_id=user.id)
        return list(rows.values_list("tenant_id", "role"))
