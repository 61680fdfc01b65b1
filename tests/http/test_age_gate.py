"""Nobody becomes somebody here without having said how old they are at least; of who does not say
so nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.api import someone
from tests.http.test_sign_in import SIGN_UP
from tests.http.test_sign_in_invitations import NEW, invited
from tests.signing_in import PASSWORD, account, browser, configured, log_in
from tests.sso import Company, code_of, sign_in_by

from ringfence.domains.identity import api as identity
from ringfence.domains.identity.models import User
from ringfence.domains.privacy import profiles
from ringfence.platform.database import DatabaseUrls
from ringfence.policies.profiles.loading import load_profile

AGE = 18
"""Of `strict`, which binds where nothing is published; typed here."""


def attested(db: DatabaseUrls) -> list[tuple[Any, ...]]:
    with psycopg.connect(db.owner) as connection:
        return connection.execute(
            "SELECT u.email, a.age, a.wording_version, a.wording_hash"
            " FROM identity_age_attestation a JOIN identity_user u ON u.id = a.user_id"
            " ORDER BY a.attested_at"
        ).fetchall()


def people(db: DatabaseUrls) -> tuple[Any, ...]:
    """How many rows tell of anybody who signs in."""
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM identity_user),"
            " (SELECT count(*) FROM account_emailaddress),"
            " (SELECT count(*) FROM identity_membership),"
            " (SELECT count(*) FROM socialaccount_socialaccount),"
            " (SELECT count(*) FROM platform_mail)"
        ).fetchone()
    assert row is not None
    return row


def said(email: str, age: int = AGE) -> tuple[Any, ...]:
    return (email, age, 1, hashlib.sha256(f"I am at least {age} years old.".encode()).hexdigest())


@pytest.fixture
def open_to_all() -> Iterator[None]:
    with configured("accounts", sign_up="open"):
        yield


@pytest.fixture
def at_sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = load_profile()
    milder = replace(strict, age=replace(strict.age, minimum=16))
    monkeypatch.setattr(profiles, "_sources", [lambda tenant: milder])


@pytest.mark.promise("SIP-11.0-01")
@pytest.mark.promise("CCA-08.0-01")
@pytest.mark.promise("CLX-10.0-01")
@pytest.mark.promise("CMX-12.0-01")
@pytest.mark.usefixtures("open_to_all")
def test_who_signs_up_says_so_or_is_not_stored(db: DatabaseUrls) -> None:
    before = people(db)
    assert b"I am at least 18 years old." in browser().get("/accounts/signup/").content
    silent = {name: value for name, value in SIGN_UP.items() if name != "of_age"}
    answer = browser().post("/accounts/signup/", silent)
    assert b"of 18 years and more" in answer.content
    assert people(db) == before
    assert attested(db) == []
    assert browser().post("/accounts/signup/", SIGN_UP).status_code == 302
    assert attested(db) == [said(SIGN_UP["email"])]


@pytest.mark.usefixtures("open_to_all", "at_sixteen")
def test_the_age_is_of_the_policy(db: DatabaseUrls) -> None:
    assert b"I am at least 16 years old." in browser().get("/accounts/signup/").content
    assert browser().post("/accounts/signup/", SIGN_UP).status_code == 302
    assert attested(db) == [said(SIGN_UP["email"], 16)]


def test_nor_does_an_invitation_bring_in_who_says_nothing(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    path, client = invited(tenant), browser()
    client.get(path)
    before = people(db)
    data = {"name": "New Person", "email": NEW, "password1": PASSWORD}
    assert client.post("/accounts/signup/", data).status_code == 200
    assert people(db) == before
    assert browser().get(path).status_code == 200, "it may still be used"
    assert client.post("/accounts/signup/", data | {"of_age": "on"})["Location"] == "/accounts/"
    assert said(NEW) in attested(db)


def test_who_has_an_account_is_asked_when_they_join(db: DatabaseUrls) -> None:
    path = invited(someone().tenant)
    account(NEW)
    client = browser()
    log_in(client, NEW)
    assert b"I am at least 18 years old." in client.get(path).content
    refused = client.post(path)
    assert (refused.status_code, code_of(refused)) == (403, "age_not_attested")
    user = User.objects.get(email=NEW)
    assert identity.memberships_of(user.id) == ()
    assert client.post(path, {"of_age": "on"}).status_code == 302
    assert len(identity.memberships_of(user.id)) == 1
    assert said(NEW) in attested(db)


def test_a_provider_brings_nobody_who_says_nothing(db: DatabaseUrls, acme: Company) -> None:
    before = people(db)
    client, refused = sign_in_by("acme", of_age="", next="/accounts/name/")
    assert code_of(refused) == "age_not_attested"
    assert b"I am at least 18 years old." in refused.content
    assert b'value="/accounts/name/"' in refused.content, "and goes on from there"
    assert people(db) == before
    assert b"@acme.example" not in repr(dict(client.session)).encode()
    _, done = sign_in_by("acme", client)
    assert done.status_code == 302, done.content
    ((_, age, version, _),) = attested(db)
    assert (age, version) == (AGE, 1)
    _, done = sign_in_by("acme", of_age="")
    assert done.status_code == 302, "who said so is not asked again"
    assert len(attested(db)) == 1
