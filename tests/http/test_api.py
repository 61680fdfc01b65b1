"""What the REST API answers: records, filters, pages, errors, headers."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client
from tests.keys_fixture import Keys
from tests.population import Populated, journal_event, populate, record_call

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.models import Call, CallLeg
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.secrets import find_secret
from ringfence.platform.tickets import verify_ticket
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.tenancy import across_tenants

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


def ask(path: str, key: str | None, verb: str = "get", *, purpose: str | None = None) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    if purpose is not None:
        headers["Ringfence-Purpose"] = purpose
    client = Client(raise_request_exception=False)
    return getattr(client, verb)(f"/api/v1{path}", headers=headers)


def calls_over_time(tenant: UUID, count: int) -> list[str]:
    """Calls one minute apart, oldest first; the even ones were busy."""
    made = []
    clock = ManualClock(START)
    with use_clock(clock):
        for index in range(count):
            call = new_id()
            record_call(
                call,
                new_id(),
                tenant,
                from_number=f"+1415555020{index}",
                started_at=clock.now(),
                disposition="busy" if index % 2 == 0 else "answered",
            )
            made.append(public_id(Prefix.CALL, call))
            clock.advance(timedelta(minutes=1))
    return made


def listed(query: str, key: str) -> list[str]:
    answer = ask(f"/calls{query}", key)
    assert answer.status_code == 200, answer.content
    return [call["id"] for call in answer.json()["calls"]]


def test_a_call_with_its_legs(acme: Populated) -> None:
    body = ask(f"/calls/{public_id(Prefix.CALL, acme.call)}", acme.secret).json()
    assert body["id"] == public_id(Prefix.CALL, acme.call)
    assert body["number_id"] == public_id(Prefix.NUMBER, acme.number)
    assert (body["from_number"], body["from_error"]) == ("+14155550100", None)
    assert (body["to_number"], body["to_error"]) == (acme.e164, None)
    assert body["started_at"] == "2026-11-22T12:00:00Z"
    assert body["disposition"] == "answered"
    (leg,) = body["legs"]
    assert leg["id"] == public_id(Prefix.LEG, acme.leg)
    assert (leg["number"], leg["number_error"]) == ("+14155550100", None)


def test_legs_are_in_order_of_creation_whatever_their_ids(acme: Populated) -> None:
    first = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    later = [UUID(int=acme.leg.int + change) for change in (-1, 1, -2)]
    with across_tenants("test") as db:
        for after, leg in enumerate(later, 1):
            CallLeg.objects.using(db).create(
                id=leg,
                tenant_id=acme.tenant,
                call_id=acme.call,
                role="callee",
                created_at=first + timedelta(seconds=after),
            )
    body = ask(f"/calls/{public_id(Prefix.CALL, acme.call)}", acme.secret).json()
    found = [leg["id"] for leg in body["legs"]]
    assert found == [public_id(Prefix.LEG, leg) for leg in (acme.leg, *later)]


def test_the_timeline_is_in_order(acme: Populated) -> None:
    journal_event(acme.call, 3, acme.tenant, {"third": True})
    journal_event(acme.call, 2, acme.tenant, {"second": True})
    events = ask(f"/calls/{public_id(Prefix.CALL, acme.call)}/events", acme.secret).json()["events"]
    assert [event["seq"] for event in events] == [1, 2, 3, 100]
    assert events[1]["data"] == {"second": True}
    assert events[1]["position"] > events[2]["position"] > events[0]["position"]


def test_filters(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    key = accounts.create_api_key(tenant.id).secret
    first, second, third = calls_over_time(tenant.id, 3)
    assert listed("", key) == [third, second, first]
    assert listed("?disposition=busy", key) == [third, first]
    assert listed("?from_number=%2B14155550201", key) == [second]
    assert listed("?from_number=%2B1415555020", key) == []
    assert listed("?to_number=%2B12025550100", key) == [third, second, first]
    assert listed("?to_number=%2B12025550199", key) == []
    assert listed("?direction=outbound", key) == []
    assert listed("?since=2026-11-22T12:01:00Z", key) == [third, second]
    assert listed("?until=2026-11-22T12:01:00Z", key) == [first]
    assert listed("?since=2026-11-22T13:01:00%2B01:00&until=2026-11-22T12:02:00Z", key) == [second]
    assert listed(f"?number={public_id(Prefix.NUMBER, new_id())}", key) == []


def test_a_call_of_the_tenants_own_number_is_found_by_it(acme: Populated) -> None:
    assert listed(f"?to_number=%2B{acme.e164[1:]}", acme.secret) == [
        public_id(Prefix.CALL, acme.call)
    ]


def parties(path: str, key: str) -> list[dict[str, Any]]:
    data = [event["data"] for event in ask(path, key).json()["events"]]
    return [item["caller"] for item in data if "caller" in item]


def test_an_erased_caller_leaves_calls_without_number(acme: Populated, keys: Keys) -> None:
    path = f"/calls/{public_id(Prefix.CALL, acme.call)}"
    (found,) = keys.blocking("web").find(acme.tenant, [Identifier("e164", "+14155550100")])
    assert found is not None
    named = {"person": found.person.hex, "number": "+14155550100"}
    assert parties(f"{path}/events", acme.secret)[0] == named
    gone = Destruction((ErasePerson(found.person, ()),))
    keys.blocking("worker").destroy(acme.tenant, gone, actor="test")
    call = ask(path, acme.secret).json()
    assert (call["from_number"], call["from_error"]) == (None, "key_destroyed")
    assert (call["to_number"], call["to_error"]) == (acme.e164, None)
    assert (call["legs"][0]["number"], call["legs"][0]["number_error"]) == (None, "key_destroyed")
    refused = {"person": found.person.hex, "error": "key_destroyed"}
    assert parties(f"{path}/events", acme.secret)[0] == refused
    assert listed("?from_number=%2B14155550100", acme.secret) == []
    (listed_call,) = ask("/calls", acme.secret).json()["calls"]
    assert (listed_call["from_number"], listed_call["from_error"]) == (None, "key_destroyed")
    with across_tenants("test") as db:  # as clean-up after an erasure does
        Call.objects.using(db).update(caller_sealed=None)
    call = ask(path, acme.secret).json()
    assert (call["from_number"], call["from_error"]) == (None, "key_destroyed")


OPENING = ("/calls", "/calls/{call}", "/calls/{call}/events")


@pytest.mark.parametrize("path", OPENING)
def test_opening_is_for_a_purpose_of_the_key(acme: Populated, keys: Keys, path: str) -> None:
    path = path.format(call=public_id(Prefix.CALL, acme.call))
    for claimed, expected in ((None, "service"), ("support", "support"), ("service", "service")):
        keys.uses.clear()
        assert ask(path, acme.secret, purpose=claimed).status_code == 200
        (use,) = [use for use in keys.uses if use.action == "open"]
        assert (use.purpose, use.credential, use.tenant) == (expected, "web", acme.tenant)
        assert use.actor.startswith("key:")
        assert public_id(Prefix.CALL, acme.call) in use.objects
    none = accounts.create_api_key(acme.tenant, purposes=()).secret
    answer = ask(path, none)
    assert (answer.status_code, answer.json()["code"]) == (400, "purpose_required")
    assert ask("/numbers", none).status_code == 200, "nothing personal is opened there"


ODD = {
    "marketing": "marketing", "legal": "legal", "nonsense": "nonsense", "recovery": "recovery",
    "seal": "seal", "service,support": "unknown", "service ": "unknown", "Service": "unknown",
    " ": "unknown", "+14155550100": "unknown", "\u00e9": "unknown", "s" * 8000: "unknown",
    '["service"]': "unknown",
}  # fmt: skip
"""Purposes claimed, and what the record of the refusal calls them."""


@pytest.mark.parametrize("claimed", ODD, ids=lambda text: repr(text[:20]))
def test_a_refused_claim_is_a_use_tried(acme: Populated, keys: Keys, claimed: str) -> None:
    call = public_id(Prefix.CALL, acme.call)
    keys.uses.clear()
    answer = ask(f"/calls/{call}", acme.secret, purpose=claimed)
    (use,) = [use for use in keys.uses if use.credential == "web"]
    assert (use.action, use.tenant, use.objects) == ("open", acme.tenant, (call,))
    assert use.actor.startswith("key:")
    assert (answer.status_code, answer.json()["code"]) == (403, "purpose_refused")
    assert "14155550100" not in answer.content.decode()
    assert (use.purpose, use.outcome) == (ODD[claimed], "purpose_refused")


def test_an_empty_claim_is_none(acme: Populated, keys: Keys) -> None:
    assert ask("/calls", acme.secret, purpose="").status_code == 200
    assert keys.uses[-1].purpose == "service"


def test_looking_a_number_up_is_a_use(acme: Populated, keys: Keys) -> None:
    for number in ("%2B14155550100", "%2B14155550199"):
        keys.uses.clear()
        path = f"/calls?from_number={number}"
        assert ask(path, acme.secret, purpose="support").status_code == 200
        (use,) = [use for use in keys.uses if use.action == "find"]
        assert (use.credential, use.purpose, use.tenant) == ("web", "support", acme.tenant)
        assert use.actor.startswith("key:")
        assert use.objects == ()
        assert "1415555" not in repr(keys.uses)


def test_the_call_is_named_where_its_legs_are_opened(acme: Populated, keys: Keys) -> None:
    with across_tenants("test") as db:  # what is left to be opened are the legs' values
        Call.objects.using(db).filter(id=acme.call).update(
            caller_sealed=None, callee_sealed=None, captured_sealed=None
        )
    call = public_id(Prefix.CALL, acme.call)
    keys.uses.clear()
    assert ask(f"/calls/{call}", acme.secret).json()["legs"][0]["number"] is not None
    (use,) = [use for use in keys.uses if use.action == "open"]
    assert use.objects == (public_id(Prefix.LEG, acme.leg), call)


def test_without_service_there_is_no_live_stream(acme: Populated, keys: Keys) -> None:
    key = accounts.create_api_key(acme.tenant, purposes=("billing",)).secret
    answer = ask("/live/tickets", key, "post")
    assert (answer.status_code, answer.json()["code"]) == (403, "purpose_refused")
    use = keys.uses[-1]
    assert (use.purpose, use.outcome, use.objects) == ("service", "purpose_refused", ())


def test_while_keys_is_away_it_says_so(acme: Populated, keys: Keys) -> None:
    keys.stop()
    answer = ask("/calls", acme.secret)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    keys.start()
    assert ask("/calls", acme.secret).status_code == 200


def test_the_document_names_the_header_where_something_is_opened(db: DatabaseUrls) -> None:
    document = Client().get("/api/v1/openapi.json").json()
    for path in ("/calls", "/calls/{call_id}", "/calls/{call_id}/events"):
        operation = document["paths"][f"/api/v1{path}"]["get"]
        headers = {i["name"]: i["required"] for i in operation["parameters"] if i["in"] == "header"}
        assert headers["Ringfence-Purpose"] is False
        assert "400" in operation["responses"]
    queries = document["paths"]["/api/v1/calls"]["get"]["parameters"]
    assert "from_number" in {item["name"] for item in queries}


def test_pages_neither_repeat_nor_lose(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    key = accounts.create_api_key(tenant.id).secret
    made = calls_over_time(tenant.id, 5)
    seen: list[str] = []
    cursor = ""
    while True:
        body = ask(f"/calls?limit=2{cursor}", key).json()
        assert len(body["calls"]) <= 2
        seen += [call["id"] for call in body["calls"]]
        if body["next"] is None:
            break
        cursor = f"&before={body['next']}"
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("path", "verb", "status", "code"),
    [
        ("/calls?limit=0", "get", 422, "invalid_input"),
        ("/calls?limit=201", "get", 422, "invalid_input"),
        ("/calls?since=yesterday", "get", 422, "invalid_input"),
        ("/calls?since=2026-11-22T12:00:00", "get", 422, "invalid_input"),
        ("/calls?disposition=odd", "get", 422, "invalid_input"),
        ("/calls?before=12", "get", 422, "invalid_id"),
        ("/calls/CA12", "get", 422, "invalid_id"),
        ("/calls/PN00000000000000000000000000000000", "get", 422, "invalid_id"),
        ("/calls/CA00000000000000000000000000000000", "get", 404, "call_not_found"),
        ("/calls/CA00000000000000000000000000000000/events", "get", 404, "call_not_found"),
        ("/trunks/TK00000000000000000000000000000000", "get", 404, "trunk_not_found"),
        ("/numbers/PN00000000000000000000000000000000", "get", 404, "number_not_found"),
        ("/nothing", "get", 404, "not_found"),
        ("/calls", "delete", 405, "method_not_allowed"),
        ("/live/tickets", "get", 405, "method_not_allowed"),
    ],
)
def test_errors_have_one_shape(
    acme: Populated, path: str, verb: str, status: int, code: str
) -> None:
    answer = ask(path, acme.secret, verb)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"code", "message", "details"}
    assert body["code"] == code


def test_an_error_does_not_repeat_the_input(acme: Populated) -> None:
    answer = ask("/calls?limit=%2B14155550199", acme.secret)
    assert answer.status_code == 422
    assert "14155550199" not in answer.content.decode()
    assert answer.json()["details"]["problems"][0]["in"].endswith("limit")


def test_a_failure_is_told_without_its_text(
    acme: Populated, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(tenant_id: UUID) -> None:
        raise ValueError("+14155550123 is in the text of an error")

    monkeypatch.setattr(accounts, "get_tenant", fail)
    with caplog.at_level(logging.DEBUG):
        answer = ask("/tenant", acme.secret)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "14155550123" not in answer.content.decode()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "request failed"
    ]


def test_paths_and_queries_reach_no_log(acme: Populated, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask("/calls?from_number=%2B14155550188", acme.secret)
        ask("/nothing/14155550188", acme.secret)
        ask("/calls/14155550188", acme.secret)
    text = " ".join(str(record.__dict__) for record in caplog.records if record.name != "django.db")
    assert "14155550188" not in text
    assert acme.secret not in text


def test_without_database_it_says_so(acme: Populated, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connections.settings["default"]
    connections["default"].close()
    monkeypatch.setitem(settings, "HOST", "/nonexistent")
    try:
        for path in ("/health", "/tenant"):
            answer = ask(path, acme.secret)
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"
    finally:
        connections["default"].close()


def test_security_headers(acme: Populated) -> None:
    for path in ("/health", "/calls", "/nothing"):
        headers = ask(path, acme.secret).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ask("/calls", None).headers["WWW-Authenticate"] == "Bearer"
    page = Client().get("/nothing/", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "style-src 'self'" in page.headers["Content-Security-Policy"], "it has our style"


def test_a_key_opens_only_its_scopes(acme: Populated) -> None:
    key = accounts.create_api_key(acme.tenant, scopes=("numbers:read",)).secret
    assert ask("/numbers", key).status_code == 200
    for path, verb in (("/calls", "get"), ("/trunks", "get"), ("/live/tickets", "post")):
        answer = ask(path, key, verb)
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient_scope"


def test_a_live_ticket_names_the_tenant_and_ends(acme: Populated) -> None:
    from django.conf import settings

    clock = ManualClock(START)
    with use_clock(clock):
        body = ask("/live/tickets", acme.secret, "post").json()
    secret = find_secret(settings.RINGFENCE.data_dir, "live-ticket")
    assert secret is not None
    assert body["expires_at"] == "2026-11-22T12:01:00Z"
    ticket = verify_ticket(secret, body["ticket"], clock)
    assert ticket is not None
    assert ticket.tenant == acme.tenant
    clock.advance(timedelta(seconds=60))
    assert verify_ticket(secret, body["ticket"], clock) is None


def test_a_trunk_of_the_operator_is_not_shown(acme: Populated) -> None:
    carrier = trunks.create_trunk(NewTrunk(name="Carrier", sources=("192.0.2.0/24",)))
    body = ask("/trunks", acme.secret).json()
    assert [trunk["id"] for trunk in body["trunks"]] == [public_id(Prefix.TRUNK, acme.trunk)]
    assert ask(f"/trunks/{public_id(Prefix.TRUNK, carrier.id)}", acme.secret).status_code == 404
