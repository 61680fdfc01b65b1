"""An OAuth client of a tenant, and what it sends for its tokens."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from tests.api import ask

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Program:
    id: str
    secret: str

    def token(self, scope: str | None = None) -> str:
        """A token with these scopes; all of the client's unless named."""
        answer = self.ask(scope=scope)
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    def ask(self, *, scope: str | None = None, secret: str | None = None) -> Any:
        named = {} if scope is None else {"scope": scope}
        form = {"grant_type": "client_credentials", **named}
        return token_for(form, headers=basic(self.id, secret or self.secret))


def program(key: str, **fields: Any) -> Program:
    """A client made with an API key."""
    body = {"name": "CRM", "scopes": ["tenant:read", "calls:read"], "purposes": ["service"]}
    answer = ask("post", "/clients", key, body | fields)
    assert answer.status_code == 201, answer.content
    return Program(answer.json()["id"], answer.json()["secret"])


def basic(user: str, password: str) -> dict[str, str]:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def token_for(form: dict[str, str], **more: Any) -> Any:
    return post("/oauth/token", form, **more)


def post(path: str, form: dict[str, str], **more: Any) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(path, urlencode(form), content_type=FORM, **more)
