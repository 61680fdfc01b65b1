"""Requests that somebody else makes for the person: by what right, and who confirms it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client
from tests.http.test_portal import Browser, jobs
from tests.keys_fixture import Keys
from tests.people import make_member, make_user, sign_in
from tests.recorded_calls import World, recorded_world
from tests.rights import (
    CALLEE,
    CALLER,
    ask,
    both_ways,
    create,
    data_of,
    fetched,
    get,
    person_of,
    refused,
    verify,
)

from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial
from ringfence.domains.portal import api as portal
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import tasks
from ringfence.domains.privacy.contracts import RightsRequestNotFound
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id

OWN, HASH, AGENT = "+12025550142", "ab" * 32, "Rights & Sons"


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        dial = (SipDial("sip:desk@pbx.example.net"),)
        numbers.create_number(NewNumber(made.acme, OWN, dial))
        portal.put_portal(made.acme, "acme", OWN, officer_confirms=False)
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key(purposes=("service", "support"))


def agent(authority: str, **more: Any) -> dict[str, Any]:
    shown = {"authority": authority, "document_sha256": HASH, "agent": AGENT, "reference": "D 7"}
    return shown | more


def by_authority(key: str, made: dict[str, Any]) -> Any:
    return ask(f"/rights-requests/{made['id']}/verify", key, {"method": "authority"})


def answer(world: World, made: dict[str, Any]) -> None:
    with world.worker():
        tasks.build_package(made["id"][2:])


@pytest.mark.parametrize("document", ["", "ab", "g" * 64, "AB" * 32])
def test_nobody_acts_without_evidence(world: World, key: str, document: str) -> None:
    body = {"kind": "access", "number": CALLER, "jurisdiction": "us-ca"}
    for kind in ("access", "opt_out_sale"):
        shown = agent("power_of_attorney", document_sha256=document)
        sent = ask("/rights-requests", key, body | {"kind": kind, "on_behalf": shown})
        refused(sent, 422, "authority_evidence_missing")
    assert ask("/rights-requests", key).json()["requests"] == []
    own = create(key)
    refused(by_authority(key, own), 422, "authority_evidence_missing")
    assert get(key, own)["state"] == "received"


def test_a_power_of_attorney_is_enough(world: World, key: str) -> None:
    made = create(key, on_behalf=agent("power_of_attorney"))
    assert made["on_behalf"] == {
        "authority": "power_of_attorney", "document_sha256": HASH, "expires_at": None,
        "confirmed_at": None, "awaits_confirmation": False,
    }  # fmt: skip
    refused(verify(key, made), 422, "verification_method_unfit")
    assert by_authority(key, made).json()["state"] == "verified"
    answer(world, made)
    done = get(key, made)
    assert done["receipt"]["method"] == "authority"
    assert done["receipt"]["authority"] == {
        "kind": "power_of_attorney", "document_sha256": HASH, "expires_at": None,
        "confirmed_at": None,
    }  # fmt: skip
    assert AGENT not in json.dumps(done), "not who it was"
    data = data_of(fetched(key, made))
    (row,) = [
        row["values"]
        for table in data["tables"]
        if table["table"] == "privacy.RightsRequest"
        for row in table["rows"]
        if row["row"] == made["id"][2:]
    ]
    assert row["authority_sealed"] == {"agent": AGENT, "reference": "D 7"}, "the person sees who"


def test_an_agent_gets_what_the_person_would(world: World, key: str) -> None:
    """Row by row; but for the requests themselves, which tell of each other."""
    own, theirs = create(key), create(key, on_behalf=agent("power_of_attorney"))
    verify(key, own)
    by_authority(key, theirs)
    packages = []
    for made in (own, theirs):
        answer(world, made)
        tables = data_of(fetched(key, made))["tables"]
        packages.append([t for t in tables if t["table"] != "privacy.RightsRequest"])
    assert packages[0] == packages[1]
    assert CALLEE not in json.dumps(packages)


def test_a_signed_permission_counts_once_the_person_said_so(
    world: World, key: str, db: DatabaseUrls
) -> None:
    made = create(key, on_behalf=agent("signed_permission"))
    assert made["on_behalf"]["awaits_confirmation"] is True
    refused(by_authority(key, made), 409, "authority_unconfirmed")
    refused(verify(key, made), 422, "verification_method_unfit")
    other = Browser(world, db)
    assert AGENT not in other.enter(CALLEE, "status").content.decode()
    assert other.post(f"requests/{made['id']}/permit").status_code == 404
    assert other.post(f"requests/{made['id']}/forbid").status_code == 404
    assert get(key, made)["state"] == "received"
    person = Browser(world, db)
    shown = person.enter(CALLER, "status").content.decode()
    assert "Rights &amp; Sons" in shown
    assert person.post(f"requests/{made['id']}/permit").status_code == 303
    said = get(key, made)
    assert (said["state"], said["method"]) == ("verified", "authority")
    assert said["on_behalf"]["confirmed_at"] is not None
    assert "Yes, they may" not in person.get("requests/").content.decode()
    assert "problem=agent" in person.post(f"requests/{made['id']}/permit").headers["Location"]
    answer(world, made)
    receipt = get(key, made)["receipt"]
    assert receipt["received_at"] < receipt["authority"]["confirmed_at"] <= receipt["verified_at"]


def test_who_says_no_ends_it(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, on_behalf=agent("signed_permission"))
    nobody = Client(raise_request_exception=False)
    assert nobody.post(f"/privacy/acme/requests/{made['id']}/permit").status_code == 302
    person = Browser(world, db)
    person.enter(CALLER, "status")
    assert person.post(f"requests/{made['id']}/forbid").status_code == 303
    ended = get(key, made)
    assert (ended["state"], ended["refusal"]) == ("refused", "not_verified")
    refused(by_authority(key, made), 409, "wrong_rights_state")


def test_a_deletion_waits_for_the_officer_where_the_portal_says_so(
    world: World, key: str, db: DatabaseUrls
) -> None:
    portal.put_portal(world.acme, "acme", OWN, officer_confirms=True)
    made = create(key, "deletion", on_behalf=agent("signed_permission"))
    person = Browser(world, db)
    person.enter(CALLER, "status")
    assert person.post(f"requests/{made['id']}/permit").status_code == 303
    assert get(key, made)["state"] == "received"
    assert by_authority(key, made).json()["state"] == "running"
    (job,) = jobs(db, "privacy.carry_out")
    with world.worker():
        tasks.carry_out(job["erasure"])
    gone = get(key, made)
    assert gone["state"] == "done"
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT authority, authority_sealed FROM privacy_rights_request WHERE id = %s",
            [UUID(made["id"][2:])],
        ).fetchone()
    assert row == ("signed_permission", None), "who the agent was goes with the person"


def test_what_is_over_counts_no_more(world: World, key: str, db: DatabaseUrls) -> None:
    now = world.keys.clock.now()
    body = {"kind": "access", "number": CALLER, "jurisdiction": "us-ca"}
    past = agent("power_of_attorney", expires_at=(now - timedelta(minutes=1)).isoformat())
    refused(ask("/rights-requests", key, body | {"on_behalf": past}), 409, "authority_expired")
    until = (now + timedelta(minutes=5)).isoformat()
    one = create(key, on_behalf=agent("power_of_attorney", expires_at=until))
    two = create(key, on_behalf=agent("signed_permission", expires_at=until))
    person = Browser(world, db)
    person.enter(CALLER, "status")
    world.keys.clock.advance(timedelta(minutes=6))
    refused(by_authority(key, one), 409, "authority_expired")
    assert "problem=agent" in person.post(f"requests/{two['id']}/permit").headers["Location"]
    assert {get(key, made)["state"] for made in (one, two)} == {"received"}


def test_an_appeal_rests_on_the_same_authority(world: World, key: str) -> None:
    officer = world.key(purposes=("service",))
    made = create(key, on_behalf=agent("power_of_attorney"))
    ask(f"/rights-requests/{made['id']}/refuse", key, {"reason": "unfounded"})
    appeal = ask(f"/rights-requests/{made['id']}/appeal", key, {}).json()
    assert by_authority(key, appeal).json()["state"] == "running"
    decided = ask(f"/rights-requests/{appeal['id']}/decide", officer, {"granted": True})
    assert decided.status_code == 200, decided.content
    newest = ask("/rights-requests", key).json()["requests"][0]
    assert (newest["follows_appeal"], newest["method"]) == (appeal["id"], "authority")
    own = create(key)
    ask(f"/rights-requests/{own['id']}/refuse", key, {"reason": "unfounded"})
    bare = ask(f"/rights-requests/{own['id']}/appeal", key, {}).json()
    refused(by_authority(key, bare), 422, "authority_evidence_missing")


def test_an_agent_opts_out_at_once(world: World, key: str) -> None:
    made = create(key, "opt_out_cpni", on_behalf=agent("signed_permission"))
    assert made["state"] == "running"
    answer(world, made)
    assert get(key, made)["receipt"]["authority"]["kind"] == "signed_permission"


def test_of_nobody_nothing_of_the_agent_is_kept(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, number="+14155550177", on_behalf=agent("power_of_attorney"))
    by_authority(key, made)
    answer(world, made)
    assert get(key, made)["receipt"]["result"] == {"held": False}
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT authority_hash, authority_sealed FROM privacy_rights_request WHERE id = %s",
            [UUID(made["id"][2:])],
        ).fetchone()
    assert row == (HASH, None)


def test_the_desk_notes_and_shows_who_asks(world: World, key: str) -> None:
    user = make_user("owner@acme.example")
    make_member(user, world.acme, "owner")
    desk = sign_in(user, world.acme).client
    body = {
        "kind": "access", "contact": CALLER, "jurisdiction": "us-ca", "document": HASH.upper(),
        "authority": "power_of_attorney", "agent": AGENT, "reference": "D 7",
        "expires": "2099-12-31",
    }  # fmt: skip
    for wrong in ({"document": ""}, {"expires": "soon"}, {"authority": "friend"}):
        assert desk.post("/accounts/rights/new/", body | wrong).status_code == 422, wrong
    assert desk.post("/accounts/rights/new/", body | {"expires": "2001-01-01"}).status_code == 409
    there = desk.post("/accounts/rights/new/", body).headers["Location"]
    shown = desk.get(there).content.decode()
    for text in ("Rights &amp; Sons", "D 7", HASH, "2099-12-31 23:59"):
        assert text in shown, text
    assert '<option value="authority">' in shown
    assert "photo_id" not in shown, "nothing that the person could show"
    (made,) = ask("/rights-requests", key).json()["requests"]
    path = f"/accounts/rights/{made['id']}/verify/"
    assert desk.post(path, {"reason": "authority"}).status_code == 302
    assert get(key, made)["state"] == "verified"


def test_another_tenant_and_person_see_nothing_of_it(world: World, key: str) -> None:
    made = create(key, on_behalf=agent("signed_permission"))
    id_ = UUID(made["id"][2:])
    for tenant, person in ((world.bolt, person_of(world, CALLER)), (world.acme, new_id())):
        with pytest.raises(RightsRequestNotFound):
            privacy.confirm_authority(tenant, id_, person)
    assert get(key, made)["on_behalf"]["confirmed_at"] is None
