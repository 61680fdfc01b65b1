"""Opt-outs as requests: at once, whoever asks, by the API, the desk and the portal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client
from tests.keys_fixture import Keys
from tests.people import make_member, make_user, sign_in
from tests.recorded_calls import World, recorded_world
from tests.rights import CALLER, ask, both_ways, create, get, jobs, person_of, refused, verify

from ringfence.domains.consent import api as consents
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.portal import api as portal
from ringfence.domains.privacy import tasks
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier

SCOPES = {
    "opt_out_sale": "sale_or_sharing",
    "opt_out_ads": "targeted_ads",
    "opt_out_profiling": "profiling",
    "opt_out_cpni": "cpni_use",
}
"""Typed here once more."""
STRANGER = "+14155550177"


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        both_ways(made)
        portal.put_portal(made.acme, "acme", None, officer_confirms=False)
        portal.put_portal(made.bolt, "bolt", None, officer_confirms=False)
        yield made


@pytest.fixture
def key(world: World) -> str:
    return world.key(purposes=("service", "support", "marketing"))


def stand(world: World, scope: str, number: str = CALLER, **whose: Any) -> tuple[bool, str | None]:
    tenant = whose.get("tenant", world.acme)
    found = consents.stands_of(tenant, Identifier("e164", number), [ConsentScope(scope)])
    (one,) = found.stands
    return one.allowed, one.state


def evidence(db: DatabaseUrls, scope: str) -> list[tuple[Any, ...]]:
    """Rows of the chain, by SQL as the owner."""
    with psycopg.connect(db.owner) as connection:
        return connection.execute(
            "SELECT state, method, id::text, person_id FROM consent_evidence"
            " WHERE scope = %s ORDER BY seq",
            [scope],
        ).fetchall()


def answer_all(world: World, db: DatabaseUrls) -> None:
    with world.worker():
        for job in jobs(db, "privacy.build_package"):
            tasks.build_package(job["request"])


@pytest.mark.parametrize(("kind", "scope"), SCOPES.items())
def test_it_holds_when_it_is_answered(
    world: World, key: str, db: DatabaseUrls, kind: str, scope: str
) -> None:
    assert stand(world, scope)[1] is None
    made = create(key, kind)
    assert stand(world, scope) == (False, "withdrawn")
    ((state, method, id_, person),) = evidence(db, scope)
    assert (state, method, person) == ("withdrawn", "rights_request", person_of(world, CALLER))
    assert made["consent"] == f"CO{id_.replace('-', '')}"
    assert (made["state"], made["method"]) == ("running", "not_needed")
    others = set(SCOPES.values()) - {scope}
    assert {stand(world, other)[1] for other in others} == {None}
    answer_all(world, db)
    done = get(key, made)
    assert done["state"] == "done"
    assert done["receipt"]["kind"] == kind
    assert done["receipt"]["in_time"] is True
    assert done["receipt"]["result"] == {"opted_out": True, "evidence": made["consent"]}
    assert done["receipt"]["signature"]


def test_its_time_is_short_and_not_put_off(world: World, key: str) -> None:
    world.keys.clock.advance(timedelta(hours=1))
    made = create(key, "opt_out_sale")
    came, due = (datetime.fromisoformat(made[field]) for field in ("received_at", "due_at"))
    assert due - came == timedelta(days=1), "strict promises that it holds at once"
    path = f"/rights-requests/{made['id']}"
    refused(ask(f"{path}/extend", key, {"reason": "complexity"}), 409, "cannot_extend")
    refused(ask(f"{path}/refuse", key, {"reason": "unfounded"}), 409, "wrong_rights_state")
    refused(verify(key, made), 409, "wrong_rights_state")


def test_what_needs_no_proof_proves_nothing_else(world: World, key: str) -> None:
    made = create(key)
    path = f"/rights-requests/{made['id']}/verify"
    refused(ask(path, key, {"method": "not_needed"}), 422, "verification_method_unfit")
    assert get(key, made)["state"] == "received"


def test_twice_is_no_error_and_changes_nothing(world: World, key: str, db: DatabaseUrls) -> None:
    first, second = create(key, "opt_out_ads"), create(key, "opt_out_ads")
    assert first["consent"] != second["consent"]
    assert [row[0] for row in evidence(db, "targeted_ads")] == ["withdrawn", "withdrawn"]
    answer_all(world, db)
    answer_all(world, db)
    assert {get(key, one)["state"] for one in (first, second)} == {"done"}


def test_who_is_not_known_is_kept_out_from_the_start(world: World, key: str) -> None:
    made = create(key, "opt_out_profiling", STRANGER)
    assert made["person"] is not None
    assert stand(world, "profiling", STRANGER) == (False, "withdrawn")
    assert stand(world, "profiling", STRANGER, tenant=world.bolt)[1] is None
    assert stand(world, "profiling")[1] is None


@pytest.mark.promise("CTX-02.G-03")
@pytest.mark.parametrize("way", ["api", "desk", "portal"])
def test_every_way_to_restrict_cpni_writes_the_same(
    world: World, key: str, db: DatabaseUrls, way: str
) -> None:
    """One piece of evidence, of the same words, and no marketing from then on: though the person
    had consented to it."""
    with psycopg.connect(db.owner) as connection:
        (call,) = connection.execute(
            "SELECT id FROM calls_call WHERE caller_id = %s", [person_of(world, CALLER)]
        ).fetchone() or (None,)
    wording = consents.create_wording(world.acme, ConsentScope.MARKETING, "en", "?", actor="test")
    consents.record(
        world.acme, Identifier("e164", CALLER), ConsentScope.MARKETING, ConsentState.GRANTED,
        method=ConsentMethod.WRITTEN, wording_id=wording.id, actor="test",
    )  # fmt: skip
    assert number_for_marketing(key, call) == CALLER
    if way == "api":
        create(key, "opt_out_cpni")
    elif way == "desk":
        user = make_user("owner@acme.example")
        make_member(user, world.acme, "owner")
        body = {"kind": "opt_out_cpni", "contact": CALLER, "jurisdiction": "us-other"}
        noted = sign_in(user, world.acme).client.post("/accounts/rights/new/", body)
        assert noted.status_code == 302, noted.content
    else:
        assert on_portal("opt_out_cpni").status_code == 303
    assert number_for_marketing(key, call) is None
    ((state, method, _, person),) = evidence(db, "cpni_use")
    assert (state, method, person) == ("withdrawn", "rights_request", person_of(world, CALLER))
    assert stand(world, "cpni_use") == (False, "withdrawn")
    assert number_for_marketing(key, call, "service") == CALLER, "the service goes on as it was"


def number_for_marketing(key: str, call: Any, purpose: str = "marketing") -> str | None:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {key}", "Ringfence-Purpose": purpose}
    answer = client.get(f"/api/v1/calls/CA{call.hex}", headers=headers)
    assert answer.status_code == 200, answer.content
    found: str | None = answer.json()["from_number"]
    return found


def on_portal(wish: str, contact: str = CALLER, slug: str = "acme", **how: Any) -> Any:
    client = how.get("client") or Client(raise_request_exception=False)
    body = {"contact": contact, "wish": wish, "jurisdiction": "us-ca"}
    return client.post(f"/privacy/{slug}/", body, headers={"Accept": "text/html"})


def test_the_portal_asks_for_no_code_and_tells_nothing(world: World, db: DatabaseUrls) -> None:
    pages = []
    for contact in (CALLER, STRANGER, "who@example.org"):
        client = Client(raise_request_exception=False)
        answer = on_portal("opt_out_sale", contact, client=client)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/privacy/acme/opted-out/")
        shown = client.get("/privacy/acme/opted-out/").content.decode()
        assert "It holds from this moment on" in shown
        number = shown.split("<code>RR")[1].split("<")[0]
        assert contact not in shown
        pages.append(shown.replace(number, ""))
        assert client.get("/privacy/acme/requests/").status_code == 302, "nothing is proven by it"
    assert len(set(pages)) == 1
    assert [stand(world, "sale_or_sharing", one)[0] for one in (CALLER, STRANGER)] == [False] * 2
    assert stand(world, "sale_or_sharing", CALLER, tenant=world.bolt)[1] is None
    assert jobs(db, "platform.send_mail") == jobs(db, "portal.send_code") == []


def test_the_page_is_of_the_browser_that_opted_out(world: World) -> None:
    assert on_portal("opt_out_sale").status_code == 303
    other = Client(raise_request_exception=False)
    assert other.get("/privacy/acme/opted-out/").headers["Location"] == "/privacy/acme/"
    client = Client(raise_request_exception=False)
    on_portal("access", "who@example.org", client=client)
    assert client.get("/privacy/acme/opted-out/").headers["Location"] == "/privacy/acme/"
    assert on_portal("opt_out_sale", "nobody").status_code == 422


def test_one_network_address_opts_out_ten_times_an_hour(world: World, db: DatabaseUrls) -> None:
    """Nor do opt-outs keep the person from a code: only their own wishes for one do."""
    for wish in [*SCOPES, *SCOPES]:
        assert on_portal(wish, "who@example.org").status_code == 303
    assert on_portal("access", "who@example.org").status_code == 303
    assert len(jobs(db, "portal.send_code")) == 1
    assert on_portal("opt_out_sale", "who@example.org").status_code == 303
    refused_ = on_portal("opt_out_sale", "who@example.org")
    assert refused_.status_code == 429
    assert len(evidence(db, "sale_or_sharing")) == 3


def test_the_desk_notes_what_was_said(world: World, key: str) -> None:
    user = make_user("owner@acme.example")
    make_member(user, world.acme, "owner")
    desk = sign_in(user, world.acme).client
    assert "Note a request" in desk.get("/accounts/rights/").content.decode()
    assert "opt out cpni" in desk.get("/accounts/rights/new/").content.decode()
    body = {"kind": "access", "contact": CALLER, "jurisdiction": "eu"}
    there = desk.post("/accounts/rights/new/", body).headers["Location"]
    (made,) = ask("/rights-requests", key).json()["requests"]
    assert made["id"] in there
    assert (made["kind"], made["channel"], made["state"]) == ("access", "note", "received")
    for wrong in ({"kind": "appeal"}, {"contact": "14"}, {"jurisdiction": ""}):
        assert desk.post("/accounts/rights/new/", body | wrong).status_code == 422, wrong
    agent = make_user("agent@acme.example")
    make_member(agent, world.acme, "agent")
    assert sign_in(agent, world.acme).client.post("/accounts/rights/new/", body).status_code == 403
    assert len(ask("/rights-requests", key).json()["requests"]) == 1
