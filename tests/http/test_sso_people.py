"""Whom a tenant's identity provider lets in, as what, and for how long."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.test import Client
from tests.oidc_provider import Person, Provider
from tests.people import BACKEND, Browser, make_member, make_user, person, sign_in
from tests.signing_in import link_in, mails
from tests.sso import Company, code_of, company, me, seats, sign_in_by, signed_in

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.contracts import Session
from ringfence.domains.identity.models import User
from ringfence.kernel.ids import Prefix, public_id

PASSWORD = "correct horse battery"


def refused(name: str, client: Client | None = None) -> str:
    """Sign in by a company; why that was refused. Nobody is signed in."""
    client, answer = sign_in_by(name, client)
    assert answer.status_code == 403 and not signed_in(client)
    return code_of(answer)


def connected(acme: Company, user: User) -> None:
    """The account signs in by the company's provider from now on."""
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    answer = sign_in_by(acme.slug, client, process="connect")[1]
    assert "/accounts/reauthenticate/" in answer["Location"]
    client.post(answer["Location"], {"password": PASSWORD})
    assert SocialAccount.objects.filter(user=user).count() == 1


def local(email: str) -> User:
    user = make_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


# --- no account is taken over


def test_an_account_with_the_same_address_is_not_taken_over(acme: Company) -> None:
    victim = local("ann@acme.example")
    make_member(victim, acme.tenant, "admin")
    assert refused("acme") == "account_exists"
    assert not SocialAccount.objects.exists()


def test_nor_one_that_has_the_address_beside_another(acme: Company) -> None:
    victim = local("ann@home.example")
    EmailAddress.objects.create(user=victim, email="Ann@acme.example", verified=True)
    assert refused("acme") == "account_exists"


def test_a_provider_learns_of_no_account_outside_its_domains(acme: Company) -> None:
    local("boss@elsewhere.example")
    for name in ("boss", "nobody"):
        acme.provider.person = Person("sub-1", f"{name}@elsewhere.example")
        assert refused("acme") == "not_invited"


def test_who_proves_to_be_the_account_connects_it(acme: Company) -> None:
    user = local("ann@acme.example")
    make_member(user, acme.tenant, "supervisor")
    connected(acme, user)
    assert acme.provider.asked["prompt"] == "login"
    client, answer = sign_in_by("acme")
    assert answer.status_code == 302 and me(client).json()["email"] == "ann@acme.example"
    assert seats(user) == [(acme.tenant, "supervisor")]


def test_connecting_needs_a_fresh_proof(acme: Company) -> None:
    user = local("ann@acme.example")
    make_member(user, acme.tenant, "supervisor")
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    answer = sign_in_by("acme", client, process="connect")[1]
    client.post(answer["Location"], {"password": "wrong"})
    assert not SocialAccount.objects.exists()


def test_only_members_connect(acme: Company) -> None:
    local("ann@acme.example")
    client = Client()
    client.post("/accounts/login/", {"login": "ann@acme.example", "password": PASSWORD})
    answer = sign_in_by("acme", client, process="connect")[1]
    assert code_of(answer) == "no_member" and not SocialAccount.objects.exists()
    answer = Client().post("/accounts/sso/", {"company": "acme", "process": "connect"})
    assert code_of(answer) == "no_member"


def test_a_provider_signs_in_to_its_own_tenant_alone(acme: Company, other: Provider) -> None:
    """Somebody works for two companies; what one's provider opens ends at the other's door."""
    bolt = company("Bolt", other)
    user = local("ann@acme.example")
    make_member(user, acme.tenant, "supervisor")
    make_member(user, bolt.tenant, "supervisor")
    connected(acme, user)
    client, _ = sign_in_by("acme")
    assert Browser(client, acme.tenant)("get", "/calls").status_code == 200
    answer = Browser(client, bolt.tenant)("get", "/calls")
    assert (answer.status_code, answer.json()["code"]) == (404, "tenant_not_found")
    told = me(client).json()["memberships"]
    assert [one["tenant"] for one in told] == [public_id(Prefix.TENANT, acme.tenant)]
    for path in ("/accounts/email/", "/accounts/password/change/", "/accounts/2fa/"):
        assert code_of(client.get(path)) == "account_is_local", path
        answer = client.post(path, {"email": "evil@acme.example", "action_add": ""})
        assert code_of(answer) == "account_is_local", path
    assert client.get("/_allauth/browser/v1/account/email").status_code == 403
    assert EmailAddress.objects.filter(user=user).count() == 1
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/email/").status_code == 200, "they proved who they are"
    assert Browser(client, bolt.tenant)("get", "/calls").status_code == 404, "it stays pinned"


def test_the_same_subject_of_another_provider_is_somebody_else(
    acme: Company, other: Provider
) -> None:
    sign_in_by("acme")
    bolt = company("Bolt", other)
    other.person = Person("sub-1", "bob@bolt.example")
    client, _ = sign_in_by("bolt")
    assert me(client).json()["email"] == "bob@bolt.example"
    assert Browser(client, acme.tenant)("get", "/calls").status_code == 404
    assert Browser(client, bolt.tenant)("get", "/calls").status_code == 200


def test_nor_is_it_the_same_after_the_issuer_changed(acme: Company, other: Provider) -> None:
    """Or an administrator could come back as anybody through a provider of theirs."""
    sign_in_by("acme")
    answer = acme.connect(issuer=other.issuer, client_secret=...)
    assert (answer.status_code, answer.json()["details"]) == (422, {"field": "client_secret"})
    assert acme.connect(issuer=other.issuer).status_code == 200
    assert refused("acme") == "account_exists"


def test_a_name_that_was_free_again_brings_nobody_back(acme: Company, other: Provider) -> None:
    sign_in_by("acme")
    before = sign_in_by("acme")[0]
    assert acme.owner("delete", "/tenant/sso").status_code == 204
    bolt = company("Bolt", other, proven=False, slug="acme", default_role=None)
    assert bolt.owner("get", "/tenant/sso").json()["slug"] == "acme"
    assert not signed_in(before)
    assert refused("acme") == "not_invited"


def test_a_sign_in_half_way_keeps_no_secrets_and_opens_nothing(acme: Company) -> None:
    ann = local("ann@acme.example")
    make_member(ann, acme.tenant, "agent")
    connected(acme, ann)
    Authenticator.objects.create(user=ann, type="totp", data={"secret": "x"})
    client, answer = sign_in_by("acme")
    assert "/2fa/authenticate/" in answer["Location"] and not signed_in(client)
    kept = json.dumps(dict(client.session))
    assert str(ann.id) in kept and "pbkdf2" not in kept and "at-1" not in kept


def test_what_an_abandoned_sign_in_left_is_nobody_elses(acme: Company) -> None:
    """A provider said that there was a second factor; the next in the same browser had none."""
    acme.connect(trusts_mfa=True)
    acme.provider.person = Person("sub-1", "ann@acme.example", more={"amr": ["mfa"]})
    left = {key: value for key, value in sign_in_by("acme")[0].session.items() if "sso" in key}
    assert len(left) == 4
    client = Client()
    session = client.session
    session.update(left)
    session.save()
    bob = local("bob@acme.example")
    client.post("/accounts/login/", {"login": bob.email, "password": PASSWORD})
    assert me(client).json()["email"] == bob.email and me(client).json()["mfa"] is False
    assert not set(left) & set(client.session.keys())


# --- who gets a seat


@pytest.mark.parametrize("said", [False, None, "false", 0, 1, "yes", ["true"]])
def test_an_unverified_address_gets_nobody_in(acme: Company, said: Any) -> None:
    acme.provider.person = Person("sub-1", "ann@acme.example", email_verified=said)
    assert refused("acme") == "email_unverified"


@pytest.mark.parametrize(
    "email",
    ["ann@evil.example", "ann@acme.example.evil.example", "ann@notacme.example", "@acme.example"],
)
def test_an_address_of_elsewhere_gets_nobody_in(acme: Company, email: str) -> None:
    acme.provider.person = Person("sub-1", email)
    assert refused("acme") in ("not_invited", "email_unverified")
    assert not User.objects.filter(email=email).exists()


def test_an_unproven_domain_brings_only_who_is_invited(provider: Provider) -> None:
    acme = company("Acme", provider, proven=False)
    assert refused("acme") == "not_invited"
    giver = identity.principal_of(_session(acme), acme.tenant)
    identity.invite_member(giver, "ann@acme.example", "supervisor")
    provider.person = Person("sub-2", "bob@acme.example")
    assert refused("acme") == "not_invited"
    provider.person = Person("sub-1", "ann@acme.example")
    client, _ = sign_in_by("acme")
    assert not signed_in(client), "the provider's word for a stranger's address is not enough"
    assert not signed_in(sign_in_by("acme")[0])
    sent = next(mail for mail in mails() if "/accounts/confirm-email/" in mail["text"])
    assert sent["to"] == "ann@acme.example"
    Client().post(link_in(sent))
    assert signed_in(sign_in_by("acme")[0])
    user = User.objects.get(email="ann@acme.example")
    assert seats(user) == [(acme.tenant, "supervisor")]
    left = acme.owner("get", "/invitations").json()["invitations"]
    assert left == [], "it was used"


def test_an_invitation_of_another_company_counts_for_nothing(
    provider: Provider, other: Provider
) -> None:
    bolt = company("Bolt", other)
    company("Acme", provider, proven=False)
    giver = identity.principal_of(_session(bolt), bolt.tenant)
    identity.invite_member(giver, "ann@acme.example", "admin")
    assert refused("acme") == "not_invited"


def test_without_a_default_role_an_invitation_is_needed(provider: Provider) -> None:
    company("Acme", provider, default_role=None)
    assert refused("acme") == "not_invited"


def test_an_administrators_provider_brings_nobody_above_them(acme: Company) -> None:
    """An owner's invitation waits; an administrator's provider claims to be whom it is for."""
    giver = identity.principal_of(_session(acme), acme.tenant)
    identity.invite_member(giver, "chief@else.example", "owner")
    identity.invite_member(giver, "ann@else.example", "admin")
    tech = identity.create_role(
        giver, "Tech", ("settings:read", "settings:write"), ("service",), False
    )
    user = make_user("tech@acme.example")
    make_member(user, acme.tenant, "agent")
    techie = sign_in(user, acme.tenant)
    members = acme.owner("get", "/members").json()["members"]
    (one,) = [item for item in members if item["email"] == user.email]
    change = {"role": public_id(Prefix.ROLE, tech.id or user.id)}
    assert acme.owner("patch", f"/members/{one['id']}", change, If_Match="*").status_code == 200
    assert acme.connect(techie, default_role=None).status_code == 200
    for name in ("chief", "ann"):
        acme.provider.person = Person(f"sub-{name}", f"{name}@else.example")
        assert refused("acme") == "not_invited"
    assert acme.connect(acme.owner, default_role=None).status_code == 200
    acme.provider.person = Person("sub-chief", "chief@else.example")
    assert refused("acme") == "not_invited", "an owner comes by the mail alone"
    acme.provider.person = Person("sub-ann", "ann@else.example")
    sign_in_by("acme")
    assert seats(User.objects.get(email="ann@else.example")) == [(acme.tenant, "admin")]


def test_nobody_gives_by_default_what_they_may_not_give(acme: Company) -> None:
    answer = acme.connect(default_role="owner")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_refused")
    admin = person("admin", acme.tenant)
    assert acme.connect(admin, default_role="supervisor").status_code == 200
    for role in ("billing", "operator-admin", "custom", "no such"):
        answer = acme.connect(admin, default_role=role)
        assert answer.status_code in (403, 422), role
    analyst = person("analyst", acme.tenant)
    assert acme.connect(analyst).json()["code"] == "insufficient_scope"
    stale = person("owner", acme.tenant, age_seconds=7200)
    assert acme.connect(stale).json()["code"] == "step_up_required"


def _session(acme: Company) -> Session:
    owner = me(acme.owner.client).json()["id"]
    return Session(UUID(owner[2:]), mfa=True, authenticated_at=None)


# --- domains


def test_a_domain_counts_for_whoever_proves_it(acme: Company, other: Provider) -> None:
    bolt = company("Bolt", other, proven=False, domains=["acme.example", "bolt.example"])
    other.person = Person("sub-9", "eve@acme.example")
    assert refused("bolt") == "not_invited"
    answer = bolt.owner("post", "/tenant/sso/verify", {"domain": "acme.example"})
    assert (answer.status_code, answer.json()["code"]) == (409, "sso_domain_unproven")
    records = {one["domain"]: one for one in bolt.owner("get", "/tenant/sso").json()["domains"]}
    zone = settings.RINGFENCE.data_dir / "txt-records"
    zone.parent.mkdir(parents=True, exist_ok=True)
    wrong = records["acme.example"]
    mine = acme.owner("get", "/tenant/sso").json()["domains"][0]
    try:
        zone.write_text(
            f"{records['bolt.example']['txt_name']} v=spf1 -all\n"
            f"{records['bolt.example']['txt_name']}. {records['bolt.example']['txt_value']}\n"
            f"{wrong['txt_name']} {mine['txt_value']}\n"
        )
        answer = bolt.owner("post", "/tenant/sso/verify", {"domain": "bolt.example"})
        assert (answer.status_code, answer.json()["verified"]) == (200, True)
        answer = bolt.owner("post", "/tenant/sso/verify", {"domain": "acme.example"})
        assert answer.json()["code"] == "sso_domain_unproven", "that record is another tenant's"
        zone.write_text(f"{wrong['txt_name']} {wrong['txt_value']}\n")
        answer = bolt.owner("post", "/tenant/sso/verify", {"domain": "acme.example"})
        assert answer.json()["code"] == "sso_domain_taken"
    finally:
        zone.unlink()
    answer = bolt.owner("post", "/tenant/sso/verify", {"domain": "else.example"})
    assert answer.json()["code"] == "sso_not_found"
    other.person = Person("sub-8", "bob@bolt.example")
    assert signed_in(sign_in_by("bolt")[0])
    other.person = Person("sub-9", "eve@acme.example")
    assert refused("bolt") == "not_invited"


def test_the_operator_vouches_for_a_domain(provider: Provider) -> None:
    acme = company("Acme", provider, proven=False)
    path = f"/tenants/{public_id(Prefix.TENANT, acme.tenant)}/sso/domains"
    staff, support = person("operator-admin", None), person("operator-support", None)
    body = {"domain": "acme.example"}
    assert support("post", path, body).status_code == 403
    assert acme.owner("post", path, body).status_code == 403
    assert staff("post", path, {"domain": "else.example"}).status_code == 404
    answer = staff("post", path, body)
    assert (answer.status_code, answer.json()["verified"]) == (200, True)
    assert signed_in(sign_in_by("ann@acme.example")[0])
    assert staff("post", path, body | {"verified": False}).json()["verified"] is False
    provider.person = Person("sub-2", "bob@acme.example")
    assert refused("acme") == "not_invited"


def test_a_domain_that_comes_again_is_to_be_proven_again(acme: Company) -> None:
    acme.connect(domains=["acme.example", "second.example"])
    told = {one["domain"]: one for one in acme.owner("get", "/tenant/sso").json()["domains"]}
    assert told["acme.example"]["verified"] and not told["second.example"]["verified"]
    acme.connect(domains=["second.example"])
    acme.connect(domains=["acme.example"])
    (only,) = acme.owner("get", "/tenant/sso").json()["domains"]
    assert not only["verified"] and only["txt_value"] != told["acme.example"]["txt_value"]


# --- how long


def _disable(acme: Company) -> None:
    assert acme.connect(enabled=False).status_code == 200


def _delete(acme: Company) -> None:
    assert acme.owner("delete", "/tenant/sso").status_code == 204


def _suspend(acme: Company) -> None:
    accounts.change_tenant(acme.tenant, status="suspended")


@pytest.mark.parametrize("end", [_disable, _delete, _suspend])
def test_sessions_end_with_what_they_rest_on(acme: Company, end: Any) -> None:
    client, _ = sign_in_by("acme")
    assert Browser(client, acme.tenant)("get", "/calls").status_code == 200
    end(acme)
    assert Browser(client, acme.tenant)("get", "/calls").status_code == 401
    assert not signed_in(client)
    answer = Client().post("/accounts/sso/", {"company": "acme"})
    assert code_of(answer) == "unknown_company"


def test_who_is_removed_is_out_and_stays_out(acme: Company) -> None:
    client, _ = sign_in_by("acme")
    members = acme.owner("get", "/members").json()["members"]
    (one,) = [item for item in members if item["email"] == "ann@acme.example"]
    assert acme.owner("delete", f"/members/{one['id']}").status_code == 204
    answer = Browser(client, acme.tenant)("get", "/calls")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_membership")
    assert refused("acme") == "no_member"
    giver = identity.principal_of(_session(acme), acme.tenant)
    identity.invite_member(giver, "ann@acme.example", "analyst")
    assert signed_in(sign_in_by("acme")[0])
    assert seats(User.objects.get(email="ann@acme.example")) == [(acme.tenant, "analyst")]


# --- second factors and step-up


def test_a_second_factor_at_the_provider_counts_where_it_is_trusted(acme: Company) -> None:
    acme.connect(default_role="admin")
    acme.provider.person = Person("sub-1", "ann@acme.example", more={"amr": ["pwd", "mfa"]})
    client, _ = sign_in_by("acme")
    browser = Browser(client, acme.tenant)
    assert browser("get", "/members").json()["code"] == "mfa_required"
    acme.connect(default_role="admin", trusts_mfa=True)
    assert browser("get", "/members").status_code == 200
    assert me(client).json()["mfa"] is True
    acme.connect(default_role="admin", trusts_mfa=False)
    assert browser("get", "/members").json()["code"] == "mfa_required"


@pytest.mark.parametrize(
    "more", [{}, {"amr": ["pwd"]}, {"amr": "mfa"}, {"acr": "1"}, {"acr": ["phr"]}]
)
def test_no_second_factor_is_read_into_less(acme: Company, more: dict[str, Any]) -> None:
    acme.connect(default_role="admin", trusts_mfa=True)
    acme.provider.person = Person("sub-1", "ann@acme.example", more=more)
    client, _ = sign_in_by("acme")
    assert Browser(client, acme.tenant)("get", "/members").json()["code"] == "mfa_required"


def test_sensitive_things_need_what_the_provider_calls_fresh(acme: Company) -> None:
    acme.connect(default_role="admin", trusts_mfa=True)
    body = {"email": "new@acme.example", "role": "agent"}
    expected = {None: 403, int(time.time()) - 7200: 403, int(time.time()): 201}
    for at, status in expected.items():
        more = {"amr": ["mfa"]} | ({} if at is None else {"auth_time": at})
        acme.provider.person = Person("sub-1", "ann@acme.example", more=more)
        client, _ = sign_in_by("acme", fresh="1")
        assert acme.provider.asked["prompt"] == "login" and acme.provider.asked["max_age"] == "0"
        answer = Browser(client, acme.tenant)("post", "/invitations", body)
        assert answer.status_code == status, (at, answer.content)


def test_signing_in_once_more_gives_a_new_token(acme: Company) -> None:
    client, _ = sign_in_by("acme")
    assert me(client).status_code == 200
    before = client.cookies["sessionid"].value
    sign_in_by("acme", client, fresh="1")
    after = client.cookies["sessionid"].value
    assert after != before and me(client).status_code == 200
    stolen = Client()
    stolen.cookies["sessionid"] = before
    assert me(stolen).status_code == 401
    listed = UserSession.objects.purge_and_list(User.objects.get(email="ann@acme.example"))
    assert [row.session_key for row in listed] == [after]


# --- what a connection may say


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Acme"),
        ("slug", "a--"),
        ("issuer", "http://idp.example"),
        ("issuer", "http://127.0.0.2:1/"),
        ("issuer", "https://user@idp.example"),
        ("issuer", "https://idp.example/?x=1"),
        ("issuer", "ftp://idp.example"),
        ("domains", ["localhost"]),
        ("domains", ["Acme.example"]),
        ("domains", ["10.0.0.1"]),
    ],
)
def test_what_a_connection_cannot_be_names_its_field(acme: Company, field: str, value: Any) -> None:
    other = Company(accounts.create_tenant("Other").id, acme.owner, acme.provider, "other")
    owner = person("owner", other.tenant)
    answer = other.connect(owner, **{field: value})
    assert (answer.status_code, answer.json()["details"].get("field")) == (422, field)


def test_a_name_is_of_one_and_stays(acme: Company, other: Provider) -> None:
    tenant = accounts.create_tenant("Bolt").id
    bolt = Company(tenant, person("owner", tenant), other, "acme")
    assert bolt.connect().json()["code"] == "sso_slug_taken"
    assert acme.connect(slug="acme-2").json()["details"] == {"field": "slug"}
    assert bolt.owner("get", "/tenant/sso").status_code == 404
    assert bolt.owner("delete", "/tenant/sso").status_code == 404


def test_the_secret_stays_unless_given_anew(acme: Company) -> None:
    assert acme.connect(client_secret=..., trusts_mfa=True).status_code == 200
    assert signed_in(sign_in_by("acme")[0])
    assert acme.connect(client_secret="wrong").status_code == 200
    client, answer = sign_in_by("acme")
    assert code_of(answer) == "provider_failed" and not signed_in(client)


def test_a_session_with_a_providers_record_alone_is_none(acme: Company) -> None:
    """Whatever loses the pin loses the session."""
    client, _ = sign_in_by("acme")
    session = client.session
    for key in [name for name, _ in session.items() if name.startswith("ringfence_sso")]:
        del session[key]
    session.save()
    assert me(client).status_code == 401
    plain = Client()
    plain.force_login(User.objects.get(email="ann@acme.example"), backend=BACKEND)
    assert me(plain).status_code == 200
