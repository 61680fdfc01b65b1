"""``ringfence tenant|key|trunk|number``, as an operator types them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.keys_fixture import Keys

from ringfence.domains.accounts import api as accounts
from ringfence.domains.trunks import api as trunks
from ringfence.entry.provision import groups
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.use import using

NOBODY = "AC" + "0" * 32
COMMANDS = {group.name: group for group in groups}


def run(group: str, *arguments: str) -> Result:
    return CliRunner().invoke(COMMANDS[group], list(arguments))


def made(group: str, *arguments: str) -> Any:
    result = run(group, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_from_a_tenant_to_a_number(db: DatabaseUrls) -> None:
    tenant = made("tenant", "create", "Acme")
    assert tenant["id"].startswith("AC")
    assert accounts.authenticate_api_key(tenant["api_key"]).tenant_id.hex == tenant["id"][2:]

    key = made("key", "create", "--tenant", tenant["id"], "--scope", "calls:read")
    assert key["id"].startswith("SK")
    assert key["tenant_id"] == tenant["id"]
    assert accounts.authenticate_api_key(key["api_key"]).scopes == {"calls:read"}
    assert key["purposes"] == ["service"]
    other = made(
        "key", "create", "--tenant", tenant["id"], "--purpose", "support", "--purpose", "billing"
    )
    assert accounts.authenticate_api_key(other["api_key"]).purposes == ("support", "billing")

    carrier = made(
        "trunk", "create", "Carrier", "--operator", "--source", "192.0.2.0/24",
        "--peer", "tcp:192.0.2.1:5070", "--auth-username", "us", "--auth-password", "hush",
        "--style", "no_plus", "--max-channels", "10",
    )  # fmt: skip
    assert carrier["id"].startswith("TK")
    assert carrier["tenant_id"] is None
    assert (carrier["peer_transport"], carrier["peer_host"], carrier["peer_port"]) == (
        "tcp", "192.0.2.1", 5070
    )  # fmt: skip
    with using("service", "test"):
        (routing,) = trunks.routing_trunks()
    assert routing.auth_password == "hush"
    assert routing.info.format.style == "no_plus"

    number = made(
        "number", "create", "+12025550101", "--tenant", tenant["id"],
        "--dial", f"trunk:{carrier['id']}:+14155550100", "--dial", "sip:desk@192.0.2.7:5080",
    )  # fmt: skip
    assert number["id"].startswith("PN")
    assert number["dial"] == [
        {"trunk_id": carrier["id"], "number": "+14155550100"},
        {"uri": "sip:desk@192.0.2.7:5080"},
    ]

    for group, one in (("tenant", tenant), ("trunk", carrier), ("number", number)):
        assert [item["id"] for item in made(group, "list")] == [one["id"]]
    assert len(made("key", "list", "--tenant", tenant["id"])) == 3


def test_without_the_process_keys_a_secret_is_refused_clearly(db: DatabaseUrls, keys: Keys) -> None:
    keys.stop()
    result = run(
        "trunk", "create", "T", "--operator", "--peer", "udp:192.0.2.1:5060",
        "--auth-username", "us", "--auth-password", "hush",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "unavailable: the process keys cannot be reached" in result.output
    assert "ringfence serve" in result.output
    assert "hush" not in result.output
    assert trunks.list_all_trunks() == ()


def test_text_for_people(db: DatabaseUrls) -> None:
    result = run("tenant", "create", "Acme")
    assert result.exit_code == 0
    assert "name: Acme\n" in result.output
    assert "api_key: rfk_" in result.output
    assert "rfk_" not in run("tenant", "list").output


@pytest.mark.parametrize(
    ("group", "arguments", "told"),
    [
        ("tenant", ("create", " "), "invalid_name"),
        ("key", ("create", "--tenant", NOBODY, "--purpose", "curiosity"), "unknown_purpose"),
        ("trunk", ("create", "T", "--source", "192.0.2.1"), "either --tenant or --operator"),
        ("trunk", ("create", "T", "--operator"), "invalid_trunk"),
        ("trunk", ("create", "T", "--operator", "--peer", "nowhere"), "udp:host:5060"),
        ("trunk", ("create", "T", "--operator", "--tenant", "AC1"), "32 hex digits"),
        (
            "number",
            ("create", "+12025550101", "--tenant", "AC" + "0" * 32, "--dial", "x"),
            "--dial",
        ),
    ],
)
def test_mistakes_are_named(
    db: DatabaseUrls, group: str, arguments: tuple[str, ...], told: str
) -> None:
    result = run(group, *arguments)
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output
