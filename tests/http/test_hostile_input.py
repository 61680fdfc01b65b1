"""Whatever a client sends is answered; what cannot be kept is refused, and nothing is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from tests.api import Someone, ask, someone

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


@pytest.fixture
def operator(db: DatabaseUrls) -> str:
    scopes = ("tenants:write", "ledger:read", "ledger:write")
    return accounts.create_operator_key(scopes=scopes).secret


def send(path: str, key: str, text: str, kind: str = "application/json", **more: str) -> Any:
    """A body as it is."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "once"} | more
    client = Client(raise_request_exception=False)
    return client.post(f"/api/v1{path}", data=text, content_type=kind, headers=headers)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/keys", {"scopes": []}, "name"),
        ("/trunks", {"peer_host": "pbx.example.net"}, "name"),
        ("/trunks", {"name": "x", "username": "u"}, "password"),
        ("/devices", {}, "name"),
        ("/flows", {}, "name"),
        ("/flows", {"name": "x", "draft": {}}, "draft"),
        ("/webhooks", {"url": "https://example.com/", "events": ["*"]}, "description"),
        ("/targets", {"kind": "sip", "sip": "sip:a@b.example"}, "name"),
        ("/calls", {"caller_id": "+12025550101", "url": "https://example.com"}, "to"),
    ],
)
def test_text_that_nobody_can_keep(
    acme: Someone, path: str, body: dict[str, Any], field: str, text: str
) -> None:
    answer = send(path, acme.secret, json.dumps(body | {field: text}))
    assert (answer.status_code, answer.json()["code"]) == (422, "unusable_text")


@pytest.mark.parametrize("query", ["to_number=%00", "tag=%00", "tag=a&tag_value=a%00"])
def test_text_that_nobody_can_look_for(acme: Someone, query: str) -> None:
    answer = ask("get", f"/calls?{query}", acme.secret)
    assert (answer.status_code, answer.json()["code"]) == (422, "unusable_text")


def test_a_form_is_read_as_strictly(acme: Someone) -> None:
    edge = "--x\r\nContent-Disposition: form-data; "
    body = f'{edge}name="name"\r\n\r\na\0b\r\n'
    body += f'{edge}name="file"; filename="a.wav"\r\n\r\nx\r\n--x--\r\n'
    answer = send("/prompts", acme.secret, body, "multipart/form-data; boundary=x")
    assert (answer.status_code, answer.json()["code"]) == (422, "unusable_text")


@pytest.mark.parametrize("depth", [101, 930, 100_000])
def test_what_lies_too_deep(acme: Someone, depth: int) -> None:
    text = '{"name": "x", "draft": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    answer = send("/flows", acme.secret, text)
    assert answer.status_code in (400, 422), answer.content


def test_a_form_without_an_edge_and_a_body_without_an_end(acme: Someone) -> None:
    for path in ("/flows", "/prompts"):
        assert send(path, acme.secret, '{"name": "x"}', "multipart/form-data").status_code == 400
    answer = send("/flows", acme.secret, json.dumps({"name": "x" * 2_000_000}))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_times_that_cannot_be_read_again(acme: Someone, operator: str) -> None:
    for end in ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        answer = ask("post", "/keys", acme.secret, {"name": "x", "scopes": [], "expires_at": end})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_expiry")
    assert ask("get", "/keys", acme.secret).status_code == 200
    rate = {"prefix": "1", "price_per_minute": "1"}
    for times in (
        {"effective_from": "0001-01-01T00:00:00+14:00"},
        {"effective_from": "2026-01-01T00:00:00Z", "effective_to": "9999-12-31T23:59:59-14:00"},
    ):
        deck = {"name": "x", "kind": "sell", "currency": "USD", "rates": [rate | times]}
        path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/rates/decks"
        assert ask("post", path, operator, deck).status_code == 422
    assert ask("get", "/rates/decks", acme.secret).json()["decks"] == []


def test_currencies_are_three_letters(acme: Someone, operator: str) -> None:
    for currency in ("%00", "usd", "A" * 300):
        path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/wallets/{currency}"
        assert ask("get", path, operator).status_code == 422
        assert ask("patch", path, operator, {}, If_Match="*").status_code == 422


@pytest.mark.parametrize(
    "uri", ['sip:a\x01"b@h', "sip:a@h?Route=%3Csip:x%3E", "sip:ä@h", "tel:+12025550199", "sip:@"]
)
def test_numbers_lead_to_plain_addresses(acme: Someone, uri: str) -> None:
    answer = ask("post", "/numbers", acme.secret, {"e164": "+12025550110", "dial": [{"sip": uri}]})
    assert (answer.status_code, answer.json()["details"]) == (422, {"field": "dial"})
