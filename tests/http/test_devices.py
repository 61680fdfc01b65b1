"""Phones of a tenant: what goes in, what is shown once, what the call plane gets."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from django.conf import settings
from tests.api import Someone, ask, someone

from ringfence.domains.devices import api as devices
from ringfence.domains.devices.contracts import NewDevice
from ringfence.domains.flows import api as flows
from ringfence.domains.flows.contracts import NewTarget, TargetKind
from ringfence.engine.ports import ConfigRequest, DeviceConfig
from ringfence.engine.verbs.model import DeviceTarget
from ringfence.entry.control.decisions import Decisions
from ringfence.entry.control.targets import first_target
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.config_version import config_version

PASSWORD = "correct-horse-9"


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def made(key: str, **fields: Any) -> Any:
    answer = ask("post", "/devices", key, {"name": "Reception"} | fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def changed(key: str, device: str, **fields: Any) -> Any:
    etag = ask("get", f"/devices/{device}", key).headers["ETag"]
    return ask("patch", f"/devices/{device}", key, fields, If_Match=etag)


def ringing(decisions: Decisions | None = None) -> tuple[DeviceConfig, ...]:
    """The devices that the call plane gets."""
    snapshot = (decisions or Decisions()).config(ConfigRequest())
    assert snapshot is not None
    return snapshot.devices


def ha1(username: str, password: str) -> tuple[str, str]:
    text = f"{username}:{settings.RINGFENCE.sip.realm}:{password}".encode()
    return hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()


def test_what_is_left_out_is_made_up_and_shown_once(acme: Someone) -> None:
    device = made(acme.secret)
    username, password = device["username"], device.pop("password")
    assert username.startswith("desk-") and len(username) == 11
    assert len(password) == 24
    one = ask("get", f"/devices/{device['id']}", acme.secret)
    assert one.json() == device
    assert ask("get", "/devices", acme.secret).json() == {"devices": [device], "next": None}
    (config,) = ringing()
    assert (config.tenant, config.username) == (acme.tenant, username)
    assert (config.ha1_md5, config.ha1_sha256) == ha1(username, password)
    other = made(acme.secret)
    assert other["username"] != username and other["password"] != password


def test_what_is_given_is_taken_and_not_shown(acme: Someone, db: DatabaseUrls) -> None:
    device = made(acme.secret, username="front.desk", password=PASSWORD)
    assert (device["username"], device["password"]) == ("front.desk", None)
    (config,) = ringing()
    md5, sha256 = ha1("front.desk", PASSWORD)
    assert (config.ha1_md5, config.ha1_sha256) == (md5, sha256)
    with psycopg.connect(db.owner) as owner:
        (row,) = owner.execute("SELECT d::text FROM devices_device d").fetchall()
    for secret in (PASSWORD, md5, sha256, md5.encode().hex(), sha256.encode().hex()):
        assert secret not in row[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 121),
        ("username", "ab"),
        ("username", "Desk"),
        ("username", "a b c"),
        ("username", "x" * 41),
        ("username", "desk@home"),
        ("password", "short-one-1"),
        ("password", "with a space in it"),
        ("password", "aaaaaaaaaaaaaaaa"),
        ("password", "ümlaute-im-passwort"),
    ],
)
def test_what_is_refused_names_its_field(acme: Someone, field: str, value: str) -> None:
    answer = ask("post", "/devices", acme.secret, {"name": "Reception"} | {field: value})
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["details"]) == ("invalid_device", {"field": field})


def test_a_password_that_contains_the_user_name_is_refused(acme: Someone) -> None:
    body = {"name": "R", "username": "reception", "password": "my-Reception-1"}
    assert ask("post", "/devices", acme.secret, body).json()["details"] == {"field": "password"}


def test_a_user_name_is_one_device_s_in_the_whole_installation(acme: Someone) -> None:
    made(acme.secret, username="front")
    bolt = someone("Bolt")
    for key in (acme.secret, bolt.secret):
        answer = ask("post", "/devices", key, {"name": "Again", "username": "front"})
        assert (answer.status_code, answer.json()["code"]) == (409, "device_username_conflict")
    assert ask("get", "/devices", bolt.secret).json()["devices"] == []


def test_a_made_up_user_name_that_exists_is_not_taken(
    acme: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(acme.secret, username="desk-taken1")
    names = iter(["desk-taken1", "desk-taken1", "desk-free22"])
    monkeypatch.setattr(
        "ringfence.domains.devices.usecases.create_device.made_up_username", lambda: next(names)
    )
    assert made(acme.secret)["username"] == "desk-free22"


def test_another_password_takes_the_place_of_the_old(acme: Someone) -> None:
    device = made(acme.secret)
    path = f"/devices/{device['id']}/rotate-password"
    answer = ask("post", path, acme.secret, b"")
    assert answer.status_code == 200, answer.content
    assert answer.json()["password"] not in (None, device["password"])
    (config,) = ringing()
    assert config.ha1_sha256 == ha1(device["username"], answer.json()["password"])[1]
    given = ask("post", path, acme.secret, {"password": PASSWORD})
    assert given.json()["password"] is None
    (config,) = ringing()
    assert config.ha1_sha256 == ha1(device["username"], PASSWORD)[1]
    assert ask("post", path, acme.secret, {"password": "short"}).status_code == 422


def test_changes_reach_the_call_plane(acme: Someone) -> None:
    device = made(acme.secret)
    decisions, before = Decisions(), config_version()
    assert len(ringing(decisions)) == 1
    answer = changed(acme.secret, device["id"], enabled=False)
    assert answer.status_code == 200
    assert (answer.json()["enabled"], answer.json()["name"]) == (False, "Reception")
    assert config_version() > before
    assert ringing(decisions) == ()
    assert changed(acme.secret, device["id"], name="Desk").json()["name"] == "Desk"
    assert changed(acme.secret, device["id"], name="").status_code == 422
    assert changed(acme.secret, device["id"], username="other").status_code == 422
    assert ask("patch", f"/devices/{device['id']}", acme.secret, {}).status_code == 428


def test_pages(acme: Someone) -> None:
    ids = [made(acme.secret)["id"] for _ in range(3)]
    first = ask("get", "/devices?limit=2", acme.secret).json()
    assert [one["id"] for one in first["devices"]] == [ids[2], ids[1]]
    rest = ask("get", f"/devices?limit=2&before={first['next']}", acme.secret).json()
    assert ([one["id"] for one in rest["devices"]], rest["next"]) == ([ids[0]], None)


def test_nobody_touches_another_tenant_s_device(acme: Someone) -> None:
    device, bolt = made(acme.secret), someone("Bolt")
    path = f"/devices/{device['id']}"
    answers = [
        ask("get", path, bolt.secret),
        ask("patch", path, bolt.secret, {"name": "Mine"}, If_Match="*"),
        ask("post", f"{path}/rotate-password", bolt.secret, {}),
        ask("delete", path, bolt.secret),
    ]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(404, "device_not_found")}
    (config,) = ringing()
    assert config.ha1_sha256 == ha1(device["username"], device["password"])[1]


def test_a_device_that_is_used_stays(acme: Someone) -> None:
    device = made(acme.secret)["id"]
    id_ = parse_public_id(Prefix.DEVICE, device)
    new = NewTarget("Reception", TargetKind.DEVICE, device_id=id_)
    target = flows.create_target(acme.tenant, new)
    nodes = {"ring": {"type": "dial", "targets": [{"device": device}]}}
    flow = flows.create_flow(acme.tenant, "Main", {"start": "ring", "nodes": nodes})
    flows.publish(acme.tenant, flow.id)
    answer = ask("delete", f"/devices/{device}", acme.secret)
    assert (answer.status_code, answer.json()["code"]) == (409, "device_in_use")
    assert [one[:2] for one in answer.json()["details"]["used_by"]] == ["TG", "FW"]
    flows.delete_target(acme.tenant, target.id)
    assert ask("delete", f"/devices/{device}", acme.secret).status_code == 409
    flows.archive_flow(acme.tenant, flow.id)
    assert ask("delete", f"/devices/{device}", acme.secret).status_code == 204
    assert ringing() == ()
    assert ask("get", f"/devices/{device}", acme.secret).status_code == 404


def test_flows_and_documents_find_devices_by_their_tenant(acme: Someone) -> None:
    device = made(acme.secret, username="front")
    id_, bolt = parse_public_id(Prefix.DEVICE, device["id"]), someone("Bolt")
    nodes = {"ring": {"type": "dial", "targets": [{"device": device["id"]}]}}
    flow = flows.create_flow(acme.tenant, "Main", {"start": "ring", "nodes": nodes})
    flows.publish(acme.tenant, flow.id)
    parts = flows.published_parts(acme.tenant, flow.id)
    assert parts.devices == {id_: "front"}
    stolen = flows.create_flow(bolt.tenant, "Main", {"start": "ring", "nodes": nodes})
    with pytest.raises(Exception, match="flow"):
        flows.publish(bolt.tenant, stolen.id)
    decisions = Decisions()
    names = frozenset({"front", "nobody"})
    assert decisions.devices(acme.tenant, names) == {"front": id_}
    assert decisions.devices(bolt.tenant, names) == {}


def test_the_command_line(acme: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    from ringfence.entry import provision

    monkeypatch.setattr(provision, "setup_django", lambda role: None)
    tenant = f"AC{acme.tenant.hex}"
    run = CliRunner().invoke
    create = ["create", "Reception", "--tenant", tenant, "--username", "front"]
    shown = run(provision.device, create)
    assert shown.exit_code == 0, shown.output
    assert "username: front" in shown.output and "password: " in shown.output
    listed = run(provision.device, ["list"])
    assert "username: front" in listed.output and "password" not in listed.output
    unknown = run(provision.device, ["create", "X", "--tenant", f"AC{new_id().hex}"])
    assert unknown.exit_code == 2 and "no such tenant" in unknown.output


def test_originated_calls_ring_devices_of_their_tenant(acme: Someone) -> None:
    made_ = devices.create_device(acme.tenant, NewDevice("Desk", "front")).info
    snapshot = Decisions().config(ConfigRequest())
    assert snapshot is not None
    to = f"DV{made_.id.hex}"
    assert first_target(snapshot, acme.tenant, to) == DeviceTarget(made_.id, "front")
    with pytest.raises(Exception, match="no such device"):
        first_target(snapshot, UUID(int=1), to)
