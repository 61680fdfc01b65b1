"""Members, invitations and roles: who lets whom in, and what nobody gets by any way round."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.people import Browser, make_member, make_user, person, sign_in

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.contracts import AlreadyMember, InvitationUnusable
from ringfence.domains.identity.usecases.attest_age import attest_age
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock

EMAIL = "New.Person@example.com"


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


@pytest.fixture
def owner(acme: UUID) -> Browser:
    return person("owner", acme, "owner@acme.example")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def invite(owner: Browser, tenant: UUID, role: str = "agent", email: str = EMAIL) -> str:
    """Invite somebody as the owner's page does; the token, as the mail has it."""
    giver = identity.principal_of(identity_session(owner), tenant)
    return identity.invite_member(giver, email, role).token


def identity_session(browser: Browser) -> Any:
    from ringfence.domains.identity.contracts import Session

    return Session(UUID(browser.client.session["_auth_user_id"]), mfa=True, authenticated_at=None)


def test_an_invitation_makes_a_member_once(owner: Browser, acme: UUID) -> None:
    made = owner("post", "/invitations", {"email": EMAIL, "role": "agent"})
    assert made.status_code == 201
    assert made.json()["email"] == EMAIL.lower()
    assert "token" not in made.content.decode(), "the mail has it, nobody else"
    token = invite(owner, acme)
    newcomer = make_user(EMAIL)
    attest_age(newcomer.id, 18)
    assert identity.get_offer(token).tenant_name == "Acme"
    with pytest.raises(InvitationUnusable):
        identity.accept_invitation(token, newcomer.id, "other@example.com")
    assert identity.accept_invitation(token, newcomer.id, newcomer.email).role == "agent"
    for who in (newcomer, make_user("second@example.com")):
        with pytest.raises(InvitationUnusable):
            identity.accept_invitation(token, who.id, newcomer.email)
    with pytest.raises(AlreadyMember):
        identity.accept_invitation(invite(owner, acme), newcomer.id, newcomer.email)
    members = owner("get", "/members").json()["members"]
    assert [(one["email"], one["role"]) for one in members] == [
        ("owner@acme.example", "owner"), (EMAIL.lower(), "agent"),
    ]  # fmt: skip
    assert sign_in(newcomer)("get", "/me").json()["memberships"][0]["name"] == "Acme"


def test_an_invitation_ends_by_time_by_taking_back_and_with_its_tenant(
    owner: Browser, acme: UUID
) -> None:
    newcomer = make_user(EMAIL)
    late, taken, suspended = (invite(owner, acme) for _ in range(3))
    clock = ManualClock(SystemClock().now() + timedelta(days=7, seconds=1))
    with use_clock(clock), pytest.raises(InvitationUnusable):
        identity.accept_invitation(late, newcomer.id, newcomer.email)
    listed = owner("get", "/invitations").json()["invitations"]
    offer = parse_public_id(Prefix.INVITATION, listed[1]["id"])
    assert identity.get_offer(taken).id == offer
    assert owner("delete", f"/invitations/{listed[1]['id']}").status_code == 204
    with pytest.raises(InvitationUnusable):
        identity.accept_invitation(taken, newcomer.id, newcomer.email)
    accounts.change_tenant(acme, status="suspended")
    with pytest.raises(InvitationUnusable):
        identity.accept_invitation(suspended, newcomer.id, newcomer.email)


def test_an_invited_address_is_sealed(owner: Browser, acme: UUID, db: DatabaseUrls) -> None:
    invite(owner, acme)
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT i::text, email_sealed FROM identity_invitation i")
        text = " ".join(row + sealed.decode("latin-1") for row, sealed in rows)
    assert EMAIL.lower() not in text and EMAIL not in text
    assert EMAIL.lower().encode().hex() not in text
    assert "agent" in text, "the search does find what is there"


def test_an_invitation_tells_nobody_who_has_an_account(owner: Browser) -> None:
    make_user("known@example.com")
    known = owner("post", "/invitations", {"email": "known@example.com", "role": "agent"})
    unknown = owner("post", "/invitations", {"email": "unknown@example.com", "role": "agent"})
    assert known.status_code == unknown.status_code == 201
    hidden = {"id", "email", "created_at", "expires_at"}
    assert {k: v for k, v in known.json().items() if k not in hidden} == {
        k: v for k, v in unknown.json().items() if k not in hidden
    }


def test_nobody_gives_or_takes_what_they_lack(owner: Browser, acme: UUID) -> None:
    admin = person("admin", acme, "admin@acme.example")
    for role in ("owner", "billing"):
        answer = admin("post", "/invitations", {"email": EMAIL, "role": role})
        assert code(answer) == (403, "role_refused")
    assert admin("post", "/invitations", {"email": EMAIL, "role": "supervisor"}).status_code == 201
    for role in ("operator-admin", "custom", "nonsense"):
        answer = owner("post", "/invitations", {"email": EMAIL, "role": role})
        assert code(answer) == (422, "unknown_role")
    ids = {one["email"]: one["id"] for one in owner("get", "/members").json()["members"]}
    path = f"/members/{ids['owner@acme.example']}"
    assert code(admin("patch", path, {"role": "agent"}, If_Match="*")) == (403, "role_refused")
    assert code(admin("delete", path)) == (403, "role_refused")
    own = f"/members/{ids['admin@acme.example']}"
    assert code(admin("patch", own, {"role": "owner"}, If_Match="*")) == (403, "role_refused")


def test_the_last_owner_stays(owner: Browser, acme: UUID) -> None:
    (only,) = owner("get", "/members").json()["members"]
    path = f"/members/{only['id']}"
    assert code(owner("delete", path)) == (409, "last_owner")
    assert code(owner("patch", path, {"role": "admin"}, If_Match="*")) == (409, "last_owner")
    person("owner", acme, "second@acme.example")
    assert owner("patch", path, {"role": "admin"}, If_Match="*").json()["role"] == "admin"
    assert code(owner("post", "/roles", {"name": "x", "permissions": []})) == (
        403, "insufficient_scope",
    )  # fmt: skip


def test_who_is_removed_is_out_at_the_next_request(owner: Browser, acme: UUID) -> None:
    agent = person("agent", acme, "agent@acme.example")
    assert agent("get", "/calls").status_code == 200
    member = owner("get", "/members").json()["members"][1]["id"]
    assert owner("delete", f"/members/{member}").status_code == 204
    assert code(agent("get", "/calls")) == (403, "no_membership")


def test_a_custom_role_is_what_its_tenant_made_it(owner: Browser, acme: UUID) -> None:
    made = owner(
        "post",
        "/roles",
        {"name": "Listener", "permissions": ["calls:read", "recordings:read", "members:write"],
         "purposes": ["service"]},
    )  # fmt: skip
    assert made.status_code == 201
    role = made.json()["id"]
    user = make_user(EMAIL)
    attest_age(user.id, 18)
    giver = identity.principal_of(identity_session(owner), acme)
    token = identity.invite_member(giver, EMAIL, "", parse_public_id(Prefix.ROLE, role)).token
    identity.accept_invitation(token, user.id, user.email)
    fresh, stale = sign_in(user), sign_in(user, age_seconds=301)
    weak = sign_in(user, mfa=False)
    assert made.json()["mfa_required"] is True, "it may what only roles with a second factor may"
    assert code(weak("get", "/calls")) == (403, "mfa_required")
    assert fresh("get", "/calls").status_code == 200
    assert code(fresh("get", "/flows")) == (403, "insufficient_scope")
    body = {"email": "x@example.com", "role": role}
    assert fresh("post", "/invitations", body).status_code == 201
    assert code(stale("post", "/invitations", body)) == (403, "step_up_required")
    escalated = {"email": "x@example.com", "role": "agent"}
    assert code(fresh("post", "/invitations", escalated)) == (403, "role_refused")
    changed = owner("patch", f"/roles/{role}", {"permissions": ["flows:read"]}, If_Match="*")
    assert changed.json()["permissions"] == ["flows:read"]
    assert code(fresh("get", "/calls")) == (403, "insufficient_scope")
    assert fresh("get", "/flows").status_code == 200
    assert changed.json()["mfa_required"] is False
    assert weak("get", "/flows").status_code == 200, "supervisors may that by a password too"
    stricter = owner("patch", f"/roles/{role}", {"mfa_required": True}, If_Match="*")
    assert stricter.status_code == 200
    assert code(weak("get", "/flows")) == (403, "mfa_required")
    assert code(owner("delete", f"/roles/{role}")) == (409, "role_in_use")
    for permissions in (["staff:read"], ["tenants:provision"], ["nonsense"]):
        answer = owner("post", "/roles", {"name": "X", "permissions": permissions})
        assert code(answer) == (422, "invalid_role")
    again = owner("post", "/roles", {"name": "Listener", "permissions": []})
    assert code(again) == (409, "role_exists")


def test_a_tenant_may_require_a_second_factor_of_all(owner: Browser, acme: UUID) -> None:
    agent = person("agent", acme, "agent@acme.example", mfa=False)
    assert agent("get", "/calls").status_code == 200
    assert (
        owner("patch", "/tenant/settings", {"mfa_required": True}, If_Match="*").status_code == 200
    )
    assert code(agent("get", "/calls")) == (403, "mfa_required")


def test_a_person_of_two_tenants_says_which(owner: Browser, acme: UUID) -> None:
    bolt = accounts.create_tenant("Bolt").id
    user = make_user("both@example.com")
    make_member(user, acme, "analyst")
    make_member(user, bolt, "owner")
    browser = sign_in(user)
    answer = browser("get", "/tenant")
    assert code(answer) == (400, "tenant_required")
    assert len(answer.json()["details"]["tenants"]) == 2
    for tenant, name in ((acme, "Acme"), (bolt, "Bolt")):
        browser.tenant = tenant
        assert browser("get", "/tenant").json()["name"] == name
    browser.tenant = acme  # an owner there is an analyst here
    assert code(browser("post", "/roles", {"name": "x", "permissions": []})) == (
        403, "insufficient_scope",
    )  # fmt: skip


def test_no_field_beyond_those_of_the_document_is_taken(owner: Browser, acme: UUID) -> None:
    """Mass assignment."""
    tried = {
        "/invitations": {"email": EMAIL, "role": "agent", "tenant_id": str(acme), "accepted": True},
        "/roles": {"name": "x", "permissions": [], "tenant_id": "x"},
    }
    for path, body in tried.items():
        assert code(owner("post", path, body)) == (422, "invalid_input")
    member = owner("get", "/members").json()["members"][0]["id"]
    body = {"role": "owner", "work_location": "US"}
    answer = owner("patch", f"/members/{member}", body, If_Match="*")
    assert code(answer) == (422, "invalid_input")
    answer = owner("patch", "/tenant/settings", {"kind": "reseller"}, If_Match="*")
    assert code(answer) == (422, "invalid_input")


def test_a_session_changes_nothing_without_the_csrf_token(acme: UUID) -> None:
    from django.test import Client

    owner = person("owner", acme)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.client.cookies
    browser = Browser(strict, acme)
    assert browser("get", "/members").status_code == 200
    body = {"email": EMAIL, "role": "agent"}
    assert code(browser("post", "/invitations", body)) == (403, "csrf_failed")
    assert browser("get", "/invitations").json() == {"invitations": []}
