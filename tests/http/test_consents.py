"""Consents through the REST API, on a real database and key store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from tests.api import Someone, ask, someone
from tests.keys_fixture import Keys

from ringfence.domains.calls.contracts import CallPlaneUnavailable
from ringfence.domains.consent import api as consents
from ringfence.domains.consent.models import Evidence
from ringfence.domains.consent.rules.chain import Link, breaks
from ringfence.domains.consent.tasks import stop_recordings
from ringfence.domains.consent.usecases import settle
from ringfence.domains.consent.usecases.record import facts_of
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.privacy import api as privacy
from ringfence.kernel.errors import Unavailable
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.gate.rules import check_fields, fields_of
from ringfence.platform.gate.templates import WEBHOOK
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.tenancy import tenant
from ringfence.platform_django.use import using

NUMBER = "+14155550100"
TEXT = "Send me news by text message. Message rates may apply. Reply STOP to end."


@pytest.fixture
def acme(db: DatabaseUrls, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Someone]:
    monkeypatch.setattr(django_settings, "RINGFENCE", keys.settings)
    with use_keys(keys.blocking("web")):
        yield someone("Acme")


def wording(key: str, scope: str = "messaging_marketing", text: str = TEXT) -> dict[str, Any]:
    body = {"scope": scope, "language": "en", "text": text}
    answer = ask("post", "/consent-wordings", key, body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def say(key: str, state: str, scope: str = "messaging_marketing", **more: Any) -> dict[str, Any]:
    body = {"number": NUMBER, "scope": scope, "state": state, "method": "web_form"} | more
    if state == "granted" and "wording" not in body:
        body["wording"] = wording(key, scope)["id"]
    answer = ask("post", "/consents", key, {k: v for k, v in body.items() if v is not None})
    assert answer.status_code == 201, answer.content
    return answer.json()


def stand(key: str, scope: str = "messaging_marketing", **who: str) -> dict[str, Any]:
    body = {"scope": scope} | (who or {"number": NUMBER})
    answer = ask("post", "/consents/check", key, body)
    assert answer.status_code == 200, answer.content
    (state,) = answer.json()["states"]
    return state


def test_what_was_said_is_written_down_and_holds(acme: Someone) -> None:
    before = stand(acme.secret)
    assert before == {
        "scope": "messaging_marketing", "allowed": False, "state": None, "default": "opt_in",
        "since": None, "consent": None,
    }  # fmt: skip
    asked = wording(acme.secret)
    assert (asked["version"], asked["hash"]) == (1, hashlib.sha256(TEXT.encode()).hexdigest())
    given = say(acme.secret, "granted", wording=asked["id"], source="https://acme.example/news")
    assert (given["sequence"], given["wording"]) == (1, asked["id"])
    assert given["wording_hash"] == asked["hash"]
    assert given["source"] == "https://acme.example/news"
    now = stand(acme.secret)
    assert (now["allowed"], now["state"], now["consent"]) == (True, "granted", given["id"])
    ended = say(acme.secret, "withdrawn", method="text_message")
    now = stand(acme.secret)
    assert (now["allowed"], now["state"], now["consent"]) == (False, "withdrawn", ended["id"])
    listed = ask("get", f"/consents?person={given['person']}", acme.secret).json()
    assert [one["id"] for one in listed["consents"]] == [ended["id"], given["id"]]
    assert listed["consents"][1]["source"] == "https://acme.example/news"
    page = ask("get", f"/consents?person={given['person']}&limit=1", acme.secret).json()
    rest = ask(
        "get", f"/consents?person={given['person']}&limit=1&before={page['next']}", acme.secret
    ).json()
    assert [one["id"] for one in rest["consents"]] == [given["id"]]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"number": None}, "nobody_named"),
        ({"email": "a@b.example"}, "nobody_named"),
        ({"number": "5550100"}, "nobody_named"),
        ({"number": None, "person": "PE" + "0" * 32}, "person_unknown"),
        ({"state": "granted"}, "wording_required"),
        ({"state": "granted", "wording": "CW" + "0" * 32}, "wording_not_found"),
        ({"method": "gpc_signal"}, "gpc_says_no"),
        ({"scope": "everything"}, "invalid_input"),
        ({"source": "x" * 501}, "invalid_input"),
    ],
)
def test_what_cannot_be_written_down(acme: Someone, body: dict[str, Any], code: str) -> None:
    full = {
        "number": NUMBER, "scope": "marketing", "state": "withdrawn", "method": "api",
    } | body  # fmt: skip
    answer = ask("post", "/consents", acme.secret, {k: v for k, v in full.items() if v is not None})
    assert answer.json()["code"] == code, answer.content
    assert not Evidence.objects.using("operator").exists()


def test_a_wording_is_of_its_scope_and_never_changes(acme: Someone, db: DatabaseUrls) -> None:
    first = wording(acme.secret)
    assert wording(acme.secret)["id"] == first["id"]
    second = wording(acme.secret, text=TEXT + " Thanks.")
    assert second["version"] == 2
    assert ask("get", f"/consent-wordings/{first['id']}", acme.secret).json() == first
    body = {
        "number": NUMBER, "scope": "marketing", "state": "granted", "method": "api",
        "wording": first["id"],
    }  # fmt: skip
    assert ask("post", "/consents", acme.secret, body).json()["code"] == "wording_not_found"
    scoped = ask("get", "/consent-wordings?scope=training", acme.secret).json()
    assert scoped == {"wordings": []}


@pytest.mark.promise("SIP-01.3-04")
def test_grant_revoke_grant_are_three_rows_that_nobody_changes(
    acme: Someone, db: DatabaseUrls
) -> None:
    for state in ("granted", "withdrawn", "granted"):
        say(acme.secret, state)
    assert chain(acme.tenant) == []
    for url in (db.app, db.operator, db.callplane, db.identity):
        for statement in (
            "UPDATE consent_evidence SET state = 'granted'",
            "UPDATE consent_evidence SET digest = ''",
            "UPDATE consent_wording SET text = ''",
            "DELETE FROM consent_evidence",
            "DELETE FROM consent_wording",
            "TRUNCATE consent_evidence",
        ):
            refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
            with psycopg.connect(url) as connection, refused:
                connection.execute(statement)
    with psycopg.connect(db.owner) as connection:
        count = connection.execute("SELECT count(*) FROM consent_evidence").fetchone()
        assert count == (3,)
        connection.execute("UPDATE consent_evidence SET state = 'denied' WHERE seq = 2")
    assert [(one.seq, one.kind) for one in chain(acme.tenant)] == [(2, "changed")]
    with psycopg.connect(db.owner) as connection:
        connection.execute("DELETE FROM consent_evidence WHERE seq = 2")
    assert [(one.seq, one.kind) for one in chain(acme.tenant)] == [(3, "missing")]


def chain(of: UUID) -> list[Any]:
    rows = Evidence.objects.using("operator").filter(tenant_id=of).order_by("seq")
    return breaks(Link(row.seq, row.previous, row.digest, facts_of(row)) for row in rows)


def test_another_tenant_knows_nothing_of_it(acme: Someone) -> None:
    given = say(acme.secret, "granted")
    bolt = someone("Bolt")
    assert stand(bolt.secret)["state"] is None
    listed = ask("get", f"/consents?person={given['person']}", bolt.secret).json()
    assert listed == {"consents": [], "next": None}
    assert ask("get", f"/consent-wordings/{given['wording']}", bolt.secret).status_code == 404
    body = {
        "person": given["person"], "scope": "marketing", "state": "withdrawn", "method": "api",
    }  # fmt: skip
    assert ask("post", "/consents", bolt.secret, body).json()["code"] == "person_unknown"
    say(bolt.secret, "withdrawn")
    assert stand(acme.secret)["state"] == "granted"


@pytest.mark.promise("SIP-02.2-04")
def test_a_refusal_outlives_who_said_it(acme: Someone, keys: Keys, db: DatabaseUrls) -> None:
    given = say(acme.secret, "granted", source="CA" + "1" * 32)
    say(acme.secret, "withdrawn")
    say(acme.secret, "granted", "marketing")
    person = UUID(hex=given["person"][2:])
    with use_keys(keys.blocking("worker")):
        privacy.destroy_person(acme.tenant, person, actor="test")
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT contact_sealed, source_sealed, state, contact_hash IS NOT NULL"
            " FROM consent_evidence ORDER BY seq"
        ).fetchall()
    assert rows == [
        (None, None, "granted", True), (None, None, "withdrawn", True),
        (None, None, "granted", True),
    ]  # fmt: skip
    assert chain(acme.tenant) == [], "an erasure breaks no chain"
    now = stand(acme.secret)
    assert (now["allowed"], now["state"], now["consent"]) == (False, "withdrawn", None)
    assert stand(acme.secret, "marketing")["state"] is None, "a grant dies with its person"
    listed = ask("get", f"/consents?person={given['person']}", acme.secret).json()["consents"]
    assert {one["source"] for one in listed} == {None}
    body = {"person": given["person"], "scope": "marketing", "state": "denied", "method": "api"}
    assert ask("post", "/consents", acme.secret, body).json()["code"] == "person_unknown"
    say(acme.secret, "granted")
    assert stand(acme.secret)["allowed"], "who they are now may say otherwise"


def test_a_refusal_binds_though_its_transaction_is_lost(acme: Someone) -> None:
    say(acme.secret, "granted", "recording")
    who = [Identifier("e164", NUMBER)]
    with pytest.raises(RuntimeError), tenant(acme.tenant):
        consents.record(
            acme.tenant, who[0], ConsentScope.RECORDING, ConsentState.WITHDRAWN,
            method=ConsentMethod.SPOKEN, actor="test",
        )  # fmt: skip
        raise RuntimeError
    assert stand(acme.secret, "recording")["state"] == "granted", "nothing of it was written down"
    assert consents.refused(acme.tenant, ConsentScope.RECORDING, who) == [True]
    say(acme.secret, "granted", "recording")
    assert consents.refused(acme.tenant, ConsentScope.RECORDING, who) == [False]


@pytest.mark.promise("SIP-08.1-04")
def test_the_number_goes_after_four_years_and_what_was_said_stays(
    acme: Someone, keys: Keys, db: DatabaseUrls
) -> None:
    with use_clock(keys.clock):
        given = say(acme.secret, "granted", source="https://acme.example/news")
        rules = [one for one in keys.settings.retention.rules() if one[1] == "consents"]
        assert rules == [("identifier", "consents", 1461)], "3 · 365 + 366"
        read = "SELECT contact_sealed IS NULL, source_sealed IS NULL, state FROM consent_evidence"
        for days, gone in ((1461, False), (1, True)):
            keys.clock.advance(timedelta(days=days))
            with use_keys(keys.blocking("worker")):
                privacy.sweep_retention(rules)
            with psycopg.connect(db.owner) as connection:
                assert connection.execute(read).fetchall() == [(gone, gone, "granted")]
        with psycopg.connect(db.owner) as connection:
            certificate = connection.execute(
                "SELECT certificate FROM privacy_erasure WHERE rule = 'consents'"
                " AND certificate->>'signature' IS NOT NULL"
            ).fetchall()
        assert certificate
        assert chain(acme.tenant) == []
        with using("service", "test"):
            listed = consents.list_evidence(acme.tenant, UUID(hex=given["person"][2:]))
        assert [one.source for one in listed.evidence] == [None]


def test_endpoints_are_told(acme: Someone, db: DatabaseUrls) -> None:
    hook = {"url": "https://hooks.invalid/x", "events": ["consent.changed"]}
    assert ask("post", "/webhooks", acme.secret, hook).status_code == 201
    given = say(acme.secret, "denied", "profiling", email="a@b.example", number=None)
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT type, data FROM webhooks_delivery").fetchall()
    told = {"consent": given["id"], "person": given["person"], "scope": "profiling"}
    assert rows == [("consent.changed", told | {"state": "denied"})]
    sent = {"type": "consent.changed", "timestamp": "", "data": rows[0][1]}
    assert check_fields(fields_of(json.dumps(sent).encode(), "application/json"), WEBHOOK.fields)


def test_a_call_plane_that_was_away_is_told_later(
    acme: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that gave up would leave somebody recorded who refused."""
    call, told, away = new_id(), [], [True]

    def command(tenant_id: UUID, call_id: UUID, action: str) -> None:
        if away:
            away.pop()
            raise CallPlaneUnavailable("away")
        told.append((tenant_id, call_id, action))

    monkeypatch.setattr(settle, "live_calls_of_person", lambda *_: [call])
    monkeypatch.setattr(settle, "command_call", command)
    with pytest.raises(Unavailable):
        stop_recordings(tenant=acme.tenant.hex, person=new_id().hex)
    assert told == []
    stop_recordings(tenant=acme.tenant.hex, person=new_id().hex)
    assert told == [(acme.tenant, call, "bar_recording")]
    assert stop_recordings.retry_strategy is not None
