"""The request log: whatever somebody who is known asked, and nothing that they wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client
from tests.api import Someone, ask, someone
from tests.oauth import FORM, program
from tests.people import person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts import request_log, tasks
from ringfence.domains.accounts.request_log import Record, RequestLog, use_request_log
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id, use_clock

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def log(db: DatabaseUrls) -> Iterator[RequestLog]:
    with use_request_log(RequestLog()) as log:
        yield log


@pytest.fixture
def acme(log: RequestLog) -> Someone:
    return someone()


def whole_table(db: DatabaseUrls) -> str:
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT r::text FROM accounts_request r ORDER BY id").fetchall()
    return "\n".join(text for (text,) in rows)


def listed(log: RequestLog, key: str, query: str = "") -> list[dict[str, Any]]:
    log.flush()
    answer = ask("get", f"/requests{query}", key)
    assert answer.status_code == 200, answer.content
    return answer.json()["requests"]


def test_a_request_leaves_a_record(acme: Someone, log: RequestLog) -> None:
    key = accounts.list_api_keys(acme.tenant)[0].id
    answer = ask("get", f"/keys/SK{key.hex}", acme.secret)
    (one,) = listed(log, acme.secret)
    assert one.pop("at").startswith(str(datetime.now(UTC).year))
    assert 0 <= one.pop("duration_ms") < 60_000
    assert one == {
        "id": answer.headers["Request-Id"],
        "kind": "key",
        "credential": f"SK{key.hex}",
        "method": "GET",
        "route": "/api/v1/keys/{key_id}",
        "objects": [f"SK{key.hex}"],
        "status": 200,
        "error_code": None,
        "network": "127.0.0.0/24",
    }


def test_refusals_leave_one_too(acme: Someone, log: RequestLog) -> None:
    bound = accounts.create_api_key(
        acme.tenant, scopes=("tenant:read",), allowed_networks=("192.0.2.0/24",)
    ).secret
    weak = accounts.create_api_key(acme.tenant, scopes=("tenant:read",)).secret
    ask("get", "/tenant", bound)
    ask("get", "/calls", weak)
    ask("get", "/keys/SK" + "0" * 32, acme.secret)
    ask("post", "/keys", acme.secret, {"nonsense": 1})
    seen = [(one["status"], one["error_code"]) for one in listed(log, acme.secret)][::-1]
    assert seen == [
        (403, "address_refused"), (403, "insufficient_scope"), (404, "api_key_not_found"),
        (422, "invalid_input"),
    ]  # fmt: skip
    assert all(one["objects"] == [] for one in listed(log, acme.secret, "?status=404"))


def test_of_whom_nobody_knows_there_is_none(acme: Someone, log: RequestLog) -> None:
    for key in (None, "rfk_wrong"):
        assert ask("get", "/tenant", key).status_code == 401
    assert Client().get("/api/v1/health").status_code == 200
    assert Client().get("/api/v1/nothing/here").status_code == 404
    assert ask("get", "/nothing/here", acme.secret).status_code == 404
    assert log.flush() == 0


def test_clients_and_people(acme: Someone, log: RequestLog) -> None:
    crm = program(acme.secret)
    ask("get", "/tenant", crm.token())
    owner = person("owner", acme.tenant)
    owner("get", "/tenant")
    owner("get", "/me")
    found = listed(log, acme.secret)[::-1]
    assert [(one["kind"], one["route"]) for one in found] == [
        ("key", "/api/v1/clients"),
        ("client", "/oauth/token"),
        ("client", "/api/v1/tenant"),
        ("session", "/api/v1/tenant"),
    ], "what is about the person alone is in no tenant's log"
    assert found[1]["credential"] == found[2]["credential"] == crm.id
    assert found[3]["credential"].startswith("US")


def test_what_was_asked_is_found(acme: Someone, log: RequestLog) -> None:
    other = accounts.create_api_key(acme.tenant, scopes=("tenant:read",))
    for _ in range(3):
        ask("get", "/tenant", acme.secret)
        ask("get", "/tenant", other.secret)
        ask("get", "/calls", other.secret)
    mine = f"?credential=SK{other.info.id.hex}"
    assert len(listed(log, acme.secret, mine)) == 6
    assert len(listed(log, acme.secret, f"{mine}&status=403")) == 3
    log.flush()
    pages, cursor = [], ""
    while cursor is not None:
        page = ask("get", f"/requests{mine}&limit=4{cursor}", acme.secret).json()
        pages += [one["id"] for one in page["requests"]]
        cursor = None if page["next"] is None else f"&before={page['next']}"
    assert len(set(pages)) == 6 and pages == sorted(pages, reverse=True)
    for wrong in ("credential=x", "credential=CA" + "0" * 32, "status=99", "before=SK1"):
        assert ask("get", f"/requests?{wrong}", acme.secret).status_code == 422, wrong


def test_a_tenant_sees_its_own(acme: Someone, log: RequestLog) -> None:
    bolt = someone("Bolt")
    for _ in range(2):
        ask("get", "/tenant", acme.secret)
    assert len(listed(log, acme.secret)) == 2
    key = accounts.list_api_keys(acme.tenant)[0].id
    assert listed(log, bolt.secret, f"?credential=SK{key.hex}") == []
    operator = accounts.create_operator_key().secret
    ask("get", "/tenants", operator)
    log.flush()
    assert all(one["route"] != "/api/v1/tenants" for one in listed(log, bolt.secret))
    weak = accounts.create_api_key(acme.tenant, scopes=("tenant:read",)).secret
    assert ask("get", "/requests", weak).status_code == 403


PERSON = (
    "ada.lovelace@example.org", "+14155550142", "4155550142", "Ada Lovelace", "198.51.100.77",
)  # fmt: skip


def test_nothing_that_a_client_wrote_is_kept(
    acme: Someone, log: RequestLog, db: DatabaseUrls
) -> None:
    """Planted wherever a client can write; the table is searched as a whole, by its owner."""
    browser = Client(raise_request_exception=False)
    digits = "4155550142".rjust(32, "0")
    for mark in PERSON:
        named = {
            "Authorization": f"Bearer {acme.secret}", "User-Agent": mark, "X-Forwarded-For": mark,
            "Request-Id": mark, "Referer": f"https://x/{mark}", "Idempotency-Key": mark,
            "Ringfence-Purpose": mark, "Ringfence-Tenant": mark, "If-Match": mark,
        }  # fmt: skip
        body = {"name": mark, mark: mark, "scopes": [mark]}
        for path in (
            f"/calls/{mark}", f"/keys/{mark}", f"/keys/SK{digits}", f"/nothing/{mark}",
            f"/calls?from_number={mark}&{mark}={mark}", f"/requests?credential={mark}",
            f"/wallet?x={mark}", f"/clients/OC{digits}", f"/rates/quote?number={mark}",
        ):  # fmt: skip
            browser.get(f"/api/v1{path}", headers=named, REMOTE_ADDR="198.51.100.77")
            browser.delete(f"/api/v1{path}", headers=named, REMOTE_ADDR="198.51.100.77")
            for send in (browser.post, browser.patch):
                send(
                    f"/api/v1{path}", body, content_type="application/json", headers=named,
                    REMOTE_ADDR="198.51.100.77",
                )  # fmt: skip
        browser.generic(mark.split("@")[0].upper(), "/api/v1/tenant", headers=named)
        browser.post(
            f"/oauth/token?x={mark}", f"grant_type={mark}&client_id={mark}", content_type=FORM,
            headers={"User-Agent": mark},
        )  # fmt: skip
        crm = program(acme.secret, name=mark)
        crm.ask(scope=mark)
    assert log.flush() > 60
    kept = whole_table(db)
    for mark in (*PERSON, "lovelace", digits):
        assert mark.lower() not in kept.lower(), mark
    assert "198.51.100.0/24" in kept and "/api/v1/keys/{key_id}" in kept, "or it found nothing"
    with psycopg.connect(db.owner) as connection:
        names = connection.execute("SELECT name FROM accounts_oauth_client").fetchall()
    assert {name for (name,) in names} == set(PERSON), "a search as this one finds what is there"


def test_while_the_database_is_away(
    acme: Someone,
    log: RequestLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Requests go on; what does not fit is counted; what did is written when it is back."""
    small = RequestLog(most=3)
    whole = request_log._write

    def away(batch: list[Record]) -> None:
        raise OperationalError("+14155550142")

    with use_request_log(small):
        monkeypatch.setattr(request_log, "_write", away)
        for _ in range(5):
            assert ask("get", "/tenant", acme.secret).status_code == 200
        with caplog.at_level(logging.WARNING):
            assert [small.flush(), small.flush()] == [0, 0]
        monkeypatch.setattr(request_log, "_write", whole)
        assert small.flush() == 3
    told = [record.kv for record in caplog.records if record.message == "requests not logged"]
    assert told == [{"count": 2}]
    assert len(listed(log, acme.secret)) == 3


def test_a_record_that_cannot_be_written_holds_up_no_other(
    acme: Someone, log: RequestLog, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Record(new_id(), acme.tenant, new_id(), "key", "GET", "/\0", [], 200, 1, "", "")
    log.add(bad)
    log.flush()
    assert "requests not logged" in caplog.text
    ask("get", "/tenant", acme.secret)
    assert len(listed(log, acme.secret)) == 1


def test_a_thread_writes_what_there_is(acme: Someone, log: RequestLog, db: DatabaseUrls) -> None:
    with use_request_log(RequestLog()) as other:
        other.start()
        try:
            ask("get", "/tenant", acme.secret)
        finally:
            other.stop()
    assert "/api/v1/tenant" in whole_table(db)


def test_the_log_ends(acme: Someone, log: RequestLog, db: DatabaseUrls) -> None:
    """By whole months where it can, by rows in the month that ends."""
    clock = ManualClock(START)

    def at(days: int) -> UUID:
        with use_clock(ManualClock(START - timedelta(days=days))):
            record = Record(
                new_id(), acme.tenant, new_id(), "key", "GET", f"/{days}", [], 200, 1, "", ""
            )
        log.add(record)
        return record.id

    for days in (0, 29, 31, 90, 400):
        at(days)
    log.flush()
    with psycopg.connect(db.owner, autocommit=True) as connection:
        connection.execute(
            "SELECT ringfence_ensure_partitions(%s, 0)", [START - timedelta(days=90)]
        )
    with use_clock(clock):
        tasks.remove_old_requests(0)
    with psycopg.connect(db.owner) as connection:
        left = connection.execute("SELECT route FROM accounts_request ORDER BY 1").fetchall()
        parts = connection.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^accounts_request_p' AND relkind = 'r'"
        ).fetchall()
    assert left == [("/0",), ("/29",)]
    assert ("accounts_request_p202608",) not in parts


def test_every_answer_names_its_request(
    acme: Someone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = set()
    for answer in (
        ask("get", "/tenant", acme.secret, Request_Id="RQ" + "0" * 32),
        ask("get", "/tenant", None),
        ask("get", "/calls/CA1", acme.secret),
        Client().get("/nothing"),
        Client().post("/oauth/token"),
        Client().get("/api/v1/health"),
    ):
        name = answer.headers["Request-Id"]
        assert len(name) == 34 and name[:2] == "RQ" and name != "RQ" + "0" * 32
        seen.add(name)
    assert len(seen) == 6

    def fails(_: UUID) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ringfence.domains.accounts.http.api.get_tenant", fails)
    answer = ask("get", "/tenant", acme.secret)
    assert answer.status_code == 500
    (told,) = (record.kv for record in caplog.records if record.message == "request failed")
    assert told == {"request": answer.headers["Request-Id"]}
