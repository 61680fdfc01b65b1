"""Rights requests from state to state: order, time, kinds, appeals, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from tests.keys_fixture import Keys
from tests.people import make_member, make_user
from tests.recorded_calls import World, recorded_world
from tests.rights import (
    CALLEE,
    CALLER,
    all_text,
    ask,
    both_ways,
    create,
    fetched,
    get,
    jobs,
    made_package,
    refused,
    verify,
)

from ringfence.domains.policy import api as policy
from ringfence.domains.policy.contracts import Draft
from ringfence.domains.portal import api as portal
from ringfence.domains.portal.usecases import tell_officers as telling
from ringfence.domains.privacy import tasks
from ringfence.domains.privacy.rights_queries import urgent_requests
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.mail import send_queued
from ringfence.policies.profiles import load_profile


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key(purposes=("service", "support"))


def test_states_are_kept_in_their_order(world: World, key: str) -> None:
    both_ways(world)
    made = create(key)
    path = f"/rights-requests/{made['id']}"
    refused(ask(f"{path}/package", key), 409, "package_not_ready")
    assert verify(key, made).json()["state"] == "verified"
    assert get(key, made)["verified_by"].startswith("key:")
    refused(verify(key, made), 409, "wrong_rights_state")
    with world.worker():
        tasks.build_package(made["id"][2:])
        tasks.build_package(made["id"][2:])
    refused(ask(f"{path}/refuse", key, {"reason": "excessive"}), 409, "wrong_rights_state")
    refused(ask(f"{path}/extend", key, {"reason": "complexity"}), 409, "cannot_extend")
    no = create(key)
    answer = ask(f"/rights-requests/{no['id']}/refuse", key, {"reason": "not_verified"})
    assert (answer.json()["state"], answer.json()["refusal"]) == ("refused", "not_verified")
    refused(verify(key, no), 409, "wrong_rights_state")
    refused(ask(f"/rights-requests/{no['id']}/package", key), 409, "package_not_ready")


def test_it_is_extended_once_and_in_time(world: World, key: str) -> None:
    both_ways(world)
    made, late = create(key, jurisdiction="eu"), create(key)
    path = f"/rights-requests/{made['id']}/extend"
    extended = ask(path, key, {"reason": "complexity"}).json()
    assert extended["extended_until"] > extended["due_at"]
    refused(ask(path, key, {"reason": "complexity"}), 409, "cannot_extend")
    world.keys.clock.advance(timedelta(days=31))
    refused(
        ask(f"/rights-requests/{late['id']}/extend", key, {"reason": "complexity"}),
        409,
        "cannot_extend",
    )
    assert get(key, late)["urgency"] == "overdue"
    assert get(key, made)["urgency"] == "on_time"
    assert [(id_.hex, how) for id_, how in urgent_requests()] == [(late["id"][2:], "overdue")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "nobody_named"),
        ({"number": CALLER, "person": UUID(int=1).hex}, 422, "nobody_named"),
        ({"number": "4155550100"}, 422, "nobody_named"),
        ({"number": CALLER, "kind": "appeal"}, 422, "invalid_input"),
        ({"person": UUID(int=1).hex}, 404, "person_unknown"),
        ({"number": CALLER, "kind": "sell"}, 422, "invalid_input"),
        ({"number": CALLER, "jurisdiction": "moon"}, 422, "invalid_input"),
    ],
)
def test_what_is_no_request_is_none(
    world: World, key: str, body: dict[str, str], status: int, code: str
) -> None:
    both_ways(world)
    refused(
        ask("/rights-requests", key, {"kind": "access", "jurisdiction": "eu"} | body), status, code
    )
    assert ask("/rights-requests", key).json() == {"requests": [], "next": None}


def test_pages_and_states_of_the_list(world: World, key: str) -> None:
    both_ways(world)
    made = [create(key)["id"] for _ in range(3)]
    ask(f"/rights-requests/{made[1]}/refuse", key, {"reason": "withdrawn"})
    page = ask("/rights-requests?limit=2", key).json()
    assert [one["id"] for one in page["requests"]] == made[:0:-1]
    rest = ask(f"/rights-requests?limit=2&before={page['next']}", key).json()
    assert ([one["id"] for one in rest["requests"]], rest["next"]) == (made[:1], None)
    some = ask("/rights-requests?state=refused", key).json()["requests"]
    assert [one["id"] for one in some] == [made[1]]


def test_tenants_are_apart(world: World, key: str) -> None:
    both_ways(world)
    theirs = world.key(world.bolt)
    made = create(key)
    made_package(world, key, made)
    path = f"/rights-requests/{made['id']}"
    for answer in (
        ask(path, theirs),
        ask(f"{path}/package", theirs),
        ask(f"{path}/verify", theirs, {"method": "callback"}),
        ask(f"{path}/extend", theirs, {"reason": "complexity"}),
        ask(f"{path}/refuse", theirs, {"reason": "excessive"}),
    ):
        refused(answer, 404, "rights_request_not_found")
    assert ask("/rights-requests", theirs).json()["requests"] == []
    body = {"kind": "access", "jurisdiction": "eu", "person": made["person"]}
    refused(ask("/rights-requests", theirs, body), 404, "person_unknown")


def test_it_needs_its_scope_and_a_deletion_the_other_as_well(world: World, key: str) -> None:
    both_ways(world)
    eraser = world.key(scopes=("privacy:erase",))
    refused(ask("/rights-requests", eraser), 403, "insufficient_scope")
    helper = world.key(scopes=("privacy:rights",))
    deletion, copy = create(helper, kind="deletion"), create(helper)
    refused(verify(helper, deletion), 403, "insufficient_scope")
    assert get(helper, deletion)["state"] == "received"
    assert verify(helper, copy).status_code == 200


def test_a_number_of_nobody_gets_a_receipt_that_nothing_is_held(
    world: World, key: str, db: DatabaseUrls
) -> None:
    for kind in ("access", "deletion", "restriction", "objection"):
        made = create(key, kind=kind, number="+14155550199")
        assert (made["person"], made["state"]) == (None, "received")
        assert verify(key, made).status_code == 200
        with world.worker():
            tasks.build_package(made["id"][2:])
        done = get(key, made)
        assert (done["state"], done["receipt"]["result"]) == ("done", {"held": False})
        assert done["receipt"]["person_sha256"] is None
        assert done["receipt"]["method"] == "callback"
        refused(
            ask(f"/rights-requests/{made['id']}/package", key),
            *((404, "no_package") if kind != "access" else (410, "package_gone")),
        )
    assert jobs(db, "privacy.carry_out") == []


def seen(world: World) -> str:
    reader = world.key(purposes=("service",))
    return str(ask("/calls", reader).content)


def answered(world: World, key: str, kind: str) -> dict[str, Any]:
    made = create(key, kind=kind)
    assert verify(key, made).status_code == 200
    with world.worker():
        tasks.build_package(made["id"][2:])
        tasks.build_package(made["id"][2:])
    done = get(key, made)
    assert done["state"] == "done"
    result: dict[str, Any] = done["receipt"]["result"]
    return result


def test_a_restriction_bites_at_once_and_ends(world: World, key: str) -> None:
    both_ways(world)
    assert CALLER in seen(world)
    assert answered(world, key, "restriction") == {"held": True, "restricted": True}
    assert CALLER not in seen(world)
    assert CALLEE in seen(world), "the other party restricted nothing"
    made = create(key)
    assert CALLER in all_text(made_package(world, key, made)), "their own request goes on"
    assert answered(world, key, "restriction_end") == {"held": True, "restricted": False}
    assert CALLER in seen(world)


def test_an_objection_ends_purposes_and_no_others_and_stays(world: World, key: str) -> None:
    both_ways(world)
    told = answered(world, key, "objection")
    assert told == {"held": True, "not_used_for": ["marketing", "training", "support"]}
    answered(world, key, "restriction")
    answered(world, key, "restriction_end")
    helper = world.key(purposes=("support",))
    assert CALLER not in str(ask("/calls", helper).content)
    assert CALLER in seen(world)


def test_nothing_is_restricted_before_it_is_verified(world: World, key: str) -> None:
    both_ways(world)
    made = create(key, kind="restriction")
    with world.worker():
        tasks.build_package(made["id"][2:])
        tasks.rights(0)
    assert get(key, made)["state"] == "received"
    assert CALLER in seen(world)


def decide(key: str, appeal: dict[str, Any], **body: Any) -> Any:
    return ask(f"/rights-requests/{appeal['id']}/decide", key, body)


def appealed(key: str) -> dict[str, Any]:
    """An access that was refused with this key, appealed, and verified."""
    made = create(key)
    assert ask(f"/rights-requests/{made['id']}/refuse", key, {"reason": "unfounded"}).json()
    answer = ask(f"/rights-requests/{made['id']}/appeal", key, {})
    assert answer.status_code == 201, answer.content
    appeal: dict[str, Any] = answer.json()
    assert (appeal["kind"], appeal["appeal_of"]) == ("appeal", made["id"])
    refused(decide(key, appeal, granted=True), 409, "wrong_rights_state")
    assert verify(key, appeal).json()["state"] == "running"
    return appeal


def test_somebody_else_decides_of_an_appeal(world: World, key: str, db: DatabaseUrls) -> None:
    both_ways(world)
    appeal = appealed(key)
    refused(decide(key, appeal, granted=True), 409, "refused_by_same_person")
    second = world.key(purposes=("service", "support"))
    assert decide(second, appeal, granted=True).status_code == 200
    refused(decide(second, appeal, granted=True), 409, "wrong_rights_state")
    with world.worker():
        for job in jobs(db, "privacy.build_package"):
            tasks.build_package(job["request"])
    done = get(key, appeal)
    assert (done["state"], done["receipt"]["result"]["granted"]) == ("done", True)
    again = get(key, {"id": done["receipt"]["result"]["request"]})
    assert (again["state"], again["follows_appeal"]) == ("done", appeal["id"])
    assert CALLER in all_text(fetched(key, again))


def test_an_appeal_may_fail_and_is_made_once(world: World, key: str) -> None:
    both_ways(world)
    appeal = appealed(key)
    second = world.key()
    refused(decide(second, appeal, granted=False), 422, "invalid_input")
    answer = decide(second, appeal, granted=False, reason="unfounded")
    assert (answer.json()["state"], answer.json()["refusal"]) == ("refused", "unfounded")
    for id_ in (appeal["appeal_of"], appeal["id"]):
        refused(ask(f"/rights-requests/{id_}/appeal", key, {}), 409, "cannot_appeal")
    refused(
        ask(f"/rights-requests/{appeal['id']}/extend", key, {"reason": "complexity"}),
        409,
        "cannot_extend",
    )


def test_what_is_not_refused_or_was_taken_back_is_not_appealed(world: World, key: str) -> None:
    both_ways(world)
    made = create(key)
    refused(ask(f"/rights-requests/{made['id']}/appeal", key, {}), 409, "cannot_appeal")
    ask(f"/rights-requests/{made['id']}/refuse", key, {"reason": "withdrawn"})
    refused(ask(f"/rights-requests/{made['id']}/appeal", key, {}), 409, "cannot_appeal")


def test_an_appeal_of_a_deletion_needs_the_scope_to_erase(world: World, key: str) -> None:
    both_ways(world)
    made = create(key, kind="deletion")
    ask(f"/rights-requests/{made['id']}/refuse", key, {"reason": "legal_hold"})
    appeal = ask(f"/rights-requests/{made['id']}/appeal", key, {}).json()
    verify(key, appeal)
    helper = world.key(scopes=("privacy:rights",))
    refused(decide(helper, appeal, granted=True), 403, "insufficient_scope")
    assert decide(world.key(), appeal, granted=True).status_code == 200


def test_officers_are_told_before_the_end_and_at_it_once_each(
    world: World, key: str, db: DatabaseUrls
) -> None:
    both_ways(world)
    for email, role in (("owner@acme.example", "owner"), ("agent@acme.example", "agent")):
        make_member(make_user(email), world.acme, role)
    make_member(make_user("owner@bolt.example"), world.bolt, "owner")
    create(key)
    assert portal.tell_officers() == 0
    world.keys.clock.advance(timedelta(days=23, seconds=1))
    assert [portal.tell_officers() for _ in range(2)] == [1, 0]
    world.keys.clock.advance(timedelta(days=7))
    assert [portal.tell_officers() for _ in range(2)] == [1, 0]
    mails = []
    with world.worker():
        for job in jobs(db, "platform.send_mail"):
            assert send_queued(UUID(job["mail"]))
            path = django_settings.RINGFENCE.mail_dir / f"{UUID(job['mail']).hex}.eml"
            mails.append(path.read_text())
    assert all("To: owner@acme.example" in mail for mail in mails)
    assert ["due soon" in mail for mail in mails] == [True, False]
    assert not any(CALLER in mail for mail in mails)


def test_a_crash_while_officers_are_told_tells_nobody_twice(
    world: World, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_ways(world)
    for email in ("one@acme.example", "two@acme.example"):
        make_member(make_user(email), world.acme, "owner")
    create(key)
    world.keys.clock.advance(timedelta(days=31))
    sent: list[str] = []

    def dies(to: str, subject: str, text: str) -> None:
        if len(sent) == 1 and dies_once:
            dies_once.clear()
            raise RuntimeError("killed")
        sent.append(to)

    dies_once = [True]
    monkeypatch.setattr(telling, "queue_mail", dies)
    with pytest.raises(RuntimeError):
        portal.tell_officers()
    sent.clear()  # what was queued went with the transaction
    assert portal.tell_officers() == 2
    assert sorted(sent) == ["one@acme.example", "two@acme.example"]
    assert portal.tell_officers() == 0


def test_time_follows_the_policy_that_binds_the_tenant(world: World, key: str) -> None:
    """45 days are what clx-contact-center promises Californians; strict promises 30."""
    both_ways(world)

    def days() -> int:
        made = create(key)
        due, came = (datetime.fromisoformat(made[name]) for name in ("due_at", "received_at"))
        return (due - came).days

    assert days() == 30, "nothing is published"
    profile = load_profile("clx-contact-center")
    policy.publish(Draft(frozenset(), "1", 1), profile, lambda head: "<html></html>", actor="test")
    assert days() == 45
