"""Trunks that a tenant connects itself: what goes in, what never comes out, what calls get."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest
from django.db import connections
from tests.api import Someone, ask, someone

from ringfence.domains.accounts import api as accounts
from ringfence.domains.flows import api as flows
from ringfence.domains.flows.contracts import NewTarget, TargetKind
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, TrunkDial
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk, RoutingTrunk
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.config_version import config_version
from ringfence.platform_django.use import using

PBX = {
    "name": "PBX",
    "username": "pbx",
    "password": "inbound hush",
    "peer_host": "pbx.example.net",
    "peer_port": 5070,
    "peer_transport": "tcp",
    "auth_username": "us",
    "auth_password": "outbound hush",
    "format": {"style": "no_plus", "strip_prefix": "9"},
    "max_channels": 10,
}


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def made(key: str, **fields: Any) -> Any:
    answer = ask("post", "/trunks", key, PBX | fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def changed(key: str, trunk: str, **fields: Any) -> Any:
    etag = ask("get", f"/trunks/{trunk}", key).headers["ETag"]
    answer = ask("patch", f"/trunks/{trunk}", key, fields, If_Match=etag)
    assert answer.status_code == 200, answer.content
    return answer.json()


def routing() -> RoutingTrunk:
    """The one trunk as the call plane gets it."""
    with using("service", "test"):
        (found,) = trunks.routing_trunks()
    return found


def test_what_goes_in_comes_out_but_for_passwords(acme: Someone) -> None:
    trunk = made(acme.secret)
    shown = {name: value for name, value in PBX.items() if "password" not in name}
    for name, value in shown.items():
        if name != "format":
            assert trunk[name] == value
    assert trunk["format"]["style"] == "no_plus" and trunk["format"]["country_code"] == "1"
    one = ask("get", f"/trunks/{trunk['id']}", acme.secret)
    assert one.json() == trunk
    assert "hush" not in one.content.decode() + ask("get", "/trunks", acme.secret).content.decode()
    got = routing()
    assert got.info.tenant_id == acme.tenant
    assert got.auth_password == "outbound hush"
    assert got.ha1_md5 is not None and got.ha1_sha256 is not None


def test_each_change_is_told_to_the_call_plane(acme: Someone) -> None:
    versions = [config_version()]
    trunk = made(acme.secret)["id"]
    versions.append(config_version())
    changed(acme.secret, trunk, peer_port=5080)
    versions.append(config_version())
    id_ = parse_public_id(Prefix.TRUNK, trunk)
    trunks.set_sources(acme.tenant, id_, ("198.51.100.64/28",))
    versions.append(config_version())
    assert ask("delete", f"/trunks/{trunk}", acme.secret).status_code == 204
    versions.append(config_version())
    assert versions == sorted(set(versions))
    assert ask("get", f"/trunks/{trunk}", acme.secret).status_code == 404


def test_what_is_left_out_stays(acme: Someone) -> None:
    trunk = made(acme.secret)
    before = routing()
    after = changed(acme.secret, trunk["id"], name="Main", format={"add_prefix": "8"})
    expected = trunk | {"name": "Main", "format": trunk["format"] | {"add_prefix": "8"}}
    assert after == expected
    now = routing()
    assert (now.ha1_md5, now.ha1_sha256, now.auth_password) == (
        before.ha1_md5, before.ha1_sha256, before.auth_password
    )  # fmt: skip


def test_passwords_are_changed_and_dropped(acme: Someone) -> None:
    trunk = made(acme.secret)["id"]
    before = routing()
    changed(acme.secret, trunk, password="another", auth_password="new hush")
    now = routing()
    assert now.ha1_md5 != before.ha1_md5 and now.auth_password == "new hush"
    changed(acme.secret, trunk, username="pbx2", password="another")
    assert routing().ha1_md5 != now.ha1_md5, "the user name is part of what is hashed"
    for name, password in (("username", "password"), ("auth_username", "auth_password")):
        answer = ask("patch", f"/trunks/{trunk}", acme.secret, {name: "odd"}, If_Match="*")
        assert (answer.status_code, answer.json()["details"]) == (422, {"field": password})
    changed(acme.secret, trunk, username=None, auth_username=None)
    gone = routing()
    assert (gone.ha1_md5, gone.ha1_sha256, gone.auth_password) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"password": None}, "password"),
        ({"auth_password": ""}, "auth_password"),
        ({"username": "a b"}, "username"),
        ({"peer_host": "a b"}, "peer_host"),
        ({"peer_port": 0}, "peer_port"),
        ({"max_channels": 0}, "max_channels"),
        ({"format": {"country_code": "x"}}, "country_code"),
    ],
)
def test_what_cannot_be_accepted_is_named(
    acme: Someone, fields: dict[str, Any], field: str
) -> None:
    answer = ask("post", "/trunks", acme.secret, PBX | fields)
    assert answer.status_code == 422, answer.content
    assert (answer.json()["code"], answer.json()["details"]) == ("invalid_trunk", {"field": field})
    assert ask("get", "/trunks", acme.secret).json() == {"trunks": []}
    trunk = made(acme.secret)
    if "password" not in fields and "username" not in fields:
        answer = ask("patch", f"/trunks/{trunk['id']}", acme.secret, fields, If_Match="*")
        assert (answer.status_code, answer.json()["details"]) == (422, {"field": field})
    assert ask("get", f"/trunks/{trunk['id']}", acme.secret).json() == trunk


def test_conflicts(acme: Someone) -> None:
    bolt = someone("Bolt")
    made(acme.secret)
    other = made(bolt.secret, username="other")
    taken = {"username": "pbx", "password": "x"}
    answer = ask("post", "/trunks", bolt.secret, PBX | taken)
    assert (answer.status_code, answer.json()["code"]) == (409, "trunk_username_conflict")
    answer = ask("patch", f"/trunks/{other['id']}", bolt.secret, taken, If_Match="*")
    assert (answer.status_code, answer.json()["code"]) == (409, "trunk_username_conflict")
    assert ask("get", f"/trunks/{other['id']}", bolt.secret).json() == other


def test_a_tenant_names_no_networks(acme: Someone) -> None:
    """Whoever has a network gets its calls: it could be another's, or the operator's carrier."""
    trunk = made(acme.secret)
    for verb, path in (("post", "/trunks"), ("patch", f"/trunks/{trunk['id']}")):
        body = PBX | {"username": "other", "sources": ["198.51.100.7"]}
        assert ask(verb, path, acme.secret, body, If_Match="*").status_code == 422
    sources = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/trunks/{trunk['id']}/sources"
    answer = ask("put", sources, acme.secret, {"sources": ["198.51.100.7"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "operator_only")
    assert ask("get", f"/trunks/{trunk['id']}", acme.secret).json()["sources"] == []


def test_the_operator_names_networks(acme: Someone) -> None:
    bolt = someone("Bolt")
    key = accounts.create_operator_key(scopes=("trunks:write",)).secret
    tenant = public_id(Prefix.TENANT, acme.tenant)
    trunk = made(acme.secret)["id"]
    sources = f"/tenants/{tenant}/trunks/{trunk}/sources"
    named = ask("put", sources, key, {"sources": ["198.51.100.0/28"]})
    assert (named.status_code, named.json()["sources"]) == (200, ["198.51.100.0/28"])
    assert routing().info.sources == ("198.51.100.0/28",)
    assert changed(acme.secret, trunk, name="Main")["sources"] == ["198.51.100.0/28"]
    made_whole = {"name": "By address", "sources": ["198.51.100.32/28"]}
    answer = ask("post", f"/tenants/{tenant}/trunks", key, made_whole)
    assert (answer.status_code, answer.json()["sources"]) == (201, ["198.51.100.32/28"])
    by_address = answer.json()["id"]
    for path, body, expected in (
        (sources, {"sources": ["198.51.100.40"]}, (409, "trunk_source_conflict")),
        (sources, {"sources": ["nonsense"]}, (422, "invalid_trunk")),
        (sources.replace(trunk, by_address), {"sources": []}, (422, "invalid_trunk")),
        (
            sources.replace(tenant, public_id(Prefix.TENANT, bolt.tenant)),
            {"sources": []},
            (404, "trunk_not_found"),
        ),
    ):
        answer = ask("put", path, key, body)
        assert (answer.status_code, answer.json()["code"]) == expected
    assert ask("put", sources, key, {"sources": []}).json()["sources"] == []


def test_a_trunk_in_use_is_not_deleted(acme: Someone) -> None:
    trunk = made(acme.secret)["id"]
    id_ = parse_public_id(Prefix.TRUNK, trunk)
    number = numbers.create_number(
        NewNumber(acme.tenant, "+12025550101", (TrunkDial(id_, "+12025550199"),))
    )
    target = flows.create_target(
        acme.tenant,
        NewTarget(name="Sales", kind=TargetKind.NUMBER, trunk_id=id_, number="+12025550199"),
    )
    answer = ask("delete", f"/trunks/{trunk}", acme.secret)
    assert (answer.status_code, answer.json()["code"]) == (409, "trunk_in_use")
    assert answer.json()["details"]["used_by"] == [
        public_id(Prefix.TARGET, target.id), public_id(Prefix.NUMBER, number.id)
    ]  # fmt: skip
    flows.delete_target(acme.tenant, target.id)
    assert ask("delete", f"/trunks/{trunk}", acme.secret).status_code == 409
    numbers.release_number(acme.tenant, number.id)
    assert ask("delete", f"/trunks/{trunk}", acme.secret).status_code == 204


def test_only_ones_own(acme: Someone, db: DatabaseUrls) -> None:
    bolt = someone("Bolt")
    theirs = made(bolt.secret)["id"]
    carrier = trunks.create_trunk(NewTrunk(name="Carrier", sources=("192.0.2.0/24",)))
    for trunk in (theirs, public_id(Prefix.TRUNK, carrier.id)):
        path = f"/trunks/{trunk}"
        assert ask("get", path, acme.secret).status_code == 404
        assert ask("patch", path, acme.secret, {"name": "x"}, If_Match="*").status_code == 404
        assert ask("delete", path, acme.secret).status_code == 404
    with psycopg.connect(db.owner) as connection:
        names = connection.execute("SELECT name FROM trunks_trunk ORDER BY name").fetchall()
    assert names == [("Carrier",), ("PBX",)]


def test_there_is_an_end(acme: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.domains.trunks.usecases.create_trunk.MAX_TRUNKS", 1)
    made(acme.secret)
    answer = ask("post", "/trunks", acme.secret, PBX | {"username": "b"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_trunks")


def test_changes_of_one_address_wait_for_each_other(acme: Someone, db: DatabaseUrls) -> None:
    """What is compared with the ETag is what is then changed."""

    trunk = made(acme.secret)["id"]
    etag = ask("get", f"/trunks/{trunk}", acme.secret).headers["ETag"]
    answers: list[int] = []
    barrier = threading.Barrier(4)

    def change(name: str) -> None:
        try:
            barrier.wait(20)
            path = f"/trunks/{trunk}"
            answer = ask("patch", path, acme.secret, {"name": name}, If_Match=etag)
            answers.append(answer.status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=change, args=(f"n{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert sorted(answers) == [200, 412, 412, 412]
