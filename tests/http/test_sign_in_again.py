"""Proving again who one is: by what, what it opens, and the new token that it gives."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from tests.api import someone
from tests.passkey import SecurityKey
from tests.people import make_member
from tests.signing_in import (
    PASSWORD,
    account,
    browser,
    code_of,
    enrol_totp,
    forget_counts,
    log_in,
    signed_in,
)

from ringfence.domains.identity.models import User
from ringfence.platform.database import DatabaseUrls

ADA = "ada@engines.example"
BASE = "/_allauth/browser/v1"
AGAIN = "/accounts/reauthenticate/"
BY_CODE = "/accounts/2fa/reauthenticate/"
BY_KEY = "/accounts/2fa/webauthn/reauthenticate/"


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def owner() -> Client:
    make_member(account(ADA), someone().tenant, "owner")
    client = browser()
    log_in(client, ADA)
    return client


def fresh(client: Client) -> bool:
    """Whether the API takes the session's last proof for a fresh one."""
    answer = post(client, "/api/v1/invitations", {"email": "new@engines.example", "role": "agent"})
    assert answer.status_code in (201, 403, 409), answer.content
    if answer.status_code == 403:
        assert answer.json()["code"] == "step_up_required"
    return bool(answer.status_code != 403)


def page_asks(client: Client) -> bool:
    """Whether a page that needs a fresh proof sends the browser to where one is made."""
    answer = client.get("/accounts/2fa/recovery-codes/generate/")
    return answer.status_code == 302 and "/reauthenticate/" in answer["Location"]


def spoil(client: Client, minutes: int = 6) -> None:
    """As if all proofs of the session had been made some minutes earlier."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= minutes * 60
    session.save()


def test_the_page_leads_who_has_a_second_factor_to_it(db: DatabaseUrls) -> None:
    client = owner()
    assert client.get(AGAIN).status_code == 200, "a password, of who has nothing else"
    secret = enrol_totp(client)
    asked = client.get(f"{AGAIN}?next=/accounts/sessions/")
    assert asked["Location"] == f"{BY_CODE}?next=%2Faccounts%2Fsessions%2F"
    page = client.get(asked["Location"]).content.decode()
    assert "a password is not enough here" in page
    assert "Use your password" not in page
    spoil(client)
    assert not fresh(client) and page_asks(client)
    for path in (AGAIN, f"{AGAIN}code/"):  # the latter is that of a code by mail
        refused = client.post(path, {"password": PASSWORD})
        assert refused["Location"].startswith(BY_CODE)
    assert not fresh(client) and page_asks(client)
    done = client.post(asked["Location"], {"code": code_of(secret, 1)})
    assert done["Location"] == "/accounts/sessions/"
    assert fresh(client) and not page_asks(client)


def test_a_recovery_code_is_a_second_factor_as_well(db: DatabaseUrls) -> None:
    client = owner()
    enrol_totp(client)
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    code = re.findall(r"<code>(\d{10})</code>", page)[0]
    spoil(client)
    assert not fresh(client)
    assert client.post(BY_CODE, {"code": code}).status_code == 302
    assert fresh(client)


def test_programs_of_our_pages_are_refused_a_password_too(db: DatabaseUrls) -> None:
    client = owner()
    spoil(client)
    answer = post(client, f"{BASE}/auth/reauthenticate", {"password": PASSWORD})
    assert answer.status_code == 200, "of who has no second factor it is enough"
    secret = enrol_totp(client)
    spoil(client)
    for password in (PASSWORD, "wrong" * 4):  # nor is it said which is right
        answer = post(client, f"{BASE}/auth/reauthenticate", {"password": password})
        assert answer.status_code == 400
        assert [one["code"] for one in answer.json()["errors"]] == ["second_factor_needed"]
    assert not fresh(client) and page_asks(client)
    done = post(client, f"{BASE}/auth/2fa/reauthenticate", {"code": code_of(secret, 1)})
    assert done.status_code == 200
    assert fresh(client)


def test_a_password_of_before_counts_no_more_once_there_is_a_factor(db: DatabaseUrls) -> None:
    """Also where it was given moments ago, in another browser than the factor was set up in."""
    make_member(account(ADA), someone().tenant, "agent")
    one, two = browser(), browser()
    log_in(one, ADA)
    log_in(two, ADA)
    assert one.post(f"{AGAIN}?next=/accounts/", {"password": PASSWORD}).status_code == 302
    assert one.get("/accounts/2fa/totp/activate/").status_code == 200
    enrol_totp(two)
    assert page_asks(one)
    assert not page_asks(two)
    asked = one.get("/accounts/2fa/recovery-codes/generate/")
    assert asked["Location"].startswith(BY_CODE)


def key_options(client: Client) -> Any:
    page = client.get(BY_KEY).content.decode()
    found = re.search(r'<script id="js_data" type="application/json">(.*?)</script>', page)
    assert found is not None, page
    return json.loads(found.group(1))["request_options"]


def test_a_key_that_knows_who_touches_it_is_enough_and_another_is_not(db: DatabaseUrls) -> None:
    client = owner()
    key = SecurityKey()
    key.add_to(User.objects.get(email=ADA))
    asked = client.get(AGAIN)
    assert asked["Location"].startswith(BY_KEY)
    touched = key.answer(key_options(client), verified=False)
    client.post(BY_KEY, {"credential": json.dumps(touched)})
    assert page_asks(client)
    verified = key.answer(key_options(client), verified=True)
    client.post(BY_KEY, {"credential": json.dumps(verified)})
    assert not page_asks(client) and fresh(client)


def test_nor_is_it_for_programs_of_our_pages(db: DatabaseUrls) -> None:
    client = owner()
    key = SecurityKey()
    key.add_to(User.objects.get(email=ADA))
    path = f"{BASE}/auth/webauthn/reauthenticate"
    expected = {False: (400, True), True: (200, False)}
    for verified, (status, asks) in expected.items():
        options = client.get(path).json()["data"]["request_options"]
        credential = key.answer(options, verified=verified)
        answer = post(client, path, {"credential": credential})
        assert (answer.status_code, page_asks(client)) == (status, asks), answer.content


# --- the token of the session


def rows(email: str = ADA) -> list[str]:
    return [row.session_key for row in UserSession.objects.filter(user__email=email)]


@pytest.mark.parametrize("way", ["page", "headless", "code"])
def test_proving_it_again_gives_a_new_token(db: DatabaseUrls, way: str) -> None:
    client, other = owner(), browser()
    log_in(other, ADA)
    secret = enrol_totp(client) if way == "code" else ""
    before = client.cookies["sessionid"].value
    assert before in rows() and len(rows()) == 2
    match way:
        case "page":
            client.post(f"{AGAIN}?next=/accounts/", {"password": PASSWORD})
        case "headless":
            post(client, f"{BASE}/auth/reauthenticate", {"password": PASSWORD})
        case _:
            client.post(f"{BY_CODE}?next=/accounts/", {"code": code_of(secret, 1)})
    after = client.cookies["sessionid"].value
    assert after != before
    assert signed_in(client)
    stolen = browser()
    stolen.cookies["sessionid"] = before
    assert not signed_in(stolen)
    assert sorted(rows()) == sorted([after, other.cookies["sessionid"].value])
    page = client.get("/accounts/sessions/").content.decode()
    assert page.count("this one") == 1 and page.count("/end/") == 1
    if way != "code":
        other.post(f"{AGAIN}?next=/accounts/", {"password": PASSWORD})
        other.post(end_of(other))
        assert not signed_in(client), "the row still ends the session"


def test_the_new_token_ends_when_the_old_one_would_have(db: DatabaseUrls) -> None:
    client = owner()
    client.get("/accounts/")
    ends = Session.objects.get(pk=client.cookies["sessionid"].value).expire_date
    session = client.session
    session["ringfence_ends_at"] -= 3600
    session.save()
    client.post(f"{AGAIN}?next=/accounts/", {"password": PASSWORD})
    renewed = Session.objects.get(pk=client.cookies["sessionid"].value)
    assert abs(ends - renewed.expire_date - timedelta(hours=1)) < timedelta(seconds=1)


# --- ending sessions


def end_of(client: Client) -> str:
    page = client.get("/accounts/sessions/").content.decode()
    (end,) = re.findall(r"/accounts/sessions/\d+/end/", page)
    return end


@pytest.mark.parametrize("path", ["one", "all"])
def test_ending_other_sessions_needs_a_fresh_proof(db: DatabaseUrls, path: str) -> None:
    one, two = owner(), browser()
    log_in(two, ADA)
    path = end_of(one) if path == "one" else "/accounts/sessions/"
    spoil(one)
    asked = one.post(path)
    assert asked["Location"].startswith(f"{AGAIN}?next=")
    assert signed_in(two)
    one.post(asked["Location"], {"password": "wrong" * 4})
    assert signed_in(two)
    one.post(asked["Location"], {"password": PASSWORD})
    assert (signed_in(one), signed_in(two)) == (True, False), "what was asked for is done"


def test_so_it_does_for_programs_of_our_pages(db: DatabaseUrls) -> None:
    one, two = owner(), browser()
    log_in(two, ADA)
    listed = one.get(f"{BASE}/auth/sessions").json()["data"]
    own, other = (
        next(row["id"] for row in listed if row["is_current"] is current)
        for current in (True, False)
    )
    spoil(one)

    def end(*ids: int) -> Any:
        return one.delete(
            f"{BASE}/auth/sessions", {"sessions": list(ids)}, content_type="application/json"
        )

    for ids in ([other], [own, other]):
        answer = end(*ids)
        assert answer.status_code == 401 and answer.json()["meta"]["is_authenticated"] is True
    assert signed_in(one) and signed_in(two)
    post(one, f"{BASE}/auth/reauthenticate", {"password": PASSWORD})
    assert end(other).status_code == 200
    assert (signed_in(one), signed_in(two)) == (True, False)


def test_signing_out_needs_none(db: DatabaseUrls) -> None:
    one, two, three = owner(), browser(), browser()
    log_in(two, ADA)
    log_in(three, ADA)
    for client in (one, two, three):
        spoil(client)
    one.post("/accounts/logout/")
    listed = two.get(f"{BASE}/auth/sessions").json()["data"]
    own = next(row["id"] for row in listed if row["is_current"])
    two.delete(f"{BASE}/auth/sessions", {"sessions": [own]}, content_type="application/json")
    three.delete(f"{BASE}/auth/session")
    assert [signed_in(client) for client in (one, two, three)] == [False] * 3


# --- the code that switches an authenticator app on


@pytest.mark.parametrize("way", ["page", "headless"])
def test_the_first_code_signs_nobody_in(db: DatabaseUrls, way: str) -> None:
    client = owner()
    if way == "page":
        path, data = "/accounts/2fa/totp/activate/", client.get("/accounts/2fa/totp/activate/")
        shown = re.search(r'id="authenticator_secret"[^>]*>([A-Z2-7 ]+)<', data.content.decode())
        assert shown is not None
        secret = shown.group(1).replace(" ", "")
        code = code_of(secret)
        assert client.post(path, {"code": code}).status_code == 302
    else:
        path = f"{BASE}/account/authenticators/totp"
        secret = client.get(path).json()["meta"]["secret"]
        code = code_of(secret)
        assert post(client, path, {"code": code}).status_code == 200
    other = browser()
    log_in(other, ADA)
    other.post("/accounts/2fa/authenticate/", {"code": code})
    assert not signed_in(other), "it was used"
    other.post("/accounts/2fa/authenticate/", {"code": code_of(secret, 1)})
    assert signed_in(other)


def test_it_is_that_which_refuses_it(db: DatabaseUrls) -> None:
    """Without the memory of used codes the first one would sign in: it is no other fault."""
    client = owner()
    secret = enrol_totp(client)
    forget_counts()
    other = browser()
    log_in(other, ADA)
    other.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert signed_in(other)
