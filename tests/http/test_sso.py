"""Single sign-on by a tenant's own identity provider, with a real one as peer."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.test import Client
from joserfc.jwk import ECKey
from psycopg import sql
from tests.oidc_provider import SECRET, Provider, browse, serving, signing_key
from tests.people import Browser, make_user
from tests.sso import (
    Company,
    code_of,
    come_back,
    company,
    depart,
    me,
    seats,
    sign_in_by,
    signed_in,
)

from ringfence.domains.identity.models import User
from ringfence.domains.identity.sso import transport
from ringfence.domains.identity.sso.contracts import SSO_TENANT
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.ratelimit import use_limits

# --- the way there and back


def test_somebody_of_the_company_gets_an_account_and_a_seat(acme: Company) -> None:
    client = Client(raise_request_exception=False)
    back = browse(depart(client, "acme"))
    before = client.session.session_key
    assert come_back(client, back).status_code == 302
    assert client.session.session_key != before, "no session is fixed"
    user = User.objects.get(email="ann@acme.example")
    assert seats(user) == [(acme.tenant, "agent")]
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    told = me(client).json()
    assert told["email"] == "ann@acme.example"
    assert [one["tenant"] for one in told["memberships"]] == [public_id(Prefix.TENANT, acme.tenant)]
    assert client.session[SSO_TENANT] == acme.tenant.hex
    assert Browser(client, acme.tenant)("get", "/calls").status_code == 200
    again, answer = sign_in_by("ann@acme.example")
    assert answer.status_code == 302 and me(again).json()["id"] == told["id"]
    assert User.objects.filter(email="ann@acme.example").count() == 1


def test_nothing_that_the_provider_says_is_kept_but_whom_it_means(acme: Company) -> None:
    sign_in_by("acme")
    (kept,) = SocialAccount.objects.all()
    assert (kept.provider, kept.extra_data) == ("acme", {})
    assert "sub-1" not in kept.uid
    assert not SocialToken.objects.exists() and not SocialApp.objects.exists()


@pytest.mark.parametrize("kind", ["userinfo", "elliptic"])
def test_other_providers_that_tell_the_truth(acme: Company, kind: str) -> None:

    if kind == "userinfo":
        said = {"sub": "sub-1", "email": "ann@acme.example", "email_verified": True}
        acme.provider.userinfo = said
    else:
        acme.provider.key = ECKey.generate_key("P-256", {"kid": "k1"})
    assert signed_in(sign_in_by("acme")[0])


def test_the_secret_is_nowhere_in_clear(acme: Company, db: DatabaseUrls) -> None:
    for verb in ("get", "put"):
        answer = acme.owner("get", "/tenant/sso") if verb == "get" else acme.connect()
        assert SECRET not in answer.content.decode()
        assert "client_secret" not in answer.json()
    sign_in_by("acme")
    planted = "ann@acme.example"
    found = {SECRET: 0, planted: 0}
    with psycopg.connect(db.owner) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r'"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            ):
                for text in found:
                    forms = (text, text.encode().hex())
                    found[text] += any(form in row for form in forms)
    assert found[planted] and not found[SECRET]
    assert not any(SECRET in json.dumps(dict(one.session)) for one in [sign_in_by("acme")[0]])


def test_a_get_starts_nothing(acme: Company) -> None:
    client = Client()
    for path in ("/accounts/sso/?company=acme", "/accounts/oidc/acme/login/"):
        answer = client.get(path)
        assert answer.status_code == 200 and b'value="acme"' in answer.content
    assert acme.provider.seen == []
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/accounts/sso/", {"company": "acme"}).status_code == 403
    assert acme.provider.seen == []


def test_who_asks_learns_nothing_of_accounts(acme: Company) -> None:
    make_user("known@acme.example")
    make_user("known@elsewhere.example")
    client = Client()
    ways = [
        urlsplit(depart(client, f"{name}@acme.example"))._replace(query="").geturl()
        for name in ("known", "unknown")
    ]
    assert ways[0] == ways[1] == f"{acme.provider.issuer}/authorize"
    answers = [
        client.post("/accounts/sso/", {"company": f"{name}@elsewhere.example"})
        for name in ("known", "unknown")
    ]
    assert {(one.status_code, code_of(one)) for one in answers} == {(422, "unknown_company")}
    pages = [one.content.decode().replace("unknown@", "known@") for one in answers]
    assert _without_tokens(pages[0]) == _without_tokens(pages[1])


def _without_tokens(page: str) -> list[str]:
    return [line for line in page.splitlines() if "csrfmiddlewaretoken" not in line]


def test_guessing_companies_is_limited(acme: Company) -> None:
    with use_limits(failures=3):
        statuses = [
            Client().post("/accounts/sso/", {"company": f"guess-{n}"}).status_code for n in range(5)
        ]
    assert statuses == [422, 422, 422, 429, 429]


def test_what_a_link_adds_is_not_passed_on(acme: Company) -> None:
    client = Client()
    query = "?auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example%26nonce%3Dx&scope=groups"
    answer = client.post(f"/accounts/sso/{query}", {"company": "acme"})
    asked = parse_qs(urlsplit(answer["Location"]).query)
    assert asked["redirect_uri"][0].endswith("/accounts/oidc/acme/login/callback/")
    assert set(asked["scope"][0].split()) == {"openid", "email"} and asked["nonce"] != ["x"]
    form = {"company": "acme", "next": "https://evil.example/", "of_age": "on"}
    away = client.post("/accounts/sso/", form)
    landed = come_back(client, browse(away["Location"]))
    assert "evil" not in landed["Location"]


# --- a provider that lies


LIES: dict[str, Any] = {
    "audience": lambda p: p.claims.update(aud="somebody else"),
    "audiences": lambda p: p.claims.update(aud=["ringfence", "somebody else"]),
    "party": lambda p: p.claims.update(azp="somebody else"),
    "issuer": lambda p: p.claims.update(iss="https://idp.example"),
    "nonce": lambda p: p.claims.update(nonce="of another sign-in"),
    "no nonce": lambda p: p.claims.update(nonce=None),
    "expired": lambda p: p.claims.update(exp=1),
    "no expiry": lambda p: p.claims.update(exp=None),
    "no subject": lambda p: p.claims.update(sub=None),
    "empty subject": lambda p: p.claims.update(sub=""),
    "odd subject": lambda p: p.claims.update(sub=["sub-1"]),
    "odd expiry": lambda p: p.claims.update(exp="soon"),
    "other key": lambda p: setattr(p, "published", signing_key(1)),
    "unknown key": lambda p: p.header.update(kid="k2"),
    "unsigned": lambda p: setattr(p, "unsigned", True),
    "hmac with the public key": lambda p: setattr(p, "hmac", True),
    "no token": lambda p: p.token_answer.update(id_token=None),
    "token of another kind": lambda p: p.token_answer.update(id_token=7, access_token=["x"]),
    "garbage": lambda p: p.token_answer.update(id_token="a.b.c"),
    "userinfo of somebody else": lambda p: setattr(
        p, "userinfo", {"sub": "sub-2", "email": "ann@acme.example", "email_verified": True}
    ),
    "keys that are none": lambda p: p.bodies.update({"/jwks": b'{"keys": [7, {"kid": "k1"}]}'}),
    "keys no object": lambda p: p.bodies.update({"/jwks": b"[]"}),
    "no JSON": lambda p: p.bodies.update({"/token": b"<html>"}),
    "discovery no object": lambda p: p.bodies.update({"/.well-known/openid-configuration": b"[1]"}),
    "discovery of another issuer": lambda p: p.discovery.update(issuer="https://idp.example"),
    "no endpoint": lambda p: p.discovery.update(token_endpoint=None),
    "endpoint with a script": lambda p: p.discovery.update(
        authorization_endpoint="javascript:alert(1)"
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_signs_nobody_in(acme: Company, lie: str) -> None:
    LIES[lie](acme.provider)
    client = Client(raise_request_exception=False)
    answer = client.post("/accounts/sso/", {"company": "acme"})
    if answer.status_code == 302:
        answer = come_back(client, browse(answer["Location"]))
    assert (answer.status_code, code_of(answer)) == (502, "provider_failed")
    assert not signed_in(client)
    assert not User.objects.filter(email="ann@acme.example").exists()


METADATA = "http://169.254.169.254/latest/meta-data/"
REACHES: dict[str, Any] = {
    "redirect of discovery": lambda p, at: p.redirects.update(
        {"/.well-known/openid-configuration": at}
    ),
    "redirect of the token": lambda p, at: p.redirects.update({"/token": at}),
    "redirect of the keys": lambda p, at: p.redirects.update({"/jwks": at}),
    "token endpoint": lambda p, at: p.discovery.update(token_endpoint=at),
    "keys": lambda p, at: p.discovery.update(jwks_uri=at),
    "userinfo": lambda p, at: (
        setattr(p, "userinfo", {"sub": "sub-1"}),
        p.discovery.update(userinfo_endpoint=at),
    ),
}


@pytest.mark.parametrize("way", REACHES)
@pytest.mark.parametrize("where", ["metadata", "inside"])
def test_a_provider_leads_nobody_inside(acme: Company, way: str, where: str) -> None:
    """127.0.0.2 stands for a private address: somebody listens there, and it is not let out to."""
    with serving("127.0.0.2") as inside:
        at = METADATA if where == "metadata" else inside.issuer
        REACHES[way](acme.provider, at)
        client = Client(raise_request_exception=False)
        answer = client.post("/accounts/sso/", {"company": "acme"})
        if answer.status_code == 302:
            answer = come_back(client, browse(answer["Location"]))
        assert (answer.status_code, code_of(answer)) == (502, "provider_failed")
        assert inside.seen == [] and not signed_in(client)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_a_huge_answer_is_not_read(acme: Company, path: str) -> None:
    acme.provider.bodies[path] = b'{"x": "' + b"x" * transport.MAX_BYTES + b'"}'
    client = Client(raise_request_exception=False)
    answer = client.post("/accounts/sso/", {"company": "acme"})
    if answer.status_code == 302:
        answer = come_back(client, browse(answer["Location"]))
    assert code_of(answer) == "provider_failed" and not signed_in(client)


def test_a_slow_provider_is_not_waited_for(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 0.3)
    acme.provider.hang.add("/token")
    client, answer = sign_in_by("acme")
    assert code_of(answer) == "provider_failed" and not signed_in(client)


def test_slow_providers_hold_few_threads(
    acme: Company, other: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 20.0)
    monkeypatch.setattr(transport, "WAIT_SECONDS", 0.05)
    path = "/.well-known/openid-configuration"
    acme.provider.hang.add(path)

    def ask() -> None:
        transport.ask_for(acme.tenant)  # as the sign-in does, in the thread of the request
        with suppress(requests.ConnectionError):
            transport.provider_session().get(f"{acme.provider.issuer}{path}")

    threads = [threading.Thread(target=ask) for _ in range(transport.MOST_OF_HOST + 2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while acme.provider.seen.count(path) < transport.MOST_OF_HOST:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(requests.ConnectionError, match="too much at once"):
        transport.provider_session().get(f"{acme.provider.issuer}{path}")
    assert acme.provider.seen.count(path) == transport.MOST_OF_HOST
    acme.provider.ended.set()
    for thread in threads:
        thread.join()
    acme.provider.hang.clear()
    assert signed_in(sign_in_by("acme")[0]), "and the places are free again"


def test_a_state_works_once_and_for_its_own_provider(acme: Company, other: Provider) -> None:
    company("Bolt", other)
    client = Client(raise_request_exception=False)
    back = browse(depart(client, "acme"))
    mixed = come_back(client, back.replace("/oidc/acme/", "/oidc/bolt/"))
    assert code_of(mixed) == "provider_failed" and other.seen == []
    stranger = come_back(Client(), back)
    assert code_of(stranger) == "provider_failed"
    assert come_back(client, back).status_code == 302 and signed_in(client)
    assert code_of(come_back(client, back)) == "provider_failed"


def test_who_changes_their_mind_is_told_so(acme: Company) -> None:
    client = Client()
    state = parse_qs(urlsplit(depart(client, "acme")).query)["state"][0]
    answer = client.get(f"/accounts/oidc/acme/login/callback/?error=access_denied&state={state}")
    assert code_of(answer) == "cancelled"
