"""Signing up, in and out through the hosted pages."""

from __future__ import annotations

import re

import psycopg
import pytest
from tests.signing_in import (
    OTHER,
    PASSWORD,
    account,
    browser,
    configured,
    link_in,
    log_in,
    mails,
    signed_in,
)

from ringfence.domains.identity import api as identity
from ringfence.domains.identity.models import User
from ringfence.platform.database import DatabaseUrls

SIGN_UP = {
    "name": "Ada Lovelace",
    "company": "Analytical Engines",
    "email": "ada@engines.example",
    "password1": PASSWORD,
    "of_age": "on",
}


def test_an_open_installation_makes_an_owner_of_whoever_verifies_an_address(
    db: DatabaseUrls,
) -> None:
    with configured("accounts", sign_up="open"):
        client = browser()
        page = client.get("/accounts/signup/")
        assert page.status_code == 200
        assert b"Company" in page.content
        sent = client.post("/accounts/signup/", SIGN_UP)
        assert sent.status_code == 302, sent.content.decode()
        assert sent["Location"] == "/accounts/confirm-email/"
    assert log_in(browser(), SIGN_UP["email"])["Location"] == "/accounts/confirm-email/"
    user = User.objects.get(email=SIGN_UP["email"])
    assert identity.memberships_of(user.id) == (), "nothing is opened for an unverified address"
    (mail,) = mails()
    assert mail["to"] == SIGN_UP["email"]
    path = link_in(mail)
    assert client.get(path).status_code == 200
    assert User.objects.get().last_login is None
    assert client.post(path).status_code == 302
    (membership,) = identity.memberships_of(user.id)
    assert (membership.tenant_name, membership.role) == ("Analytical Engines", "owner")
    assert client.post(path).status_code == 404, "a second click does no harm"
    assert len(identity.memberships_of(user.id)) == 1
    assert not signed_in(client), "verifying an address is no sign-in"
    assert log_in(client, SIGN_UP["email"])["Location"].startswith("/accounts/secure/")
    assert signed_in(client)
    assert identity.name_of(user.id).name == "Ada Lovelace"


def test_names_and_companies_stand_sealed(db: DatabaseUrls) -> None:
    with configured("accounts", sign_up="open"):
        browser().post("/accounts/signup/", SIGN_UP)
    with psycopg.connect(db.owner) as connection:
        row = connection.execute("SELECT u::text FROM identity_user u").fetchone()
    assert row is not None
    assert SIGN_UP["email"] in row[0], "the published exception; and the row was found"
    for clear in ("Ada", "Analytical"):
        assert clear not in row[0]
        assert clear.encode().hex() not in row[0]


def test_a_closed_installation_takes_nobody_without_an_invitation(db: DatabaseUrls) -> None:
    client = browser()
    assert b"by invitation" in client.get("/accounts/signup/").content
    assert client.post("/accounts/signup/", SIGN_UP).status_code in (200, 403)
    assert not User.objects.exists()
    assert b"Create an account" not in client.get("/accounts/login/").content


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short phras", "too short"),
        ("x y" * 43, "too long"),
        ("ada@engines.example", "too similar"),
        ("102938475610293", "entirely numeric"),
        ("q1w2e3r4t5y6", "too common"),
        ("Ringfence-Admin-2026", "belong to this service"),
    ],
)
def test_bad_passwords_are_refused_with_the_reason(
    db: DatabaseUrls, password: str, problem: str
) -> None:
    with configured("accounts", sign_up="open"):
        answer = browser().post("/accounts/signup/", {**SIGN_UP, "password1": password})
    assert answer.status_code == 200
    assert problem in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["x y z" * 25, "naïve Größe 漢字 phrase", "all lower case"])
def test_no_rule_asks_for_kinds_of_characters(db: DatabaseUrls, password: str) -> None:
    with configured("accounts", sign_up="open"):
        answer = browser().post("/accounts/signup/", {**SIGN_UP, "password1": password})
    assert answer.status_code == 302, answer.content.decode()
    assert User.objects.get().check_password(password)


def test_passwords_are_hashed_by_argon2id(db: DatabaseUrls) -> None:
    assert account("ada@engines.example").password.startswith("argon2$argon2id$")


def test_a_session_is_a_new_one_at_sign_in_and_dead_after_sign_out(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    client = browser()
    client.get("/accounts/login/?next=/accounts/sessions/")
    planted = client.session
    planted["planted"] = True
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    log_in(client, "ada@engines.example")
    key = client.cookies["sessionid"].value
    assert key != planted.session_key, "whoever planted the session does not share it"
    assert signed_in(client)
    fixed = browser()
    fixed.cookies["sessionid"] = planted.session_key
    assert not signed_in(fixed)
    client.post("/accounts/logout/")
    stolen = browser()
    stolen.cookies["sessionid"] = key
    assert not signed_in(stolen)


def test_sessions_are_listed_and_one_is_ended(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    account("eve@engines.example")
    one, two, eve = browser(), browser("192.0.2.20"), browser()
    log_in(one, "ada@engines.example")
    log_in(two, "ada@engines.example")
    log_in(eve, "eve@engines.example")
    page = one.get("/accounts/sessions/")
    assert b"192.0.2.20" in page.content
    (end,) = re.findall(r"/accounts/sessions/\d+/end/", page.content.decode())
    assert eve.post(end).status_code == 404
    assert signed_in(two)
    assert one.post(end).status_code == 302
    assert two.get("/api/v1/me").status_code == 401
    assert signed_in(one)
    assert signed_in(eve)


def test_all_others_are_ended_at_once(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    clients = [browser() for _ in range(3)]
    for client in clients:
        log_in(client, "ada@engines.example")
    clients[0].post("/accounts/sessions/")
    assert [signed_in(client) for client in clients] == [True, False, False]


def test_a_changed_password_ends_other_sessions(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    one, two = browser(), browser()
    log_in(one, "ada@engines.example")
    log_in(two, "ada@engines.example")
    done = one.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER},
    )
    assert done.status_code == 302, done.content.decode()
    assert (signed_in(one), signed_in(two)) == (True, False)
    assert not signed_in(browser())
    assert [mail["subject"] for mail in mails()][-1] == "Password Changed"


def test_a_password_is_reset_by_mail_once(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    before = browser()
    log_in(before, "ada@engines.example")
    client = browser("192.0.2.30")
    client.post("/accounts/password/reset/", {"email": "ada@engines.example"})
    path = link_in(mails()[-1])
    form = client.get(path)["Location"]
    assert client.post(form, {"password1": OTHER, "password2": OTHER}).status_code == 302
    assert not signed_in(before)
    assert not signed_in(client)
    assert client.get(path).status_code == 200, "the link was used"
    assert b"does not work" in client.get(path).content
    assert log_in(client, "ada@engines.example", OTHER).status_code == 302


def test_links_in_mails_never_follow_the_host_that_a_client_names(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    browser().post(
        "/accounts/password/reset/",
        {"email": "ada@engines.example"},
        headers={"Host": "evil.example"},
    )
    text = mails()[-1]["text"]
    assert "evil" not in text
    assert "http://localhost:8080/accounts/password/reset/key/" in text


def test_forms_of_other_sites_are_refused(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    client = browser(enforce_csrf_checks=True)
    data = {"login": "ada@engines.example", "password": PASSWORD}
    refused = client.post("/accounts/login/", data)
    assert refused.status_code == 403
    assert b"form is too old" in refused.content
    page = client.get("/accounts/login/").content.decode()
    data["csrfmiddlewaretoken"] = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1]  # type: ignore[index]
    stranger = client.post("/accounts/login/", data, headers={"Origin": "https://evil.example"})
    assert stranger.status_code == 403
    own = client.post("/accounts/login/", data, headers={"Origin": "http://localhost:8080"})
    assert own.status_code == 302


def test_a_session_ends_at_its_time_whatever_is_done(db: DatabaseUrls) -> None:
    account("ada@engines.example")
    client = browser()
    with configured("accounts", session_hours=2):
        log_in(client, "ada@engines.example")
    assert client.session.get_expiry_age() in range(7190, 7201)
    first = client.session.get_expiry_date()
    client.get("/accounts/sessions/")
    session = client.session
    session["more"] = 1
    session.save()
    assert client.session.get_expiry_date() == first
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE django_session SET expire_date = now()")
    assert not signed_in(client)


def test_pages_carry_a_policy_without_inline_code(db: DatabaseUrls) -> None:
    page = browser().get("/accounts/login/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    html = page.content.decode()
    assert " style=" not in html
    assert " onclick=" not in html
    assert html.count("<script") == html.count("<script src=") + html.count("application/json")
    assert 'autocomplete="username webauthn"' in html


def test_unknown_pages_are_pages_for_people_and_json_for_programs(db: DatabaseUrls) -> None:
    page = browser().get("/accounts/nowhere/")
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert b"There is nothing here" in page.content
    answer = browser().get("/nowhere")
    assert answer.json()["code"] == "not_found"
    people = browser().get("/nowhere", headers={"Accept": "text/html"})
    assert b"There is nothing here" in people.content
    assert browser().get("/")["Location"] == "/accounts/"
    assert browser().get("/accounts/")["Location"] == "/accounts/login/?next=/accounts/"


def test_where_mails_lie_is_told_on_the_machine_alone(db: DatabaseUrls) -> None:
    assert b"Mails of this installation" in browser("127.0.0.1").get("/accounts/login/").content
    assert b"Mails of this" not in browser("192.0.2.1").get("/accounts/login/").content
    forwarded = browser("127.0.0.1").get(
        "/accounts/login/", headers={"X-Forwarded-For": "192.0.2.1"}
    )
    assert b"Mails of this" not in forwarded.content
    with configured("mail", smtp_url="smtp://mail.example"):
        assert b"Mails of this" not in browser("127.0.0.1").get("/accounts/login/").content
