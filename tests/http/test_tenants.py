"""The operator's routes, and what becomes of a suspended tenant."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from tests.api import Someone, ask, someone

from ringfence.domains.accounts import api as accounts
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial
from ringfence.entry.provision import groups
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


@pytest.fixture
def operator(db: DatabaseUrls) -> str:
    return accounts.create_operator_key().secret


def test_a_tenant_from_nothing(operator: str) -> None:
    answer = ask("post", "/tenants", operator, {"name": "  Acme  "})
    assert answer.status_code == 201, answer.content
    tenant = answer.json()
    assert (tenant["name"], tenant["status"]) == ("Acme", "active")
    path = f"/tenants/{tenant['id']}"
    assert ask("get", path, operator).json() == tenant
    body = {"name": "first", "scopes": ["tenant:read"], "purposes": ["service"]}
    key = ask("post", f"{path}/keys", operator, body)
    assert key.status_code == 201, key.content
    assert ask("get", "/tenant", key.json()["secret"]).json() == tenant


def test_pages_of_tenants(operator: str) -> None:
    ids = [ask("post", "/tenants", operator, {"name": "T"}).json()["id"] for _ in range(3)]
    first = ask("get", "/tenants?limit=2", operator).json()
    second = ask("get", f"/tenants?limit=2&before={first['next']}", operator).json()
    assert [tenant["id"] for tenant in first["tenants"] + second["tenants"]] == ids[::-1]
    assert second["next"] is None


def test_a_suspended_tenant_is_told_so(acme: Someone, operator: str) -> None:
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}"
    number = "+12025550101"
    numbers.create_number(NewNumber(acme.tenant, number, (SipDial("sip:desk@192.0.2.7"),)))
    assert numbers.route(number) is not None
    etag = ask("get", path, operator).headers["ETag"]
    changed = ask("patch", path, operator, {"status": "suspended"}, If_Match=etag)
    assert (changed.status_code, changed.json()["status"]) == (200, "suspended")
    assert (changed.json()["name"], changed.headers["ETag"] != etag) == ("Acme", True)
    answer = ask("get", "/calls", acme.secret)
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    assert ask("get", "/calls", acme.secret[:-3] + "AAA").status_code == 401
    assert numbers.route(number) is None
    stale = ask("patch", path, operator, {"status": "active"}, If_Match=etag)
    assert stale.status_code == 412
    again = {"If_Match": changed.headers["ETag"]}
    assert ask("patch", path, operator, {"status": "active"}, **again).status_code == 200
    assert ask("get", "/calls", acme.secret).status_code == 200


def test_operator_and_tenant_keep_to_their_routes(acme: Someone, operator: str) -> None:
    tenant = public_id(Prefix.TENANT, acme.tenant)
    for verb, path in (
        ("get", "/tenants"), ("post", "/tenants"), ("get", f"/tenants/{tenant}"),
        ("patch", f"/tenants/{tenant}"), ("post", f"/tenants/{tenant}/keys"),
    ):  # fmt: skip
        body = {"name": "Taken over", "scopes": []} if "keys" in path else {"name": "Taken over"}
        answer = ask(verb, path, acme.secret, None if verb == "get" else body, If_Match="*")
        if path == "/tenants" and verb == "get":
            assert answer.json() == {"tenants": [], "next": None}  # who is no reseller has none
        elif path == "/tenants":
            assert (answer.status_code, answer.json()["code"]) == (403, "not_a_reseller")
        elif "keys" in path:
            assert (answer.status_code, answer.json()["code"]) == (403, "operator_only")
        else:  # nobody manages their own account
            assert (answer.status_code, answer.json()["code"]) == (404, "tenant_not_found")
    everything = accounts.create_operator_key(scopes=("tenant:read", "calls:read", "keys:write"))
    for path in ("/tenant", "/calls", "/keys"):
        answer = ask("get", path, everything.secret)
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_only")
    answer = ask("get", "/tenants", everything.secret)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert [one.name for one in accounts.list_tenants()] == ["Acme"]


def test_no_tenant_sees_the_operators_keys(acme: Someone, operator: str) -> None:
    (key,) = accounts.list_operator_keys()
    path = f"/keys/{public_id(Prefix.API_KEY, key.id)}"
    assert ask("get", path, acme.secret).status_code == 404
    assert ask("delete", path, acme.secret).status_code == 404
    assert len(ask("get", "/keys", acme.secret).json()["keys"]) == 1
    assert ask("get", "/tenants", operator).status_code == 200


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "code"),
    [
        ("post", "", {}, 422, "invalid_input"),
        ("post", "", {"name": "x", "status": "active"}, 422, "invalid_input"),
        ("post", "", {"name": " "}, 422, "invalid_name"),
        ("get", "/AC12", None, 422, "invalid_id"),
        ("get", "/AC" + "0" * 32, None, 404, "tenant_not_found"),
        ("patch", "/AC" + "0" * 32, {"name": "x"}, 404, "tenant_not_found"),
        ("post", "/AC" + "0" * 32 + "/keys", {"name": "x", "scopes": []}, 404, "tenant_not_found"),
    ],
)
def test_errors(operator: str, verb: str, path: str, body: Any, status: int, code: str) -> None:
    answer = ask(verb, f"/tenants{path}", operator, body, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_command_line_makes_an_operators_key(db: DatabaseUrls) -> None:
    (key,) = [group for group in groups if group.name == "key"]
    result = CliRunner().invoke(key, ["create", "--operator", "--expires", "2999-01-01T00:00:00Z"])
    assert result.exit_code == 0, result.output
    (secret,) = [line[9:] for line in result.output.splitlines() if line.startswith("api_key: ")]
    assert ask("get", "/tenants", secret).json() == {"tenants": [], "next": None}
    shown = CliRunner().invoke(key, ["list", "--operator"]).output
    assert "2999-01-01T00:00:00+00:00" in shown and secret not in shown
    for wrong in (["create"], ["list"], ["create", "--operator", "--purpose", "service"]):
        assert CliRunner().invoke(key, wrong).exit_code == 2
