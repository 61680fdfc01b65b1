"""The customer hears of changes of the sign-in to its account, at a contact from before."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connections
from django.test import Client
from tests.api import someone
from tests.people import make_member, make_user, sign_in
from tests.signing_in import (
    OTHER,
    PASSWORD,
    account,
    browser,
    configured,
    link_in,
    log_in,
    mails,
)

from ringfence.domains.accounts import api as accounts
from ringfence.domains.compliance.tasks import tell_change
from ringfence.domains.identity.models import Membership, Role, User
from ringfence.entry import sign_in_news
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.tenancy import tenant as bound

ADA, OF_RECORD = "ada@engines.example", "office@engines.example"
CHANGE = {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER}


def ordered() -> list[dict[str, Any]]:
    """The news that jobs are there for, oldest first."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id",
            ["compliance.tell_change"],
        )
        rows = [row[0] for row in cursor.fetchall()]
    return [json.loads(row) if isinstance(row, str) else row for row in rows]


def told() -> list[str]:
    """Carry out what is ordered; the mails to the contact of record."""
    for job in ordered():
        tell_change(**job)
    return [mail["text"] for mail in mails() if mail["to"] == OF_RECORD]


def customer(tenant: UUID) -> None:
    owner = make_user(f"owner-{tenant.hex}@engines.example")
    make_member(owner, tenant, "owner")
    body = {"email": OF_RECORD, "number": None, "address": None}
    answer = sign_in(owner, tenant)("put", "/cpni/account", body)
    assert answer.status_code == 200, answer.content


def working(role: str, tenant: UUID) -> tuple[User, Client]:
    """Somebody of a tenant, and the browser in which they signed in."""
    user = account(ADA)
    make_member(user, tenant, role)
    client = browser()
    log_in(client, ADA)
    return user, client


def test_a_changed_password_is_told(db: DatabaseUrls) -> None:
    tenant, second = someone().tenant, accounts.create_tenant("Second").id
    customer(tenant)
    user, client = working("admin", tenant)
    make_member(user, second, "billing")
    make_member(user, accounts.create_tenant("Third").id, "agent")
    assert client.post("/accounts/password/change/", CHANGE).status_code == 302
    assert [job["tenant"] for job in ordered()] == [tenant.hex, second.hex]
    (text,) = told()
    assert text.startswith("The sign-in to the console of the account")
    assert f"{clock().now():%Y-%m-%d}" in text and OTHER not in text and ADA not in text
    user.refresh_from_db()
    seen = sign_in(user, tenant)("get", "/cpni/notices").json()["notices"]
    assert [(one["what"], one["channel"]) for one in seen] == [("online_account", "email")]


def test_so_it_is_by_headless_and_reset_by_mail(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    customer(tenant)
    _, client = working("developer", tenant)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    path = "/_allauth/browser/v1/account/password/change"
    assert client.post(path, body, content_type="application/json").status_code == 200
    assert len(ordered()) == 1
    stranger = browser("192.0.2.30")
    stranger.post("/accounts/password/reset/", {"email": ADA})
    assert len(ordered()) == 1, "asking for one changes nothing"
    form = stranger.get(link_in(mails()[-1]))["Location"]
    assert stranger.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert len(told()) == 2


def test_a_new_address_is_told_once_it_is_confirmed(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    customer(tenant)
    user, client = working("owner", tenant)
    added = client.post("/accounts/email/", {"email": "new@engines.example", "action_add": ""})
    assert added.status_code == 302, added.content
    link = link_in(next(one for one in mails() if one["to"] == "new@engines.example"))
    assert ordered() == [], "it signs nobody in yet"
    client.post(link)
    assert User.objects.get(id=user.id).email == "new@engines.example"
    assert len(told()) == 1


def test_a_new_account_is_no_change(db: DatabaseUrls) -> None:
    form = {"name": "Ada", "company": "Engines", "email": ADA, "password1": PASSWORD}
    form["of_age"] = "on"
    with configured("accounts", sign_up="open"):
        client = browser()
        assert client.post("/accounts/signup/", form).status_code == 302
        client.post(link_in(mails()[-1]))
    with across_tenants("test") as db_:
        assert Membership.objects.using(db_).filter(user_id=User.objects.get().id).exists()
    assert ordered() == []


def test_who_reaches_nothing_of_the_account_is_not_told_of(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    customer(tenant)
    user, client = working("agent", tenant)
    client.post("/accounts/password/change/", CHANGE)
    assert ordered() == []
    for permissions, count in ((["calls:read"], 0), (["calls:read", "settings:write"], 1)):
        with bound(tenant):
            role = Role.objects.create(
                tenant_id=tenant,
                name=f"own {count}",
                permissions=permissions,
                purposes=[],
                created_at=clock().now(),
            )
            rows = Membership.objects.filter(user_id=user.id)
            rows.update(role="custom", custom_role_id=role.id)
        old = PASSWORD if User.objects.get(id=user.id).check_password(PASSWORD) else OTHER
        new = OTHER if old == PASSWORD else PASSWORD
        body = {"oldpassword": old, "password1": new, "password2": new}
        assert client.post("/accounts/password/change/", body).status_code == 302
        assert len(ordered()) == count


def test_a_failure_does_not_stop_the_person_and_is_in_the_log(
    db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user, client = working("owner", someone().tenant)

    def fail(*_: Any) -> None:
        raise DatabaseError("no job can be written")

    monkeypatch.setattr(sign_in_news, "order_news", fail)
    with caplog.at_level(logging.ERROR, "ringfence.sign_in"):
        assert client.post("/accounts/password/change/", CHANGE).status_code == 302
    assert User.objects.get(id=user.id).check_password(OTHER)
    assert [one.message for one in caplog.records] == ["change of a sign-in not told"]
