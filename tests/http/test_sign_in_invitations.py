"""Invitations accepted through the hosted pages, and access of staff decided there."""

from __future__ import annotations

from uuid import UUID

from tests.api import someone
from tests.people import make_member, make_user
from tests.signing_in import (
    PASSWORD,
    account,
    browser,
    enrol_totp,
    link_in,
    log_in,
    mails,
    signed_in,
)

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.contracts import Session
from ringfence.domains.identity.models import User
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import clock

NEW = "new@engines.example"


def invited(tenant: UUID, email: str = NEW, role: str = "agent") -> str:
    """The path in the mail that invites somebody."""
    owner = make_user(f"owner-of-{email}")
    make_member(owner, tenant, "owner")
    giver = identity.principal_of(Session(owner.id, mfa=True, authenticated_at=clock().now()), None)
    identity.invite_member(giver, email, role)
    return link_in(mails()[-1])


def test_somebody_new_joins_with_one_form(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    path = invited(tenant)
    client = browser()
    page = client.get(path)
    assert b"Join Acme" in page.content
    form = client.get("/accounts/signup/")
    assert NEW.encode() in form.content
    assert b"Company" not in form.content
    before = len(mails())
    data = {"name": "New Person", "email": NEW, "password1": PASSWORD, "of_age": "on"}
    done = client.post("/accounts/signup/", data)
    assert done["Location"] == "/accounts/", done.content.decode()
    assert signed_in(client)
    assert len(mails()) == before, "the token has proved the address"
    (membership,) = identity.memberships_of(User.objects.get(email=NEW).id)
    assert (membership.tenant_id, membership.role) == (tenant, "agent")
    reused = browser().get(path)
    assert (reused.status_code, b"does not work" in reused.content) == (410, True)


def test_an_invitation_is_for_one_address(db: DatabaseUrls) -> None:
    path = invited(someone().tenant)
    client = browser()
    client.get(path)
    data = {"name": "Eve", "email": "eve@engines.example", "password1": PASSWORD}
    refused = client.post("/accounts/signup/", data)
    assert b"for another address" in refused.content
    assert not User.objects.filter(email="eve@engines.example").exists()
    account("eve@engines.example")
    eve = browser()
    log_in(eve, "eve@engines.example")
    for answer in (eve.get(path), eve.post(path)):
        assert answer.status_code == 403
        assert b"Sign out and go on" in answer.content
    assert identity.memberships_of(User.objects.get(email="eve@engines.example").id) == ()
    assert browser().get(path).status_code == 200, "it may still be used"


def test_an_account_that_exists_joins_by_signing_in(db: DatabaseUrls) -> None:
    user = account(NEW)
    path = invited(someone().tenant)
    client = browser()
    client.get(path)
    assert log_in(client, NEW)["Location"] == path
    assert b"Join Acme" in client.get(path).content
    assert identity.memberships_of(user.id) == (), "nobody joins by looking"
    assert client.post(path, {"of_age": "on"}).status_code == 302
    assert len(identity.memberships_of(user.id)) == 1
    assert client.post(path).status_code == 410


def test_the_token_of_an_invitation_stands_sealed_in_the_session(db: DatabaseUrls) -> None:
    import psycopg
    from django.core import signing

    path = invited(someone().tenant)
    token = path.rstrip("/").rpartition("/")[2]
    client = browser()
    client.get(path)
    assert client.session["ringfence_invitation"] == token
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute("SELECT session_data FROM django_session").fetchall()
    opened = [signing.loads(row[0], salt="django.contrib.sessions.SessionStore") for row in rows]
    assert any("ringfence_invitation" in one for one in opened)
    assert token not in str(opened)


def test_an_owner_decides_over_access_of_staff(db: DatabaseUrls) -> None:
    tenant = someone().tenant
    accounts.change_settings(tenant, staff_access="approve")
    make_member(account(NEW), tenant, "owner")
    make_member(account("agent@engines.example"), tenant, "agent")
    helper = make_user("helper@operator.example")
    make_member(helper, None, "operator-support", work_location="US")
    staff = identity.principal_of(Session(helper.id, mfa=True, authenticated_at=None), None)
    grant = identity.request_access(staff, tenant, "the customer asked for help", 60)

    client = browser()
    log_in(client, NEW)
    enrol_totp(client)
    page = client.get("/accounts/").content
    assert b"helper@operator.example" in page
    assert b"the customer asked for help" in page

    agent = browser()
    log_in(agent, "agent@engines.example")
    assert b"helper@operator.example" not in agent.get("/accounts/").content
    decision = {"tenant": str(tenant), "grant": str(grant.id), "decision": "approve"}
    assert agent.post("/accounts/access/", decision).status_code == 404
    other = {**decision, "tenant": str(someone("Bolt").tenant)}
    assert client.post("/accounts/access/", other).status_code == 404
    assert identity.get_grant(tenant, grant.id).state == "requested"

    assert client.post("/accounts/access/", decision)["Location"] == "/accounts/"
    assert identity.get_grant(tenant, grant.id).state == "active"
    client.post("/accounts/access/", {**decision, "decision": "revoke"})
    assert identity.get_grant(tenant, grant.id).state == "revoked"
