"""What the API tells of calls that ran flows: tags, what was captured, filters, the journal."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.http.test_api import ask, listed
from tests.keys_fixture import Keys
from tests.population import populate

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.api import project_calls, store_events
from ringfence.domains.calls.models import Call
from ringfence.domains.privacy import api as privacy
from ringfence.kernel.events import CallEvent, EventKind, SealedParty
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.sealed import day_of
from ringfence.platform_django.tenancy import across_tenants

FLOW, OTHER_FLOW = UUID(int=70), UUID(int=71)
CAPTURED_FIELD, CALLER_FIELD = 9, 1
NUMBER = "+14155550188"
GIVEN = {"zip": "94110", "person": "3", "error": "none"}


@pytest.fixture
def tenant(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


@pytest.fixture
def key(tenant: UUID) -> str:
    return accounts.create_api_key(tenant).secret


def flow_call(
    keys: Keys,
    tenant: UUID,
    *,
    tags: dict[str, str] | None = None,
    flow: UUID = FLOW,
    direction: str = "inbound",
) -> UUID:
    """A call as the call plane tells it, stored and projected."""
    call, leg = new_id(), new_id()
    signalling = keys.blocking("signalling")
    bucket = Bucket("identifier", "call_records", day=day_of(call))
    (who,) = signalling.resolve(tenant, [Identifier("e164", NUMBER)], seal=(bucket,))

    def sealed(field: int, value: dict[str, str]) -> SealedParty:
        place = Place(tenant, field, call, who.person, bucket)
        ref = LeafRef(bucket, who.person)
        clear = msgspec.json.encode(value)
        (data,) = signalling.seal(tenant, [Value(ref, place, clear)], actor="call plane")
        return SealedParty(who.person, data)

    caller = sealed(CALLER_FIELD, {"number": NUMBER})
    steps: list[tuple[EventKind, dict[str, Any], SealedParty | None]] = [
        (EventKind.CALL_STARTED, {"direction": direction}, caller),
        (EventKind.LEG_CREATED, {"leg": leg.hex, "role": "caller"}, None),
        (EventKind.CALL_ROUTED, {"flow": flow.hex, "version": 4, "verbs": ["gather"]}, None),
        (EventKind.CALL_ANSWERED, {"leg": leg.hex}, None),
        (EventKind.CALL_CAPTURED, {"names": sorted(GIVEN)}, sealed(CAPTURED_FIELD, GIVEN)),
        (EventKind.CALL_TAGGED, {"tags": tags or {}}, None),
        (EventKind.CALL_ENDED, {"reason": "completed", "by": "system"}, None),
    ]
    at = clock().micros()
    store_events(
        CallEvent(call, seq, at + seq, kind, tenant, data, party)
        for seq, (kind, data, party) in enumerate(steps, 1)
    )
    project_calls([call], node="test", position=1)
    return call


def test_a_call_says_which_flow_it_ran_and_what_came_of_it(
    keys: Keys, tenant: UUID, key: str
) -> None:
    call = public_id(Prefix.CALL, flow_call(keys, tenant, tags={"team": "sales", "lang": "en"}))
    body = ask(f"/calls/{call}", key).json()
    assert (body["flow_id"], body["flow_version"]) == (public_id(Prefix.FLOW, FLOW), 4)
    assert (body["disposition"], body["end_reason"]) == ("answered", "completed")
    assert body["tags"] == {"team": "sales", "lang": "en"}
    assert (body["captured"], body["captured_error"]) == (GIVEN, None)
    (summary,) = ask("/calls", key).json()["calls"]
    assert summary["tags"] == {"team": "sales", "lang": "en"}
    assert "captured" not in summary, "one call at a time"
    events = ask(f"/calls/{call}/events", key).json()["events"]
    (captured,) = [event for event in events if event["kind"] == "call.captured"]
    party = captured["data"]["caller"]
    assert set(party) == {"person", "captured"}
    assert party["captured"] == GIVEN
    assert len(party["person"]) == 32


def test_what_an_erased_person_gave_is_gone(
    keys: Keys, tenant: UUID, key: str, db: DatabaseUrls
) -> None:
    call = flow_call(keys, tenant, tags={"team": "sales"})
    (found,) = keys.blocking("web").find(tenant, [Identifier("e164", NUMBER)])
    assert found is not None
    with use_keys(keys.blocking("worker")):
        privacy.destroy_person(tenant, found.person, actor="test")
    with across_tenants("test") as alias:
        row = Call.objects.using(alias).get(id=call)
    assert (row.captured_id, row.captured_sealed) == (found.person, None)
    path = f"/calls/{public_id(Prefix.CALL, call)}"
    body = ask(path, key).json()
    assert (body["captured"], body["captured_error"]) == (None, "key_destroyed")
    assert body["tags"] == {"team": "sales"}
    text = json.dumps(ask(f"{path}/events", key).json())
    assert "94110" not in text


def test_a_call_without_capture_has_no_error(keys: Keys, db: DatabaseUrls) -> None:
    acme = populate("Acme", 1)
    with across_tenants("test") as alias:
        Call.objects.using(alias).update(captured_id=None, captured_sealed=None)
    body = ask(f"/calls/{public_id(Prefix.CALL, acme.call)}", acme.secret).json()
    assert (body["captured"], body["captured_error"], body["flow_id"]) == (None, None, None)


def test_filters_by_tag_flow_and_direction(keys: Keys, tenant: UUID, key: str) -> None:
    other = accounts.create_tenant("Bolt").id
    flow_call(keys, other, tags={"team": "sales"})
    made = [
        flow_call(keys, tenant, tags={"team": "sales"}),
        flow_call(keys, tenant, tags={"team": "support", "vip": "yes"}, flow=OTHER_FLOW),
        flow_call(keys, tenant, direction="outbound"),
    ]
    sales, support, out = (public_id(Prefix.CALL, call) for call in made)
    assert listed("?tag=team", key) == [support, sales]
    assert listed("?tag=team&tag_value=sales", key) == [sales]
    assert listed("?tag=vip&tag_value=yes&disposition=answered", key) == [support]
    assert listed("?tag=team&tag_value=nobody", key) == []
    assert listed("?tag=Team", key) == []
    assert listed(f"?flow={public_id(Prefix.FLOW, OTHER_FLOW)}", key) == [support]
    assert listed(f"?flow={public_id(Prefix.FLOW, FLOW)}&direction=inbound", key) == [sales]
    assert listed("?direction=outbound", key) == [out]
    assert listed(f"?tag=team&before={support}", key) == [sales]
    for query in ("?tag_value=sales", "?tag=", "?flow=FW12", f"?tag={'t' * 65}"):
        assert ask(f"/calls{query}", key).status_code == 422, query


def test_the_journal_is_read_on_from_where_it_was_left(keys: Keys, tenant: UUID, key: str) -> None:
    first = flow_call(keys, tenant)
    flow_call(keys, accounts.create_tenant("Bolt").id)
    page = ask("/events?limit=4", key).json()
    assert [event["seq"] for event in page["events"]] == [1, 2, 3, 4]
    assert {event["call_id"] for event in page["events"]} == {public_id(Prefix.CALL, first)}
    assert page["events"][0]["data"]["caller"]["number"] == NUMBER
    seen, after = [], page["last"]
    second = flow_call(keys, tenant)
    while True:
        page = ask(f"/events?limit=4&after={after}", key).json()
        if not page["events"]:
            break
        seen += [(event["call_id"], event["seq"]) for event in page["events"]]
        after = page["last"]
    assert seen == [
        *((public_id(Prefix.CALL, first), seq) for seq in (5, 6, 7)),
        *((public_id(Prefix.CALL, second), seq) for seq in range(1, 8)),
    ]
    assert page == {"events": [], "last": after}
    for query in ("?after=-1", "?after=x", "?limit=0", "?limit=501", f"?after={2**63}"):
        assert ask(f"/events{query}", key).status_code == 422, query


def test_the_journal_is_opened_for_a_purpose(tenant: UUID, keys: Keys) -> None:
    flow_call(keys, tenant)
    none = accounts.create_api_key(tenant, purposes=()).secret
    answer = ask("/events", none)
    assert (answer.status_code, answer.json()["code"]) == (400, "purpose_required")
