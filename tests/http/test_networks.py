"""Keys and clients that are good from some networks alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.api import Someone, ask, someone
from tests.oauth import token_for
from tests.people import person
from tests.proxies import behind_proxies

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.ratelimit import use_limits

OFFICE, HOTEL, PROXY = "192.0.2.17", "198.51.100.7", "10.0.0.1"


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def ask_from(address: str, key: str, path: str = "/tenant", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Authorization"] = f"Bearer {key}"
    return Client().get(f"/api/v1{path}", headers=named, REMOTE_ADDR=address)


def office_key(acme: Someone, *networks: str) -> str:
    return accounts.create_api_key(
        acme.tenant, scopes=ALL_SCOPES, allowed_networks=networks or ("192.0.2.0/24",)
    ).secret


def test_a_key_is_refused_from_elsewhere_before_anything_else(acme: Someone) -> None:
    key = office_key(acme, "192.0.2.0/24", "2001:db8::/32")
    for address in (OFFICE, "2001:db8::7", "::ffff:192.0.2.1"):
        assert ask_from(address, key).status_code == 200, address
    for address in (HOTEL, "2001:db9::7", ""):
        for path in ("/tenant", "/nothing-here/x", "/calls/CA1", "/plans"):
            answer = ask_from(address, key, path)
            if path == "/nothing-here/x":
                assert answer.status_code == 404
                continue
            assert (answer.status_code, answer.json()["code"]) == (403, "address_refused")
    accounts.change_tenant(acme.tenant, status="suspended")
    assert ask_from(HOTEL, key).json()["code"] == "address_refused", "which tells no more"
    assert ask_from(OFFICE, key).json()["code"] == "tenant_suspended"


def test_a_header_moves_nobody_into_the_office(acme: Someone) -> None:
    key = office_key(acme)
    spoofed = {
        "X_Forwarded_For": OFFICE, "Forwarded": f"for={OFFICE}", "X_Real_IP": OFFICE,
        "Client_IP": OFFICE, "True_Client_IP": OFFICE,
    }  # fmt: skip
    assert ask_from(HOTEL, key, **spoofed).status_code == 403
    assert ask_from(PROXY, key, **spoofed).status_code == 403, "no proxy is trusted unless named"
    with behind_proxies("10.0.0.0/8"):
        assert ask_from(PROXY, key, X_Forwarded_For=OFFICE).status_code == 200
        for forwarded in (f"{OFFICE}, {HOTEL}", f"{OFFICE},{HOTEL},{PROXY}", f"{OFFICE}, x", HOTEL):
            assert ask_from(PROXY, key, X_Forwarded_For=forwarded).status_code == 403, forwarded
        assert ask_from(HOTEL, key, X_Forwarded_For=OFFICE).status_code == 403
        assert ask_from(OFFICE, key, X_Forwarded_For=HOTEL).status_code == 200


def test_use_from_elsewhere_is_counted_as_a_failure_and_notes_no_use(acme: Someone) -> None:
    key = office_key(acme)
    with use_clock(ManualClock(datetime(2026, 11, 22, tzinfo=UTC))), use_limits(failures=2):
        codes = [ask_from(HOTEL, key).json()["code"] for _ in range(3)]
        assert codes == ["address_refused", "address_refused", "rate_limited"]
        assert ask_from(OFFICE, key).status_code == 200
    other = office_key(acme)
    ask_from(HOTEL, other)
    used = {info.last4: info.last_used_at for info in accounts.list_api_keys(acme.tenant)}
    assert used[key[-4:]] is not None and used[other[-4:]] is None


def test_networks_are_named_over_the_api(acme: Someone) -> None:
    body = {"name": "x", "scopes": ["tenant:read"], "allowed_networks": ["192.0.2.0/24"]}
    made = ask("post", "/keys", acme.secret, body).json()
    assert made["allowed_networks"] == ["192.0.2.0/24"]
    assert ask_from(HOTEL, made["secret"]).status_code == 403
    path = f"/keys/{made['id']}"
    changed = ask("patch", path, acme.secret, {"allowed_networks": []}, If_Match="*").json()
    assert (changed["allowed_networks"], changed["name"]) == ([], "x")
    assert ask_from(HOTEL, made["secret"]).status_code == 200
    for wrong in (["192.0.2.1/24"], ["nonsense"], ["fe80::1%eth0/128"], ["::/0"] * 51):
        answer = ask("post", "/keys", acme.secret, body | {"allowed_networks": wrong})
        assert answer.status_code == 422, wrong
    answer = ask("patch", path, acme.secret, {"allowed_networks": ["x"]}, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_network")


def test_no_key_makes_one_that_works_where_it_does_not(acme: Someone) -> None:
    key = office_key(acme, "127.0.0.0/8", "192.0.2.0/24")  # the test asks from loopback
    body = {"name": "x", "scopes": ["tenant:read"]}
    for wide in ([], ["192.0.0.0/16"], ["192.0.2.0/25", "198.51.100.0/24"], ["::/0"]):
        for path in ("/keys", "/clients"):
            answer = ask("post", path, key, body | {"allowed_networks": wide})
            assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused"), wide
    inner = {"allowed_networks": ["192.0.2.128/25"]}
    for path in ("/keys", "/clients"):
        made = ask("post", path, key, body | inner)
        assert made.status_code == 201
        own = f"{path}/{made.json()['id']}"
        answer = ask("patch", own, key, {"allowed_networks": []}, If_Match="*")
        assert answer.json()["code"] == "grant_refused"
    (itself,) = (info for info in accounts.list_api_keys(acme.tenant) if info.last4 == key[-4:])
    answer = ask("patch", f"/keys/SK{itself.id.hex}", key, {"allowed_networks": []}, If_Match="*")
    assert answer.json()["code"] == "grant_refused", "nor frees itself"
    owner = person("owner", acme.tenant)
    answer = owner("patch", f"/keys/SK{itself.id.hex}", {"allowed_networks": []}, If_Match="*")
    assert answer.status_code == 200, answer.content


def test_a_client_is_bound_to_its_networks(acme: Someone) -> None:
    body = {"name": "x", "scopes": ["tenant:read"], "allowed_networks": ["192.0.2.0/24"]}
    made = ask("post", "/clients", acme.secret, body).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": made["id"],
        "client_secret": made["secret"],
    }
    refused = token_for(form, REMOTE_ADDR=HOTEL)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert refused.json()["error_description"] == "address_refused"
    token = token_for(form, REMOTE_ADDR=OFFICE).json()
    assert ask_from(OFFICE, token["access_token"]).status_code == 200
    answer = ask_from(HOTEL, token["access_token"])
    assert (answer.status_code, answer.json()["code"]) == (403, "address_refused")
    clock = ManualClock(datetime.now(UTC) + timedelta(hours=2))
    with use_clock(clock):
        assert ask_from(HOTEL, token["access_token"]).status_code == 401, "it is over"
