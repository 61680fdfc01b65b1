"""A tenant's keys over the API: made, renamed, revoked, and never more than who made them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.api import Someone, ask, someone

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def made(key: str, **fields: Any) -> Any:
    answer = ask("post", "/keys", key, {"name": "new", "scopes": ["calls:read"], **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_key_is_shown_once_and_works(acme: Someone) -> None:
    new = made(acme.secret, purposes=["support"])
    assert new["secret"].startswith("rfk_")
    assert new["last4"] == new["secret"][-4:]
    assert ask("get", "/calls", new["secret"]).status_code == 200
    assert ask("get", "/numbers", new["secret"]).status_code == 403
    one = ask("get", f"/keys/{new['id']}", acme.secret)
    assert "secret" not in one.json()
    assert new["secret"] not in ask("get", "/keys", acme.secret).content.decode()
    assert [key["id"] for key in ask("get", "/keys?limit=1", acme.secret).json()["keys"]] == [
        new["id"]
    ]


def test_pages_of_keys(acme: Someone) -> None:
    ids = [made(acme.secret)["id"] for _ in range(3)]
    first = ask("get", "/keys?limit=2", acme.secret).json()
    second = ask("get", f"/keys?limit=2&before={first['next']}", acme.secret).json()
    seen = [key["id"] for key in first["keys"] + second["keys"]]
    assert seen[:3] == ids[::-1]
    assert len(seen) == 4
    assert second["next"] is None


def test_a_key_cannot_grant_what_it_lacks(acme: Someone) -> None:
    weak = made(acme.secret, scopes=["keys:write", "calls:read"], purposes=["support"])["secret"]
    for fields, details in (
        ({"scopes": ["calls:read", "numbers:read"]}, {"scopes": ["numbers:read"], "purposes": []}),
        ({"purposes": ["service"]}, {"scopes": [], "purposes": ["service"]}),
        ({"scopes": ["privacy:erase"]}, {"scopes": ["privacy:erase"], "purposes": []}),
    ):
        answer = ask("post", "/keys", weak, {"name": "x", "scopes": ["calls:read"], **fields})
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused")
        assert answer.json()["details"] == details
    assert made(weak, purposes=["support"])["scopes"] == ["calls:read"]
    for scope in ("tenants:provision", "members:write", "nonsense"):
        answer = ask("post", "/keys", acme.secret, {"name": "x", "scopes": [scope]})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_scope")


def test_a_key_that_ends(acme: Someone) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        ends = START + timedelta(hours=1)
        short = made(
            acme.secret, scopes=["keys:write", "tenant:read"], expires_at=ends.isoformat()
        )["secret"]
        for later in (None, (ends + timedelta(seconds=1)).isoformat()):
            body = {"name": "x", "scopes": ["tenant:read"], "expires_at": later}
            answer = ask("post", "/keys", short, body)
            assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused")
        made(short, scopes=["tenant:read"], expires_at=ends.isoformat())
        assert ask("get", "/tenant", short).status_code == 200
        clock.advance(timedelta(hours=1))
        assert ask("get", "/tenant", short).status_code == 401
        body = {"name": "x", "scopes": [], "expires_at": START.isoformat()}
        answer = ask("post", "/keys", acme.secret, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_expiry")


def test_a_revoked_key_is_refused_and_stays_in_the_list(acme: Someone) -> None:
    new = made(acme.secret, scopes=["tenant:read"])
    path = f"/keys/{new['id']}"
    for _ in range(2):
        assert ask("delete", path, acme.secret).status_code == 204
        assert ask("get", "/tenant", new["secret"]).status_code == 401
    assert ask("get", path, acme.secret).json()["revoked_at"] is not None


def test_renaming_needs_the_state_it_is_of(acme: Someone) -> None:
    new = made(acme.secret)
    path = f"/keys/{new['id']}"
    answer = ask("patch", path, acme.secret, {"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    etag = ask("get", path, acme.secret).headers["ETag"]
    changed = ask("patch", path, acme.secret, {"name": "b"}, If_Match=etag)
    assert (changed.status_code, changed.json()["name"]) == (200, "b")
    stale = ask("patch", path, acme.secret, {"name": "c"}, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert ask("get", path, acme.secret).json()["name"] == "b"
    for body in ({"name": "d", "scopes": ["calls:read"]}, {"name": ""}, {"name": " "}):
        refused = ask("patch", path, acme.secret, body, If_Match="*")
        assert refused.status_code == 422


def test_use_is_noted_once_a_minute(acme: Someone, db: DatabaseUrls) -> None:
    clock = ManualClock(START)
    new = made(acme.secret, scopes=["tenant:read", "keys:read"])

    def noted() -> tuple[Any, int]:
        """When the key was last used, and how often its row was written."""
        with psycopg.connect(db.owner) as connection:
            row = connection.execute(
                "SELECT last_used_at, xmin::text::bigint FROM accounts_api_key WHERE name = 'new'"
            ).fetchone()
        assert row is not None
        return row

    with use_clock(clock):
        assert noted()[0] is None
        ask("get", "/tenant", new["secret"])
        first = noted()
        assert first[0] == START
        clock.advance(timedelta(seconds=59))
        ask("get", "/tenant", new["secret"])
        assert noted() == first
        clock.advance(timedelta(seconds=1))
        ask("get", "/tenant", new["secret"])
        assert noted()[0] == START + timedelta(seconds=60)
    shown = ask("get", f"/keys/{new['id']}", acme.secret).json()["last_used_at"]
    assert shown == "2026-11-22T12:01:00Z"


def test_use_does_not_change_the_etag(acme: Someone) -> None:
    """Or a key could not rename itself when a minute begins between its requests."""
    (own,) = ask("get", "/keys", acme.secret).json()["keys"]
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=5))
    with use_clock(clock):
        before = ask("get", f"/keys/{own['id']}", acme.secret)
        clock.advance(timedelta(minutes=2))
        after = ask("get", f"/keys/{own['id']}", acme.secret)
    assert before.json()["last_used_at"] != after.json()["last_used_at"]
    assert before.headers["ETag"] == after.headers["ETag"]


def test_there_is_an_end_to_the_number_of_keys(
    acme: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.domains.accounts.usecases.create_api_key.MAX_KEYS", 2)
    new = made(acme.secret)
    answer = ask("post", "/keys", acme.secret, {"name": "x", "scopes": []})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")
    ask("delete", f"/keys/{new['id']}", acme.secret)
    made(acme.secret)


def test_the_key_of_another_tenant_does_not_exist(acme: Someone) -> None:
    bolt = someone("Bolt")
    key = public_id(Prefix.API_KEY, accounts.list_api_keys(bolt.tenant)[0].id)
    match = {"If_Match": "*"}
    assert ask("get", f"/keys/{key}", acme.secret).status_code == 404
    assert ask("patch", f"/keys/{key}", acme.secret, {"name": "x"}, **match).status_code == 404
    assert ask("delete", f"/keys/{key}", acme.secret).status_code == 404
    assert ask("get", "/tenant", bolt.secret).status_code == 200
