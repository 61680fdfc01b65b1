"""Erasures through the REST API: ordered in the request, carried out by a job, nobody named."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.test import Client
from tests.keys_fixture import Keys
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.domains.privacy import tasks
from ringfence.domains.privacy.usecases import erase
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.keys import use_keys

NUMBER = "+14155550100"
"""Of the caller whom `populate` records."""


@pytest.fixture
def acme(keys: Keys, db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


def ask(path: str, key: str, body: Any = None) -> Any:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {key}"}
    if body is None:
        return client.get(f"/api/v1{path}", headers=headers)
    content = json.dumps(body)
    return client.post(f"/api/v1{path}", content, content_type="application/json", headers=headers)


def jobs(urls: DatabaseUrls) -> list[dict[str, Any]]:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'privacy.carry_out'"
        ).fetchall()
    return [row[0] for row in rows]


def test_a_number_is_erased(acme: Populated, db: DatabaseUrls, keys: Keys) -> None:
    answer = ask("/erasures", acme.secret, {"number": NUMBER})
    assert answer.status_code == 202, answer.content
    made = answer.json()
    assert made["state"] == "ordered"
    (job,) = jobs(db)
    assert job == {"erasure": made["id"][2:]}
    with use_keys(keys.blocking("worker")):
        tasks.carry_out(**job)
    done = ask(f"/erasures/{made['id']}", acme.secret).json()
    assert done["state"] == "cleaned"
    assert done["rows"] >= 2
    certificate = done["certificate"]
    assert made["certificate"] is None
    assert (certificate["erasure"], certificate["rows_cleared"]) == (made["id"], done["rows"])
    assert (certificate["persons"], certificate["rule"]) == (1, None)
    assert NUMBER[2:] not in json.dumps(certificate)
    assert keys.blocking("worker").find(acme.tenant, [Identifier("e164", NUMBER)]) == [None]
    assert ask("/erasures", acme.secret, {"number": NUMBER}).status_code == 404
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT e::text FROM privacy_erasure e UNION ALL "
            "SELECT j::text FROM procrastinate_jobs j"
        ).fetchall()
    assert rows
    assert not any(NUMBER[2:] in row[0] for row in rows)


def test_a_person_is_erased_by_id(acme: Populated, db: DatabaseUrls, keys: Keys) -> None:
    (found,) = keys.blocking("worker").find(acme.tenant, [Identifier("e164", NUMBER)])
    assert found is not None
    assert ask("/erasures", acme.secret, {"person": found.person.hex}).status_code == 202
    assert ask("/erasures", acme.secret, {"person": f"PE{found.person.hex}"}).status_code == 202
    assert len(jobs(db)) == 2
    bolt = populate("Bolt", 2)
    strange = ask("/erasures", bolt.secret, {"person": found.person.hex})
    assert strange.status_code == 404
    assert strange.json()["code"] == "person_unknown"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "nobody_named"),
        ({"number": NUMBER, "person": UUID(int=1).hex}, 422, "nobody_named"),
        ({"number": "4155550100"}, 422, "nobody_named"),
        ({"number": "+14155550199"}, 404, "person_unknown"),
        ({"person": UUID(int=1).hex}, 404, "person_unknown"),
        ({"person": "nobody"}, 422, "invalid_id"),
        ({"numbr": NUMBER}, 422, "invalid_input"),
    ],
)
def test_what_names_nobody_orders_nothing(
    acme: Populated, db: DatabaseUrls, body: dict[str, str], status: int, code: str
) -> None:
    before = jobs(db)
    answer = ask("/erasures", acme.secret, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert NUMBER[1:] not in answer.content.decode()
    assert jobs(db) == before


def test_it_needs_its_scope(acme: Populated, db: DatabaseUrls) -> None:
    reader = accounts.create_api_key(acme.tenant, "reader", ("calls:read",)).secret
    answer = ask("/erasures", reader, {"number": NUMBER})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert jobs(db) == []


def test_what_fails_leaves_neither_order_nor_job(
    acme: Populated, db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = erase._enqueue

    def fail(order: Any) -> Any:
        real(order)
        raise RuntimeError

    with psycopg.connect(db.owner) as connection:
        query = "SELECT count(*) FROM privacy_erasure"
        before = connection.execute(query).fetchone()
        monkeypatch.setattr(erase, "_enqueue", fail)
        assert ask("/erasures", acme.secret, {"number": NUMBER}).status_code == 500
        assert connection.execute(query).fetchone() == before
    assert jobs(db) == []
