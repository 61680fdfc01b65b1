"""The REST API as a client sees it, and a tenant that has nothing but a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import Client

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES


@dataclass(frozen=True)
class Someone:
    tenant: UUID
    secret: str


def someone(name: str = "Acme") -> Someone:
    """A tenant with a key that may do everything."""
    tenant = accounts.create_tenant(name).id
    purposes = ("service", "support")
    return Someone(
        tenant, accounts.create_api_key(tenant, scopes=ALL_SCOPES, purposes=purposes).secret
    )


def ask(verb: str, path: str, key: str | None, body: Any = None, **headers: str) -> Any:
    """The answer to one request; ``body`` goes as JSON. ``If_Match`` names ``If-Match``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["Authorization"] = f"Bearer {key}"
    content = {} if body is None else {"data": body, "content_type": "application/json"}
    client = Client(raise_request_exception=False)
    return getattr(client, verb)(f"/api/v1{path}", **content, headers=named)
