"""Access tokens by the client credentials grant: given, narrowed, ended, and never another's."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidScopeError
from psycopg import sql
from tests.api import Someone, ask, someone
from tests.http.served import served
from tests.oauth import FORM, Program, basic, post, program, token_for
from tests.people import person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts import tasks
from ringfence.kernel.clock import ManualClock
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock
from ringfence.platform_django.ratelimit import use_limits

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


@pytest.fixture
def crm(acme: Someone) -> Program:
    return program(acme.secret)


def status(token: str, path: str = "/tenant") -> int:
    return ask("get", path, token).status_code


def refused(answer: Any, code: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (code, error), answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json()) <= {"error", "error_description", "error_uri"}


def test_a_token_is_given_and_works(acme: Someone, crm: Program) -> None:
    answer = crm.ask()
    body = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "calls:read tenant:read"
    assert "refresh_token" not in body
    assert body["access_token"].startswith("rft_") and len(body["access_token"]) == 4 + 43
    assert ask("get", "/tenant", body["access_token"]).json()["id"] == f"AC{acme.tenant.hex}"
    assert status(body["access_token"], "/numbers") == 403
    posted = token_for(GRANT | {"client_id": crm.id, "client_secret": crm.secret})
    assert status(posted.json()["access_token"]) == 200
    shown = ask("get", f"/clients/{crm.id}", acme.secret).json()
    assert shown["last_used_at"] is not None and "secret" not in shown


def test_scopes_narrow_and_never_widen(acme: Someone, crm: Program) -> None:
    narrow = crm.token("tenant:read")
    assert (status(narrow), status(narrow, "/calls")) == (200, 403)
    challenge = ask("get", "/calls", narrow).headers["WWW-Authenticate"]
    assert challenge == 'Bearer error="insufficient_scope"'
    for scope in ("keys:write", "tenant:read keys:write", "nonsense", 'x"y\\', "tenant:read\0"):
        refused(crm.ask(scope=scope), 400, "invalid_scope")
    assert crm.ask(scope="").json()["scope"] == "calls:read tenant:read", "as if it were not there"
    assert crm.ask(scope="  tenant:read  tenant:read ").json()["scope"] == "tenant:read"


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=st.sets(st.sampled_from(["tenant:read", "calls:read", "keys:read", "privacy:erase"])))
def test_a_token_has_what_was_asked_for_or_is_not_given(crm: Program, asked: set[str]) -> None:
    answer = crm.ask(scope=" ".join(sorted(asked)))
    has = {"tenant:read", "calls:read"}
    if asked <= has:
        assert set(answer.json()["scope"].split()) == (asked or has)
    else:
        refused(answer, 400, "invalid_scope")


def test_a_narrow_token_makes_nothing_wider(acme: Someone) -> None:
    strong = program(acme.secret, scopes=["keys:write", "calls:read", "tenant:read"])
    narrow = strong.token("keys:write")
    for path in ("/keys", "/clients"):
        answer = ask("post", path, narrow, {"name": "x", "scopes": ["tenant:read"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused")
    answer = ask("post", f"/clients/{strong.id}/rotate", narrow, {})
    assert answer.json()["code"] == "grant_refused", "its secret would give back what is missing"


def test_who_a_client_is(acme: Someone, crm: Program) -> None:
    """One answer for whatever is wrong with it."""
    other = program(acme.secret)
    wrong = [
        (crm.id, other.secret), (crm.id, crm.secret[:-3] + "AAA"), (crm.id, ""), ("", crm.secret),
        ("OC" + "0" * 32, crm.secret), (acme.secret, acme.secret), ("\udcff", "x"),
    ]  # fmt: skip
    bodies = set()
    with use_limits():
        for id_, secret in wrong:
            name = id_.encode("utf-8", "surrogateescape").decode("latin-1")
            for answer in (
                token_for(GRANT, headers=basic(name, secret)),
                token_for(GRANT | {"client_id": name, "client_secret": secret}),
            ):
                refused(answer, 401, "invalid_client")
                assert answer.headers["WWW-Authenticate"].startswith("Basic")
                bodies.add(answer.content)
        refused(token_for(GRANT), 401, "invalid_client")
        refused(token_for(GRANT, headers={"Authorization": "Basic /w=="}), 401, "invalid_client")
        refused(token_for(GRANT, headers={"Authorization": "Bearer x"}), 401, "invalid_client")
    assert len(bodies) == 1


def test_what_is_malformed(crm: Program) -> None:
    who = basic(crm.id, crm.secret)
    refused(token_for({}, headers=who), 400, "invalid_request")
    for name in ("password", "authorization_code", 'a"b\\\u00e9', ""):
        answer = token_for({"grant_type": name}, headers=who)
        refused(answer, 400, "unsupported_grant_type")
        assert "b\\" not in answer.content.decode()
    both = GRANT | {"client_secret": crm.secret}
    refused(token_for(both, headers=who), 400, "invalid_request")
    refused(token_for(GRANT | {"client_id": "other"}, headers=who), 400, "invalid_request")
    query = f"/oauth/token?client_id={crm.id}&client_secret={crm.secret}"
    refused(post(query, GRANT), 400, "invalid_request")
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    client = Client(headers=who)
    refused(client.post("/oauth/token", twice, content_type=FORM), 400, "invalid_request")
    refused(client.post("/oauth/token", GRANT), 400, "invalid_request")
    refused(
        client.post("/oauth/token", GRANT, content_type="application/json"), 400, "invalid_request"
    )
    assert client.get("/oauth/token").status_code == 405


def test_a_token_ends(acme: Someone) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        crm = program(acme.secret)
        token = crm.token()
        clock.advance(timedelta(minutes=59, seconds=59))
        assert status(token) == 200
        clock.advance(timedelta(seconds=1))
        answer = ask("get", "/tenant", token)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_ends_with_its_client(acme: Someone) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        crm = program(acme.secret, expires_at=(START + timedelta(minutes=10)).isoformat())
        answer = crm.ask().json()
        assert answer["expires_in"] == 600
        clock.advance(timedelta(minutes=10))
        assert status(answer["access_token"]) == 401
        refused(crm.ask(), 401, "invalid_client")


def test_a_revoked_client_has_nothing_left(acme: Someone, crm: Program) -> None:
    token = crm.token()
    for _ in range(2):
        assert ask("delete", f"/clients/{crm.id}", acme.secret).status_code == 204
        assert status(token) == 401
        refused(crm.ask(), 401, "invalid_client")
    assert ask("get", f"/clients/{crm.id}", acme.secret).json()["revoked_at"] is not None
    answer = ask("post", f"/clients/{crm.id}/rotate", acme.secret, {})
    assert (answer.status_code, answer.json()["code"]) == (409, "client_ended")


def test_a_revoked_token_is_not_taken_again(acme: Someone, crm: Program) -> None:
    token, other = crm.token(), crm.token()
    stranger = program(acme.secret)
    form = {"token": token}
    theirs = post("/oauth/revoke", form, headers=basic(stranger.id, stranger.secret))
    assert (theirs.status_code, status(token)) == (200, 200), "not theirs, and they do not learn it"
    refused(post("/oauth/revoke", form), 401, "invalid_client")
    for hint in ({}, {"token_type_hint": "access_token"}):  # RFC 7009: again is no error
        answer = post("/oauth/revoke", form | hint, headers=basic(crm.id, crm.secret))
        assert answer.status_code == 200
        assert [status(token) for _ in range(2)] == [401, 401]
    assert status(other) == 200
    nothing = post("/oauth/revoke", {}, headers=basic(crm.id, crm.secret))
    refused(nothing, 400, "invalid_request")


def test_a_suspended_tenants_token_is_refused_at_its_next_request(
    acme: Someone, crm: Program
) -> None:
    token = crm.token()
    accounts.change_tenant(acme.tenant, status="suspended")
    answer = ask("get", "/tenant", token)
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    refused(crm.ask(), 400, "unauthorized_client")
    accounts.change_tenant(acme.tenant, status="active")
    assert status(token) == 200


def test_two_secrets_for_a_while(acme: Someone) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        crm = program(acme.secret)
        path = f"/clients/{crm.id}/rotate"
        new = ask("post", path, acme.secret, {"grace_seconds": 3600}).json()
        assert new["secret"] != crm.secret and new["previous_last4"] == crm.secret[-4:]
        token = crm.token()
        assert crm.ask(secret=new["secret"]).status_code == 200
        third = ask("post", path, acme.secret, {"grace_seconds": 60})
        assert (third.status_code, third.json()["code"]) == (409, "rotation_open")
        clock.advance(timedelta(seconds=3599))
        assert crm.ask().status_code == 200
        clock.advance(timedelta(seconds=1))
        refused(crm.ask(), 401, "invalid_client")
        assert crm.ask(secret=new["secret"]).status_code == 200
        token = Program(crm.id, new["secret"]).token()
        last = ask("post", path, acme.secret, {"grace_seconds": 0}).json()
        assert last["previous_until"] is None
        refused(crm.ask(secret=new["secret"]), 401, "invalid_client")
        assert status(token) == 401, "who had the secret may have had tokens"
        assert crm.ask(secret=last["secret"]).status_code == 200
        assert ask("post", path, acme.secret, {"grace_seconds": 604801}).status_code == 422


def test_the_client_of_another_tenant_does_not_exist(acme: Someone, crm: Program) -> None:
    bolt = someone("Bolt")
    path, match = f"/clients/{crm.id}", {"If_Match": "*"}
    assert ask("get", path, bolt.secret).status_code == 404
    assert ask("patch", path, bolt.secret, {"name": "x"}, **match).status_code == 404
    assert ask("delete", path, bolt.secret).status_code == 404
    assert ask("post", f"{path}/rotate", bolt.secret, {}).status_code == 404
    assert ask("get", "/clients", bolt.secret).json()["clients"] == []
    assert crm.ask().status_code == 200


def test_pages_and_changes(acme: Someone) -> None:
    ids = [program(acme.secret).id for _ in range(3)]
    first = ask("get", "/clients?limit=2", acme.secret).json()
    second = ask("get", f"/clients?limit=2&before={first['next']}", acme.secret).json()
    assert [one["id"] for one in first["clients"] + second["clients"]] == ids[::-1]
    path = f"/clients/{ids[0]}"
    assert ask("patch", path, acme.secret, {"name": "b"}).status_code == 428
    etag = ask("get", path, acme.secret).headers["ETag"]
    changed = ask("patch", path, acme.secret, {"name": "b"}, If_Match=etag)
    assert (changed.status_code, changed.json()["name"]) == (200, "b")
    for body in ({"scopes": ["keys:write"]}, {"name": ""}, {"requests_per_minute": 0}):
        assert ask("patch", path, acme.secret, body, If_Match="*").status_code == 422


def test_people_make_clients_too(acme: Someone) -> None:
    made = person("owner", acme.tenant)(
        "post", "/clients", {"name": "x", "scopes": ["tenant:read"]}
    )
    assert made.status_code == 201, made.content
    assert Program(made.json()["id"], made.json()["secret"]).ask().status_code == 200


def test_guesses_are_counted_and_no_client_is_locked_out(crm: Program) -> None:
    with use_clock(ManualClock(START)), use_limits(failures=2):
        for _ in range(2):
            refused(crm.ask(secret="rfc_wrong"), 401, "invalid_client")
        answer = crm.ask(secret="rfc_wrong")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
        assert crm.ask().status_code == 200


def test_only_hashes_are_kept(acme: Someone, crm: Program, db: DatabaseUrls) -> None:
    """Of keys, secrets and tokens, anywhere in the database; the search finds what is there."""
    new = ask("post", f"/clients/{crm.id}/rotate", acme.secret, {}).json()["secret"]
    token = crm.token()
    with psycopg.connect(db.owner) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relkind = 'r'"
            )
        ]
        everything = "".join(
            text or ""
            for name in tables
            for (text,) in connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
            )
        )
        hashes = connection.execute("SELECT token_hash FROM accounts_access_token").fetchall()
    assert "CRM" in everything, "it finds what is kept in clear"
    for secret in (acme.secret, crm.secret, new, token):
        raw = _random(secret)
        for form in (secret, secret[4:], raw.hex()):
            assert form not in everything
        assert hashlib.sha256(raw).hexdigest() in everything
    assert hashes == [(hashlib.sha256(_random(token)).digest(),)]


def _random(secret: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(secret[4:] + "=")


def test_tokens_that_are_over_are_removed(acme: Someone, db: DatabaseUrls) -> None:
    clock = ManualClock(START)
    with use_clock(clock):
        crm = program(acme.secret)
        crm.token()
        clock.advance(timedelta(minutes=30))
        young = crm.token()
        clock.advance(timedelta(minutes=30))
        tasks.remove_ended_tokens(0)
        with psycopg.connect(db.owner) as connection:
            left = connection.execute("SELECT token_hash FROM accounts_access_token").fetchall()
        assert left == [(hashlib.sha256(_random(young)).digest(),)]
        assert status(young) == 200


def test_metadata(db: DatabaseUrls) -> None:
    answer = Client().get("/.well-known/oauth-authorization-server")
    body = answer.json()
    assert body["issuer"] == "http://localhost:8080"
    assert body["token_endpoint"] == "http://localhost:8080/oauth/token"
    assert body["revocation_endpoint"] == "http://localhost:8080/oauth/revoke"
    assert body["grant_types_supported"] == ["client_credentials"]
    assert body["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic", "client_secret_post"
    ]  # fmt: skip
    assert "calls:read" in body["scopes_supported"] and "staff:read" not in body["scopes_supported"]


def test_libraries_that_speak_oauth(
    acme: Someone, crm: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oauthlib shares no code with the server; Authlib's client fetches and revokes."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        peer = BackendApplicationClient(client_id=crm.id)
        body = peer.prepare_request_body(scope=["tenant:read"])
        answer = requests.post(
            f"{base}/oauth/token", body, auth=(crm.id, crm.secret), headers={"Content-Type": FORM}
        )
        token = peer.parse_request_body_response(answer.text, scope=["tenant:read"])
        assert token.scope == "tenant:read" and token["expires_in"] == 3600
        url, headers, _ = peer.add_token(f"{base}/api/v1/tenant")
        assert requests.get(url, headers=headers).json()["id"] == f"AC{acme.tenant.hex}"
        wide = peer.prepare_request_body(scope=["keys:write"])
        answer = requests.post(
            f"{base}/oauth/token", wide, auth=(crm.id, crm.secret), headers={"Content-Type": FORM}
        )
        with pytest.raises(InvalidScopeError):
            peer.parse_request_body_response(answer.text)
        for method in ("client_secret_basic", "client_secret_post"):
            with OAuth2Session(
                crm.id, crm.secret, token_endpoint_auth_method=method, scope="tenant:read"
            ) as session:
                session.fetch_token(f"{base}/oauth/token")
                assert session.get(f"{base}/api/v1/tenant").status_code == 200
                session.revoke_token(f"{base}/oauth/revoke", token=session.token["access_token"])
                assert session.get(f"{base}/api/v1/tenant").status_code == 401
