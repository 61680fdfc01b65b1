"""Second factors: authenticator app, recovery codes, who must have one, and the step-up."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.test import Client, RequestFactory
from tests.api import someone
from tests.keys_fixture import Keys, ShiftedClock
from tests.people import make_member
from tests.signing_in import (
    PASSWORD,
    account,
    browser,
    code_of,
    enrol_totp,
    forget_counts,
    log_in,
    mails,
    signed_in,
)

from ringfence.domains.identity.models import User
from ringfence.domains.identity.sign_in import sealing
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform_django.clock import use_clock

ADA = "ada@engines.example"


def owner() -> Client:
    """A browser in which the owner of a tenant has signed in by password."""
    make_member(account(ADA), someone().tenant, "owner")
    client = browser()
    log_in(client, ADA)
    return client


def recovery_codes(client: Client) -> list[str]:
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    return re.findall(r"<code>(\d{10})</code>", page)


def with_code(code: str) -> tuple[Client, int]:
    """A browser that signs in by password and this code; its status."""
    client = browser()
    assert log_in(client, ADA)["Location"] == "/accounts/2fa/authenticate/"
    assert not signed_in(client), "a password alone is not enough"
    return client, client.post("/accounts/2fa/authenticate/", {"code": code}).status_code


def test_a_role_that_needs_a_second_factor_is_led_to_it(db: DatabaseUrls) -> None:
    make_member(account(ADA), someone().tenant, "owner")
    client = browser()
    answer = log_in(client, ADA, next="/accounts/sessions/")
    assert answer["Location"] == "/accounts/secure/?next=%2Faccounts%2Fsessions%2F"
    assert b"Set up a second factor" in client.get(answer["Location"]).content
    assert client.get("/api/v1/members").json()["code"] == "mfa_required"
    enrol_totp(client)
    assert client.get("/api/v1/members").status_code == 200, "who set it up has shown it"
    assert client.get(answer["Location"])["Location"] == "/accounts/sessions/"


def test_a_role_that_needs_none_is_not(db: DatabaseUrls) -> None:
    make_member(account(ADA), someone().tenant, "agent")
    client = browser()
    assert log_in(client, ADA)["Location"] == "/accounts/"
    assert b"needs a second factor" not in client.get("/accounts/").content


def test_a_code_signs_in_once(db: DatabaseUrls) -> None:
    secret = enrol_totp(owner())
    code = code_of(secret, 1)
    client, status = with_code(code)
    assert (status, signed_in(client)) == (302, True)
    assert client.get("/api/v1/members").status_code == 200
    again, status = with_code(code)
    assert (status, signed_in(again)) == (200, False), "the same code is refused"
    wrong, status = with_code("000000" if code_of(secret) != "000000" else "111111")
    assert (status, signed_in(wrong)) == (200, False)


def test_guessing_second_factors_is_slowed(db: DatabaseUrls) -> None:
    secret = enrol_totp(owner())
    forget_counts()
    client = browser()
    log_in(client, ADA)
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "12345"})
    refused = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret, 1)})
    assert b"Too many" in refused.content
    assert not signed_in(client)


def test_a_recovery_code_signs_in_once(db: DatabaseUrls) -> None:
    client = owner()
    enrol_totp(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    first, status = with_code(codes[0])
    assert (status, signed_in(first)) == (302, True)
    second, status = with_code(codes[0])
    assert (status, signed_in(second)) == (200, False)
    assert with_code(codes[1])[1] == 302
    assert recovery_codes(client) == codes[2:]


def test_secrets_of_factors_stand_nowhere_in_clear(db: DatabaseUrls) -> None:
    client = owner()
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    pending = re.search(r'authenticator_secret"[^>]*>([A-Z2-7 ]+)<', page)
    assert pending is not None
    waiting = pending.group(1).replace(" ", "")
    assert client.session["mfa.totp.secret"] == waiting
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT session_data FROM django_session").fetchall()
    from django.core import signing

    for (data,) in rows:
        assert waiting not in str(signing.loads(data, salt="django.contrib.sessions.SessionStore"))
    secret = enrol_totp(client)
    codes = recovery_codes(client)
    seed = Authenticator.objects.get(type="recovery_codes").data["seed"]
    with psycopg.connect(db.owner) as connection:
        stored = connection.execute("SELECT type, data::text FROM mfa_authenticator").fetchall()
    assert {kind for kind, _ in stored} == {"totp", "recovery_codes"}
    for _, text in stored:
        assert text.startswith('{"sealed": "')
        for clear in (secret, seed, *codes):
            assert clear not in text


def test_a_factor_that_is_moved_to_another_account_opens_nothing(db: DatabaseUrls) -> None:
    enrol_totp(owner())
    other = account("eve@engines.example")
    with psycopg.connect(db.owner, autocommit=True) as connection:
        connection.execute("UPDATE mfa_authenticator SET user_id = %s", [other.id])
    with pytest.raises(Unreadable):
        list(Authenticator.objects.all())


def test_a_sealed_factor_of_one_kind_is_none_of_another(db: DatabaseUrls) -> None:
    user = account(ADA)
    text = sealing.seal_secret(user.id, "totp", {"secret": "x"})
    assert sealing.open_secret(user.id, "totp", text) == {"secret": "x"}
    with pytest.raises(Unreadable):
        sealing.open_secret(user.id, "recovery_codes", text)


def test_changes_of_factors_are_told_by_mail(db: DatabaseUrls) -> None:
    enrol_totp(owner())
    told = [mail for mail in mails() if mail["to"] == ADA]
    assert any("uthenticator" in mail["subject"] for mail in told), told


def test_sensitive_pages_ask_again_after_some_minutes(db: DatabaseUrls, keys: Keys) -> None:
    client = owner()
    secret = enrol_totp(client)
    clock = ShiftedClock()
    clock.advance(timedelta(minutes=6))
    with use_clock(clock):
        asked = client.get("/accounts/2fa/recovery-codes/generate/")
        assert asked["Location"].startswith("/accounts/2fa/reauthenticate/?next=")
        stale = client.post(
            "/api/v1/invitations",
            {"email": "new@engines.example", "role": "agent"},
            content_type="application/json",
        )
        assert stale.json()["code"] == "step_up_required"
        wrong = client.post("/accounts/2fa/reauthenticate/", {"code": "12345"})
        assert wrong.status_code == 200
    done = client.post(
        "/accounts/2fa/reauthenticate/?next=/accounts/sessions/", {"code": code_of(secret, 1)}
    )
    assert done["Location"] == "/accounts/sessions/"
    fresh = client.post(
        "/api/v1/invitations",
        {"email": "new@engines.example", "role": "agent"},
        content_type="application/json",
    )
    assert fresh.status_code == 201, fresh.content


def test_the_headless_flow_asks_for_the_second_factor(db: DatabaseUrls) -> None:
    secret = enrol_totp(owner())
    client = browser()
    base = "/_allauth/browser/v1"
    assert client.get(f"{base}/auth/session").status_code == 401
    body = {"email": ADA, "password": PASSWORD}
    asked = client.post(f"{base}/auth/login", body, content_type="application/json")
    assert asked.status_code == 401
    pending = [flow["id"] for flow in asked.json()["data"]["flows"] if flow.get("is_pending")]
    assert pending == ["mfa_authenticate"]
    assert not signed_in(client)
    code = {"code": code_of(secret, 1)}
    done = client.post(f"{base}/auth/2fa/authenticate", code, content_type="application/json")
    assert done.status_code == 200
    assert done.json()["meta"]["is_authenticated"] is True
    assert signed_in(client)
    assert client.cookies["device"].value, "a known browser from now on"
    assert client.delete(f"{base}/auth/session").status_code == 401
    assert not signed_in(client)


def test_the_headless_endpoints_refuse_requests_of_other_sites(db: DatabaseUrls) -> None:
    account(ADA)
    client = browser(enforce_csrf_checks=True)
    body = {"email": ADA, "password": PASSWORD}
    answer = client.post("/_allauth/browser/v1/auth/login", body, content_type="application/json")
    assert answer.status_code == 403
    assert not signed_in(client)


def test_a_further_factor_does_not_stand_for_the_first(db: DatabaseUrls) -> None:
    """A session from before, which never showed the factor that is there now, gains nothing by
    setting up another one."""
    make_member(account(ADA), someone().tenant, "owner")
    before, other = browser(), browser()
    log_in(before, ADA)
    log_in(other, ADA)
    enrol_totp(other)
    assert other.get("/api/v1/me").json()["mfa"] is True
    user = User.objects.get(email=ADA)
    request = RequestFactory().get("/")
    request.session, request.user = before.session, user
    passkey = Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"credential": {}, "name": "x"}
    )
    authenticator_added.send(Authenticator, request=request, user=user, authenticator=passkey)
    request.session.save()
    assert before.get("/api/v1/me").json()["mfa"] is False
    request.session = other.session
    authenticator_added.send(Authenticator, request=request, user=user, authenticator=passkey)
    request.session.save()
    assert other.get("/api/v1/me").json()["mfa"] is True


def test_a_session_that_nobody_uses_is_over(db: DatabaseUrls) -> None:
    client, clock = owner(), ShiftedClock()
    with use_clock(clock):
        assert signed_in(client)
        for minutes in (119, 119):  # used in time, and again
            clock.advance(timedelta(minutes=minutes))
            assert signed_in(client), minutes
        clock.advance(timedelta(minutes=121))
        assert not signed_in(client)
        clock.advance(timedelta(minutes=-121))
        assert not signed_in(client), "for good"
