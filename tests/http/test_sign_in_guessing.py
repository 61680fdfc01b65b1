"""Guessing of accounts and passwords is stopped, and nobody else with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from tests.proxies import behind_proxies
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

from ringfence.domains.identity.models import KnownDevice
from ringfence.platform.database import DatabaseUrls

ADA = "ada@engines.example"
NOBODY = "nobody@engines.example"


@contextmanager
def hashes_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """How often a password is hashed: the work that would tell an account from none."""
    done: list[str] = []
    plain = Argon2PasswordHasher.encode

    def encode(self: Any, password: str, salt: str) -> str:
        done.append("encode")
        return str(plain(self, password, salt))

    verify = Argon2PasswordHasher.verify

    def check(self: Any, password: str, encoded: str) -> bool:
        done.append("verify")
        return bool(verify(self, password, encoded))

    with monkeypatch.context() as patch:
        patch.setattr(Argon2PasswordHasher, "encode", encode)
        patch.setattr(Argon2PasswordHasher, "verify", check)
        yield done


def seen(answer: Any) -> tuple[Any, ...]:
    """What tells answers apart, without what differs between any two."""
    import re

    text = re.sub(rb'value="\w{64}"|[\w.]+@engines\.example', b"", answer.content)
    return answer.status_code, answer.headers.get("Location"), text


def test_sign_in_does_not_tell_who_has_an_account(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(ADA)
    answers, work = [], []
    for email in (ADA, NOBODY):
        with hashes_counted(monkeypatch) as done:
            answers.append(seen(log_in(browser(), email, "wrong pass phrase")))
        work.append(len(done))
    assert answers[0] == answers[1]
    assert work == [1, 1]


def test_a_reset_does_not_tell_who_has_an_account(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(ADA)
    answers, work = [], []
    for email in (ADA, NOBODY):
        with hashes_counted(monkeypatch) as done:
            answers.append(seen(browser().post("/accounts/password/reset/", {"email": email})))
        work.append(len(done))
    assert answers[0] == answers[1]
    assert work == [0, 0]
    assert [mail["to"] for mail in mails()] == [ADA, NOBODY], "both get a mail"


def test_sign_up_does_not_tell_who_has_an_account(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(ADA)
    answers, work = [], []
    with configured("accounts", sign_up="open"):
        for email in (ADA, NOBODY):
            data = {"name": "A", "company": "B", "email": email, "password1": PASSWORD}
            data["of_age"] = "on"
            with hashes_counted(monkeypatch) as done:
                answers.append(seen(browser().post("/accounts/signup/", data)))
            work.append(len(done))
    assert answers[0] == answers[1]
    assert work == [1, 1]
    assert [mail["to"] for mail in mails()] == [ADA, NOBODY]
    assert "There is one already" in mails()[0]["text"]


def test_spraying_from_one_address_is_stopped_for_accounts_there_and_not(
    db: DatabaseUrls,
) -> None:
    account(ADA)
    for index in range(30):
        log_in(browser(), f"user{index}@engines.example", "Spring is coming 2026")
    for email in (ADA, NOBODY):
        sprayer = browser()
        answer = log_in(sprayer, email)
        assert b"Too many" in answer.content
        assert not signed_in(sprayer)
    elsewhere = browser("198.51.100.7")
    log_in(elsewhere, ADA)
    assert signed_in(elsewhere), "others go on"


def test_the_owner_comes_in_while_somebody_hammers_the_account(db: DatabaseUrls) -> None:
    account(ADA)
    own = browser()
    log_in(own, ADA)
    own.post("/accounts/logout/")
    for index in range(55):  # from ever more addresses
        log_in(browser(f"198.51.100.{index // 4 + 1}"), ADA, "wrong pass phrase")
    fresh = browser("203.0.113.5")
    assert b"Too many" in log_in(fresh, ADA).content, "guessing from everywhere is slowed"
    assert log_in(own, ADA).status_code == 302
    assert signed_in(own), "a browser that was used before is let in"


def test_five_tries_at_one_account_from_one_address(db: DatabaseUrls) -> None:
    account(ADA)
    account("eve@engines.example")
    for _ in range(5):
        assert b"not correct" in log_in(browser(), ADA, "wrong pass phrase").content
    assert b"Too many" in log_in(browser(), ADA).content
    neighbour = browser()
    log_in(neighbour, "eve@engines.example")
    assert signed_in(neighbour), "a neighbour behind the same address is not"


def test_right_passwords_use_up_nothing(db: DatabaseUrls) -> None:
    account(ADA)
    for _ in range(8):
        assert log_in(browser(), ADA).status_code == 302


def test_a_known_browser_guesses_no_more_than_others(db: DatabaseUrls) -> None:
    account(ADA)
    own = browser()
    log_in(own, ADA)
    own.post("/accounts/logout/")
    for _ in range(10):
        log_in(own, ADA, "wrong pass phrase")
    assert b"Too many" in log_in(own, ADA).content


def test_a_cookie_of_one_account_is_none_of_another(db: DatabaseUrls) -> None:
    account(ADA)
    account("eve@engines.example")
    eve = browser()
    log_in(eve, "eve@engines.example")
    eve.post("/accounts/logout/")
    for _ in range(5):
        log_in(eve, ADA, "wrong pass phrase")
    assert b"Too many" in log_in(eve, ADA).content


def test_a_forged_cookie_is_no_known_browser(db: DatabaseUrls) -> None:
    account(ADA)
    own = browser()
    log_in(own, ADA)
    token = own.cookies["device"].value.split(":")[0]
    forger = browser()
    forger.cookies["device"] = token
    for _ in range(5):
        log_in(forger, ADA, "wrong pass phrase")
    assert b"Too many" in log_in(forger, ADA).content


def test_a_new_browser_is_told_by_mail_and_a_known_one_is_not(db: DatabaseUrls) -> None:
    account(ADA)
    own = browser()
    log_in(own, ADA)
    assert mails() == [], "the first browser of an account is expected"
    own.post("/accounts/logout/")
    log_in(own, ADA)
    assert mails() == []
    other = browser("203.0.113.9", HTTP_USER_AGENT="Mozilla/5.0 Firefox/140.0")
    log_in(other, ADA)
    (mail,) = mails()
    assert (mail["to"], mail["subject"]) == (ADA, "New sign-in to your account")
    assert "203.0.113.9" in mail["text"]
    assert "Firefox" in mail["text"]
    assert KnownDevice.objects.count() == 2


def test_ids_of_browsers_stand_hashed_and_addresses_in_no_key(db: DatabaseUrls) -> None:
    account(ADA)
    own = browser("203.0.113.77")
    log_in(own, ADA, "wrong pass phrase")
    log_in(own, ADA)
    token = own.cookies["device"].value.split(":")[0]
    with psycopg.connect(db.owner) as connection:
        devices = connection.execute("SELECT d::text FROM identity_device d").fetchall()
        counted = connection.execute("SELECT c::text FROM identity_cache c").fetchall()
    assert devices
    assert counted
    assert token not in str(devices)
    for clear in (ADA, "203.0.113.77"):
        assert clear not in str(counted)


def test_what_was_counted_stays_when_a_request_fails(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(ADA)
    from ringfence.domains.identity.sign_in.adapter import AccountAdapter

    def broken(self: Any, request: Any, **credentials: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(AccountAdapter, "authentication_failed", broken)
        for _ in range(5):
            assert log_in(browser(), ADA, "wrong pass phrase").status_code == 500
    assert b"Too many" in log_in(browser(), ADA).content


def test_a_password_reset_by_mail_lifts_the_limits_of_the_account(db: DatabaseUrls) -> None:
    account(ADA)
    for index in range(55):
        log_in(browser(f"198.51.100.{index // 4 + 1}"), ADA, "wrong pass phrase")
    owner = browser("203.0.113.5")
    assert b"Too many" in log_in(owner, ADA).content
    owner.post("/accounts/password/reset/", {"email": ADA})
    form = owner.get(link_in(mails()[-1]))["Location"]
    owner.post(form, {"password1": OTHER, "password2": OTHER})
    log_in(owner, ADA, OTHER)
    assert signed_in(owner)


def test_only_proxies_of_ones_own_say_where_somebody_comes_from(db: DatabaseUrls) -> None:
    account(ADA)
    for index in range(30):
        log_in(
            browser(HTTP_X_FORWARDED_FOR=f"198.51.100.{index}"),
            f"user{index}@engines.example",
            "wrong pass phrase",
        )
    liar = browser(HTTP_X_FORWARDED_FOR="203.0.113.1")
    assert b"Too many" in log_in(liar, ADA).content
    with behind_proxies("192.0.2.0/24"):
        behind = browser(HTTP_X_FORWARDED_FOR="203.0.113.1")
        log_in(behind, ADA)
        assert signed_in(behind)
