"""Children: reported by anybody, out of use at once, erased once it is confirmed, and brought back
by a parent alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client
from tests.keys_fixture import Keys
from tests.people import make_member, make_user, sign_in
from tests.recorded_calls import World, recorded_world
from tests.rights import CALLER, ask, both_ways, create, get, jobs, person_of, refused

from ringfence.domains.portal import api as portal
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import profiles, tasks
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import day_number
from ringfence.platform.keys.persons import Identifier
from ringfence.policies.profiles.loading import load_profile
from ringfence.policies.profiles.vocabulary import ChildData

STRANGER = "+14155550177"
DOCUMENT = "ab" * 32
PARENT = {"parent": "Pat Parent", "document_sha256": DOCUMENT}


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        portal.put_portal(made.acme, "acme", None, officer_confirms=False)
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key()


def call_of(world: World, db: DatabaseUrls) -> UUID:
    with psycopg.connect(db.owner) as connection:
        (call,) = connection.execute(
            "SELECT id FROM calls_call WHERE caller_id = %s", [person_of(world, CALLER)]
        ).fetchone() or (None,)
    assert call is not None
    found: UUID = call
    return found


def number_of(key: str, call: UUID) -> str | None:
    """The caller's number as the tenant's programs see it."""
    answer = ask(f"/calls/CA{call.hex}", key)
    assert answer.status_code == 200, answer.content
    found: str | None = answer.json()["from_number"]
    return found


def confirm(key: str, made: dict[str, Any], method: str = "confirmed") -> Any:
    return ask(f"/rights-requests/{made['id']}/verify", key, {"method": method})


def lift(key: str, made: dict[str, Any], **evidence: str) -> Any:
    return ask(f"/rights-requests/{made['id']}/lift", key, evidence)


def work(world: World, db: DatabaseUrls) -> None:
    """All that waits for the worker."""
    with world.worker():
        for job in jobs(db, "privacy.build_package"):
            tasks.build_package(job["request"])
        for job in jobs(db, "privacy.carry_out"):
            tasks.carry_out(job["erasure"])
        for job in jobs(db, "privacy.settle_use"):
            tasks.settle_use(**job)


def desk_of(world: World) -> Client:
    user = make_user("owner@acme.example")
    make_member(user, world.acme, "owner")
    return sign_in(user, world.acme).client


def on_portal(contact: str = CALLER, client: Client | None = None) -> Any:
    client = client or Client(raise_request_exception=False)
    body = {"contact": contact, "wish": "child", "jurisdiction": "us-ca"}
    return client.post("/privacy/acme/", body, headers={"Accept": "text/html"})


@pytest.mark.promise("SIP-11.0-03")
@pytest.mark.promise("CMX-12.0-02")
@pytest.mark.parametrize("way", ["api", "desk", "portal"])
def test_a_report_ends_all_use_at_once(world: World, key: str, db: DatabaseUrls, way: str) -> None:
    call = call_of(world, db)
    assert number_of(key, call) == CALLER
    if way == "api":
        create(key, "child")
    elif way == "desk":
        body = {"kind": "child", "contact": CALLER, "jurisdiction": "us-other"}
        assert desk_of(world).post("/accounts/rights/new/", body).status_code == 302
    else:
        assert on_portal().headers["Location"] == "/privacy/acme/reported/"
    assert number_of(key, call) is None
    (made,) = ask("/rights-requests", key).json()["requests"]
    assert (made["kind"], made["state"], made["urgency"]) == ("child", "received", "soon")
    came, due = (datetime.fromisoformat(made[field]) for field in ("received_at", "due_at"))
    assert due - came == timedelta(days=3)
    assert jobs(db, "privacy.carry_out") == [], "nobody is erased by what anybody says"


@pytest.mark.promise("SIP-11.0-02")
def test_once_confirmed_they_are_erased(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, "child")
    refused(confirm(key, made, "callback"), 422, "verification_method_unfit")
    weak = world.key(scopes=("privacy:rights",))
    assert confirm(weak, made).status_code == 403
    assert confirm(key, made).status_code == 200
    work(world, db)
    done = get(key, made)
    assert (done["state"], done["receipt"]["result"]["erasure"]) == ("done", done["erasure"])
    erasure = ask(f"/erasures/{done['erasure']}", key).json()
    assert (erasure["state"], erasure["certificate"]["persons"]) == ("cleaned", 1)
    assert world.keys.blocking("web").find(world.acme, [Identifier("e164", CALLER)]) == [None]
    refused(lift(key, made, **PARENT), 409, "wrong_rights_state")


@pytest.mark.parametrize("way", ["api", "desk"])
def test_who_is_marked_is_erased_without_more_ado(
    world: World, key: str, db: DatabaseUrls, way: str
) -> None:
    if way == "api":
        weak = world.key(scopes=("privacy:rights",))
        body = {"kind": "child", "number": CALLER, "jurisdiction": "eu", "marked": True}
        assert ask("/rights-requests", weak, body).status_code == 403
        refused(ask("/rights-requests", key, body | {"kind": "access"}), 422, "child_report_unfit")
        assert ask("/rights-requests", key).json()["requests"] == []
        create(key, "child", marked=True)
    else:
        body = {"kind": "access", "contact": CALLER, "jurisdiction": "eu", "marked": "on"}
        desk = desk_of(world)
        assert desk.post("/accounts/rights/new/", body).status_code == 422
        assert desk.post("/accounts/rights/new/", body | {"kind": "child"}).status_code == 302
    (made,) = ask("/rights-requests", key).json()["requests"]
    assert (made["state"], made["method"]) == ("running", "confirmed")
    work(world, db)
    assert get(key, made)["state"] == "done"
    assert world.keys.blocking("web").find(world.acme, [Identifier("e164", CALLER)]) == [None]


def test_a_parent_alone_ends_it_and_shows_something(
    world: World, key: str, db: DatabaseUrls
) -> None:
    call, made = call_of(world, db), create(key, "child")
    for nothing in (
        {"parent": "Pat Parent"},
        {"parent": " ", "document_sha256": DOCUMENT},
        {"parent": "Pat Parent", "document_sha256": "ab"},
        {"parent": "Pat Parent", "note": " "},
    ):
        refused(lift(key, made, **nothing), 422, "parent_evidence_missing")
    reason = {"reason": "unfounded"}
    refused(
        ask(f"/rights-requests/{made['id']}/refuse", key, reason), 422, "parent_evidence_missing"
    )
    refused(
        ask(f"/rights-requests/{made['id']}/extend", key, {"reason": "complexity"}),
        409,
        "cannot_extend",
    )
    other = create(key)
    refused(lift(key, other, **PARENT), 409, "wrong_rights_state")
    assert number_of(key, call) is None
    lifted = lift(key, made, **PARENT, note="files/17.pdf").json()
    assert (lifted["state"], lifted["refusal"]) == ("refused", "unfounded")
    assert lifted["lifted_document_sha256"] == DOCUMENT
    assert lifted["lifted_at"]
    refused(lift(key, made, **PARENT), 409, "wrong_rights_state")
    refused(ask(f"/rights-requests/{made['id']}/appeal", key, {}), 409, "cannot_appeal")
    work(world, db)
    assert number_of(key, call) == CALLER
    shown = desk_of(world).get(f"/accounts/rights/{made['id']}/").content.decode()
    assert "Pat Parent: files/17.pdf" in shown
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT r::text FROM privacy_rights_request r").fetchall()
    assert not any("Parent" in row[0] for row in rows), "who it is stands nowhere in clear"


def test_the_desk_lifts_by_what_was_told(world: World, key: str, db: DatabaseUrls) -> None:
    call, made, desk = call_of(world, db), create(key, "child"), desk_of(world)
    page = f"/accounts/rights/{made['id']}/"
    shown = desk.get(page).content.decode()
    assert "They are a child" in shown
    assert "Which parent?" in shown
    assert "Extend" not in shown
    desk.post(f"{page}lift/", {"parent": "Pat Parent"})
    assert get(key, made)["state"] == "received"
    desk.post(f"{page}lift/", {"parent": "Pat Parent", "note": "rang back, aged 34"})
    assert get(key, made)["state"] == "refused"
    work(world, db)
    assert number_of(key, call) == CALLER


def test_no_other_request_of_theirs_ends_it(world: World, key: str, db: DatabaseUrls) -> None:
    """Nor does the parent end a stop that the person asked for, nor one report another one."""
    call, first = call_of(world, db), create(key, "child")
    ends = create(key, "restriction_end")
    confirm(key, ends, "callback")
    work(world, db)
    assert get(key, ends)["receipt"]["result"] == {"held": True, "restricted": True}
    assert number_of(key, call) is None
    second = create(key, "child")
    lift(key, first, **PARENT)
    work(world, db)
    assert number_of(key, call) is None, "the second report still holds"
    own = create(key, "restriction")
    confirm(key, own, "callback")
    work(world, db)
    lift(key, second, **PARENT)
    work(world, db)
    assert number_of(key, call) is None, "the person asked for that"
    ends = create(key, "restriction_end")
    confirm(key, ends, "callback")
    work(world, db)
    assert number_of(key, call) == CALLER


def test_the_portal_tells_nothing_of_who_is_held(world: World, key: str, db: DatabaseUrls) -> None:
    pages = []
    for contact in (CALLER, STRANGER, "kid@example.org"):
        client = Client(raise_request_exception=False)
        answer = on_portal(contact, client)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/privacy/acme/reported/")
        shown = client.get("/privacy/acme/reported/").content.decode()
        assert "nothing is used" in shown
        assert contact not in shown
        number = shown.split("<code>RR")[1].split("<")[0]
        pages.append(shown.replace(number, ""))
        assert client.get("/privacy/acme/requests/").status_code == 302, "nothing is proven by it"
        assert client.get("/privacy/acme/opted-out/").status_code == 303
    assert len(set(pages)) == 1
    with psycopg.connect(db.owner) as connection:
        known = connection.execute(
            "SELECT person_id IS NOT NULL FROM privacy_rights_request ORDER BY id"
        ).fetchall()
    assert known == [(True,), (False,), (False,)], "who is not known does not become so by it"
    assert jobs(db, "platform.send_mail") == jobs(db, "portal.send_code") == []


def test_a_report_of_who_is_not_known_is_answered(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, "child", STRANGER)
    assert confirm(key, made).status_code == 200
    work(world, db)
    assert get(key, made)["receipt"]["result"] == {"held": False}


def test_reports_are_counted_and_keep_nobody_from_a_code(world: World, db: DatabaseUrls) -> None:
    for _ in range(9):
        assert on_portal("kid@example.org").status_code == 303
    client = Client(raise_request_exception=False)
    body = {"contact": "kid@example.org", "wish": "access", "jurisdiction": "us-ca"}
    assert client.post("/privacy/acme/", body).status_code == 303
    assert len(jobs(db, "portal.send_code")) == 1
    assert on_portal("kid@example.org").status_code == 429


def test_a_profile_that_promises_no_more_keeps_them_out_of_use(
    world: World, key: str, db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = load_profile()
    milder = replace(strict, age=replace(strict.age, child_data=ChildData.FREEZE))
    monkeypatch.setattr(profiles, "_sources", [lambda tenant: milder])
    call, made = call_of(world, db), create(key, "child")
    assert confirm(key, made).status_code == 200
    work(world, db)
    done = get(key, made)
    assert (done["state"], done["receipt"]["result"]) == (
        "done",
        {"held": True, "restricted": True},
    )
    assert number_of(key, call) is None
    assert lift(key, made, **PARENT).status_code == 200
    work(world, db)
    assert number_of(key, call) == CALLER


def test_a_legal_hold_keeps_what_it_covers(world: World, key: str, db: DatabaseUrls) -> None:
    person = person_of(world, CALLER)
    today = day_number(world.keys.clock.now())
    with world.worker():
        privacy.place_hold(world.acme, [privacy.HeldPerson(person, today, today)], actor="counsel")
    made = create(key, "child", marked=True)
    work(world, db)
    done = get(key, made)
    assert done["state"] == "done"
    assert done["receipt"]["result"]["keys_held"] >= 1
