"""Corrections: what a person says of their data, who decides it, and where it stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.people import make_member, make_user, sign_in
from tests.recorded_calls import World, recorded_world
from tests.rights import (
    CALLER,
    ask,
    both_ways,
    create,
    data_of,
    get,
    jobs,
    made_package,
    refused,
    verify,
)

from ringfence.domains.privacy import tasks
from ringfence.platform.database import DatabaseUrls

SAYS = "The call on Monday was not mine: my sister had the telephone."


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key(purposes=("service", "support"))


def decide(key: str, made: dict[str, Any], reason: str | None = None) -> Any:
    body = {"granted": reason is None} | ({} if reason is None else {"reason": reason})
    return ask(f"/rights-requests/{made['id']}/decide", key, body)


def work(world: World, db: DatabaseUrls) -> None:
    with world.worker():
        for job in jobs(db, "privacy.build_package"):
            tasks.build_package(job["request"])


def said_in_package(world: World, key: str, made: dict[str, Any]) -> dict[str, Any]:
    data = data_of(made_package(world, key, create(key)))
    (row,) = [
        row["values"]
        for table in data["tables"]
        if table["table"] == "privacy.RightsRequest"
        for row in table["rows"]
        if row["row"] == made["id"][2:]
    ]
    return row


def test_a_correction_says_what_is_wrong_and_nothing_else_does(world: World, key: str) -> None:
    body = {"number": CALLER, "jurisdiction": "us-ca"}
    for wrong in ({"kind": "correction"}, {"kind": "correction", "statement": " "},
                  {"kind": "access", "statement": SAYS}):  # fmt: skip
        refused(ask("/rights-requests", key, body | wrong), 422, "statement_unfit")
    assert ask("/rights-requests", key).json()["requests"] == []


def test_granted_it_completes_the_data(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, "correction", statement=SAYS)
    assert SAYS not in str(made)
    refused(decide(key, made), 409, "wrong_rights_state")
    assert verify(key, made).json()["state"] == "running"
    work(world, db)
    assert get(key, made)["state"] == "running", "nobody has decided yet"
    assert decide(key, made).json()["statement_use"] == "completion"
    refused(decide(key, made), 409, "wrong_rights_state")
    work(world, db)
    done = get(key, made)
    assert done["state"] == "done"
    assert done["receipt"]["result"] == {
        "held": True, "values_changed": 0, "statement": "completion",
    }  # fmt: skip
    assert SAYS not in str(done)
    row = said_in_package(world, key, made)
    assert (row["statement_sealed"], row["statement_use"]) == (SAYS, "completion")
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT r::text FROM privacy_rights_request r").fetchall()
    assert SAYS not in str(rows)
    assert SAYS.encode().hex() not in str(rows)


def test_refused_it_stays_as_a_disagreement(world: World, key: str) -> None:
    made = create(key, "correction", statement=SAYS)
    verify(key, made)
    answer = decide(key, made, "unfounded").json()
    assert (answer["state"], answer["refusal"]) == ("refused", "unfounded")
    assert answer["statement_use"] == "disagreement"
    row = said_in_package(world, key, made)
    assert (row["statement_sealed"], row["statement_use"]) == (SAYS, "disagreement")


def test_an_appeal_makes_of_it_what_was_said(world: World, key: str, db: DatabaseUrls) -> None:
    other = world.key(purposes=("service",))
    made = create(key, "correction", statement=SAYS)
    verify(key, made)
    decide(key, made, "unfounded")
    appeal = ask(f"/rights-requests/{made['id']}/appeal", key, {}).json()
    verify(key, appeal)
    refused(decide(key, appeal), 409, "refused_by_same_person")
    assert decide(other, appeal).status_code == 200
    again = ask("/rights-requests", key).json()["requests"][0]
    assert (again["kind"], again["follows_appeal"]) == ("correction", appeal["id"])
    assert decide(other, again).json()["statement_use"] == "completion"
    work(world, db)
    assert get(key, again)["state"] == "done"
    assert said_in_package(world, key, made)["statement_use"] == "completion"


def test_it_goes_with_the_person(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, "correction", statement=SAYS)
    verify(key, made)
    decide(key, made)
    deletion = create(key, "deletion")
    verify(key, deletion)
    with world.worker():
        for job in jobs(db, "privacy.carry_out"):
            tasks.carry_out(job["erasure"])
    assert get(key, deletion)["state"] == "done"
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT statement_sealed, statement_use FROM privacy_rights_request WHERE id = %s",
            [UUID(made["id"][2:])],
        ).fetchone()
    assert row == (None, "completion")


def test_of_nobody_the_receipt_says_so(world: World, key: str, db: DatabaseUrls) -> None:
    made = create(key, "correction", "+14155550177", statement=SAYS)
    verify(key, made)
    work(world, db)
    assert get(key, made)["receipt"]["result"] == {"held": False}


def test_the_desk_decides_it(world: World, key: str, db: DatabaseUrls) -> None:
    user = make_user("owner@acme.example")
    make_member(user, world.acme, "owner")
    desk = sign_in(user, world.acme).client
    body = {"kind": "correction", "contact": CALLER, "jurisdiction": "eu"}
    assert desk.post("/accounts/rights/new/", body).status_code == 422
    there = desk.post("/accounts/rights/new/", body | {"statement": SAYS}).headers["Location"]
    assert SAYS in desk.get(there).content.decode()
    (made,) = ask("/rights-requests", key).json()["requests"]
    desk.post(f"/accounts/rights/{made['id']}/verify/", {"reason": "callback"})
    assert "Decide the correction" in desk.get(there).content.decode()
    desk.post(f"/accounts/rights/{made['id']}/reject/", {"reason": "unfounded"})
    assert get(key, made)["statement_use"] == "disagreement"
    again = create(key, "correction", statement=SAYS)
    verify(key, again)
    desk.post(f"/accounts/rights/{again['id']}/grant/", {})
    work(world, db)
    assert get(key, again)["state"] == "done"
