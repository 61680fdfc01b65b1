"""Who holds the keys of recordings: what the policy that binds a customer makes of its calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from django.test import Client
from tests.keys_fixture import Keys
from tests.recorded_calls import ULAW_STREAM_HEADER, World, recorded_world, ulaw_tone

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.api import project_calls, store_events
from ringfence.domains.policy import api as policy
from ringfence.domains.policy.contracts import Draft, VersionInfo
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.contracts import RecordingPlanInfo
from ringfence.domains.recordings.package import tracks_of_person
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.objects import open_object
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.use import using
from ringfence.policies.profiles import Profile, load_profile, with_value

LEFT, RIGHT = ulaw_tone(440, 3), ulaw_tone(1000, 3)
STRICT = load_profile("strict")
LOOSE = with_value(STRICT, "recordings.key_custody", "platform")
TEXAS = ["+12145550100", "+17135550100"]


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with recorded_world(keys) as made:
        yield made


@pytest.fixture(scope="module")
def customer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def pem(key: rsa.RSAPrivateKey) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()


def publish(profile: Profile) -> VersionInfo:
    draft = Draft(clauses=frozenset({"CCA-05.0-03"}), build="1", report=1)
    return policy.publish(draft, profile, lambda head: "<p>", actor="test")


def plan(tenant: UUID) -> RecordingPlanInfo:
    found = recordings.recording_plans(tenant, TEXAS, emergency=False).conversation
    assert found is not None
    return found


def ask(path: str, key: str, method: str = "get", **data: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    if data:
        headers["Content-Type"] = "application/json"
        return Client().generic(method.upper(), f"/api/v1{path}", json.dumps(data), headers=headers)
    return getattr(Client(), method)(f"/api/v1{path}", headers=headers)


def told(path: str, key: str, method: str = "get", **data: Any) -> Any:
    answer = ask(path, key, method, **data)
    assert answer.status_code == 200, answer.content
    return answer.json()


def heard(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


@pytest.mark.promise("CCA-05.0-03")
def test_without_a_key_of_the_customers_nothing_is_recorded(
    world: World, customer: rsa.RSAPrivateKey
) -> None:
    """And who may change that sees why."""
    publish(STRICT)
    key = world.key()
    settings = told("/recording-settings", key, "put", enabled=True)
    assert (settings["custody"], settings["unrecorded"]) == ("customer", "customer_key_missing")
    plans = recordings.recording_plans(world.acme, TEXAS, emergency=False)
    for one in (plans.conversation, plans.later, plans.message):
        assert one is not None
        assert (one.refused, one.prompt, one.customer_keys) == ("customer_key_missing", None, ())
    quiet = recordings.recording_plans(world.bolt, TEXAS, emergency=False)
    assert quiet.conversation is None, "who switched nothing on is not told of a key"
    settings = told(
        "/recording-settings", key, "put", **(settings | {"customer_key": pem(customer)})
    )
    assert (settings["custody"], settings["unrecorded"]) == ("customer", None)
    assert settings == told("/recording-settings", key)
    plans = recordings.recording_plans(world.acme, TEXAS, emergency=False)
    for one in (plans.conversation, plans.later, plans.message):
        assert one is not None
        assert (one.refused, one.custody, one.rule) == ("", "customer", "customer_recordings")
        assert one.customer_keys == (pem(customer),)


@pytest.mark.promise("CCA-05.0-03")
def test_a_version_counts_from_when_it_binds(world: World) -> None:
    """Not when it is published; and a looser one when it was accepted, to whom it was there."""
    told("/recording-settings", world.key(), "put", enabled=True)
    publish(LOOSE)
    assert plan(world.acme).custody == "platform"
    world.keys.clock.advance(timedelta(seconds=1))
    version = publish(STRICT)
    world.keys.clock.advance(version.effective_at - clock().now() - timedelta(seconds=1))
    assert (plan(world.acme).custody, plan(world.acme).refused) == ("platform", "")
    world.keys.clock.advance(timedelta(seconds=1))
    assert plan(world.acme).refused == "customer_key_missing"
    world.keys.clock.advance(timedelta(seconds=1))
    looser = publish(LOOSE)
    assert looser.needs_consent
    world.keys.clock.advance(looser.effective_at - clock().now())
    assert plan(world.acme).refused == "customer_key_missing"
    late = accounts.create_tenant("Late").id
    told("/recording-settings", world.key(late), "put", enabled=True)
    assert plan(late).custody == "platform"
    for tenant in (world.acme, late):
        bound = policy.binding_of(tenant).bound
        assert bound is not None
        assert (bound.number == 2) == (plan(tenant).custody == "customer")


@pytest.mark.promise("CCA-05.0-03")
def test_whoever_wants_it_gives_the_platform_no_key(
    world: World, customer: rsa.RSAPrivateKey
) -> None:
    """By no policy: analysis that takes no hours."""
    key = world.key()
    new = {"enabled": True, "customer_key": pem(customer), "analysis_hours": 0}
    settings = told("/recording-settings", key, "put", **new)
    assert (settings["custody"], settings["unrecorded"]) == ("customer", None)
    assert (plan(world.acme).custody, plan(world.acme).refused) == ("customer", "")
    told("/recording-settings", key, "put", **(new | {"analysis_hours": 1}))
    assert plan(world.acme).custody == "platform"


@pytest.mark.promise("CCA-05.0-03")
def test_the_platform_plays_nothing_that_the_customer_alone_may_open(
    world: World, customer: rsa.RSAPrivateKey
) -> None:
    """Neither to the customer nor to who speaks in it; the customer's key opens what it hands out.
    What was made before stays as it was."""
    before = world.record(LEFT, RIGHT)
    key = world.key()
    made = world.record(LEFT, RIGHT, customer=customer.public_key(), alone=True)
    shown = told(f"/recordings/{made.id}", key)
    assert (shown["custody"], shown["analysis_until"]) == ("customer", None)
    for query in ("track=caller", "track=mixed", "format=wav"):
        answer = ask(f"/recordings/{made.id}/audio?{query}", key)
        assert (answer.status_code, answer.json()["code"]) == (403, "customer_held")
    sealed = heard(ask(f"/recordings/{made.id}/tracks/caller/object", key))
    assert b"".join(open_object([sealed], customer)) == ULAW_STREAM_HEADER + LEFT
    with pytest.raises(Unreadable):
        list(open_object([sealed], rsa.generate_private_key(65537, 3072)))
    with using("service", "test"):
        parts = list(tracks_of_person(world.acme, made.caller_person))
    assert {part.error for part in parts} == {None, "customer_held"}
    assert heard(ask(f"/recordings/{before.id}/audio?track=caller", key))
    with world.worker():
        world.keys.clock.advance(timedelta(days=31))
        assert recordings.end_analysis() == 0
    assert ask(f"/recordings/{made.id}", key, "delete").status_code == 202


def test_the_record_of_the_call_says_why_it_was_not_recorded(world: World) -> None:
    call = new_id()
    facts: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.CALL_STARTED, {"direction": "inbound"}),
        (EventKind.RECORDING_REFUSED, {"code": "customer_key_missing"}),
        (EventKind.CALL_ENDED, {"reason": "caller_hangup", "by": "caller"}),
    ]
    store_events(
        CallEvent(call, seq, world.keys.clock.micros(), kind, world.acme, data)
        for seq, (kind, data) in enumerate(facts, 1)
    )
    project_calls([call], node="test", position=3)
    path, key = f"/calls/{public_id(Prefix.CALL, call)}", world.key()
    assert told(path, key)["unrecorded"] == "customer_key_missing"
    events = told(f"{path}/events", key)["events"]
    assert [(one["kind"], one["data"]) for one in events][1] == (
        "recording.refused",
        {"code": "customer_key_missing"},
    )
    other = world.record(LEFT, RIGHT)
    project_calls([other.call], node="test", position=4)
    assert told(f"/calls/{other.call_id}", key)["unrecorded"] is None
