"""Tenants, keys, trunks, numbers: what is accepted, refused, stored, and found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import (
    ALL_SCOPES,
    InvalidName,
    TenantSuspended,
    UnknownScope,
)
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import (
    InvalidNumber,
    NewNumber,
    NumberTaken,
    SipDial,
    TrunkDial,
)
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import (
    InvalidTrunk,
    NewTrunk,
    NumberFormat,
    TrunkSourceConflict,
    TrunkUsernameConflict,
)
from ringfence.kernel.errors import NotFound, Unauthorized
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.config_version import config_version
from ringfence.platform_django.use import using


@pytest.fixture(autouse=True)
def _purpose() -> Iterator[None]:
    with using("service", "test"):
        yield


SIP = (SipDial("sip:desk@192.0.2.7:5080"),)


def new_number(tenant: UUID, e164: str = "+12025550101", **changes: Any) -> NewNumber:
    return NewNumber(**{"tenant_id": tenant, "e164": e164, "dial": SIP, **changes})


def test_a_key_authenticates_until_its_tenant_is_suspended(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("  Acme  ")
    assert tenant.name == "Acme"
    made = accounts.create_api_key(tenant.id, scopes=("calls:read",))
    principal = accounts.authenticate_api_key(made.secret)
    assert principal.tenant_id == tenant.id
    assert principal.credential_id == made.info.id
    assert principal.scopes == {"calls:read"}
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE accounts_tenant SET status = 'suspended'")
    with pytest.raises(TenantSuspended):
        accounts.authenticate_api_key(made.secret)


def test_a_revoked_key_is_refused(db: DatabaseUrls) -> None:
    made = accounts.create_api_key(accounts.create_tenant("Acme").id)
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE accounts_api_key SET revoked_at = now()")
    with pytest.raises(Unauthorized):
        accounts.authenticate_api_key(made.secret)


def test_what_reaches_beyond_the_tenant_or_destroys_must_be_asked_for(db: DatabaseUrls) -> None:
    made = accounts.create_api_key(accounts.create_tenant("Acme").id).info
    named = {
        "keys:write", "numbers:write", "privacy:erase", "privacy:rights", "recordings:write",
        "tenants:read", "tenants:write", "trunks:write",
    }  # fmt: skip
    assert set(ALL_SCOPES) - set(made.scopes) == named
    asked = accounts.create_api_key(made.tenant_id, scopes=("privacy:erase",)).info
    assert asked.scopes == ("privacy:erase",)


def test_the_secret_of_a_key_is_not_stored(db: DatabaseUrls) -> None:
    made = accounts.create_api_key(accounts.create_tenant("Acme").id)
    with psycopg.connect(db.owner) as connection:
        text = str(connection.execute("SELECT k::text FROM accounts_api_key k").fetchall())
    assert made.secret not in text
    assert made.secret.encode().hex() not in text
    assert made.info.last4 == made.secret[-4:]
    assert made.info.last4 in text  # the search does find what is there


def test_accounts_refuse_nonsense(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    with pytest.raises(InvalidName):
        accounts.create_tenant(" ")
    with pytest.raises(UnknownScope):
        accounts.create_api_key(tenant.id, scopes=("everything",))
    with pytest.raises(NotFound):
        accounts.create_api_key(new_id())


def test_trunk_passwords_are_hashed_and_sealed(db: DatabaseUrls) -> None:
    info = trunks.create_trunk(
        NewTrunk(
            name="PBX", username="pbx", password="p1", auth_username="us", auth_password="marker-77"
        )
    )
    (routing,) = trunks.routing_trunks()
    assert routing.info == info
    assert routing.auth_password == "marker-77"
    # RFC 7616 section 3.4.2 with the installation's default realm
    assert routing.ha1_md5 == hashlib.md5(b"pbx:ringfence:p1").hexdigest()
    assert routing.ha1_sha256 == hashlib.sha256(b"pbx:ringfence:p1").hexdigest()
    with psycopg.connect(db.owner) as connection:
        text = str(connection.execute("SELECT t::text FROM trunks_trunk t").fetchall())
    assert "marker-77" not in text
    assert b"marker-77".hex() not in text
    assert hashlib.md5(b"pbx:ringfence:p1").hexdigest() not in text
    assert hashlib.md5(b"pbx:ringfence:p1").hexdigest().encode().hex() not in text
    assert "pbx" in text
    assert "marker-77" not in repr(routing)


def test_the_database_refuses_an_unsealed_password(db: DatabaseUrls) -> None:
    trunks.create_trunk(NewTrunk(name="PBX", sources=("192.0.2.1",)))
    for column in ("auth_password_sealed", "ha1_md5_sealed", "ha1_sha256_sealed"):
        with psycopg.connect(db.owner) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                f"UPDATE trunks_trunk SET {column} = 'a secret in clear, long enough'"
            )  # type: ignore[arg-type]


def test_the_call_plane_sees_every_trunk(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    own = trunks.create_trunk(
        NewTrunk(
            name="PBX",
            tenant_id=tenant.id,
            sources=("198.51.100.0/24", "2001:db8::/64"),
            peer_host="pbx.example.net",
            peer_port=5070,
            peer_transport="tcp",
            format=NumberFormat("44", "0", "00", "9", "national", "8"),
            max_calls_per_second=5,
            max_channels=30,
        )
    )
    carrier = trunks.create_trunk(NewTrunk(name="Carrier", sources=("203.0.113.9",)))
    assert carrier.sources == ("203.0.113.9/32",)
    assert {trunk.info for trunk in trunks.routing_trunks()} == {own, carrier}
    assert trunks.list_trunks(tenant.id) == (own,)
    assert {trunk.id for trunk in trunks.list_all_trunks()} == {own.id, carrier.id}


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ("192.0.2.0/24", "192.0.2.7"),
        ("192.0.2.7", "192.0.0.0/16"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::/32", "2001:db8:1::1"),
    ],
)
def test_sources_of_two_trunks_never_overlap(db: DatabaseUrls, taken: str, wanted: str) -> None:
    one, other = accounts.create_tenant("Acme"), accounts.create_tenant("Bolt")
    trunks.create_trunk(NewTrunk(name="A", tenant_id=one.id, sources=(taken,)))
    with pytest.raises(TrunkSourceConflict) as refused:
        trunks.create_trunk(NewTrunk(name="B", tenant_id=other.id, sources=("10.0.0.1", wanted)))
    assert refused.value.code == "trunk_source_conflict"
    assert [trunk.name for trunk in trunks.list_all_trunks()] == ["A"], "nothing half-done"


def test_a_user_name_belongs_to_one_trunk(db: DatabaseUrls) -> None:
    trunks.create_trunk(NewTrunk(name="A", username="pbx", password="x"))
    with pytest.raises(TrunkUsernameConflict):
        trunks.create_trunk(NewTrunk(name="B", username="pbx", password="y"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"sources": ("192.0.2.1/24",)}, "sources"),
        ({"sources": ("carrier.example.net",)}, "sources"),
        ({"sources": ()}, "username"),
        ({"username": "pbx"}, "password"),
        ({"username": "a b", "password": "x"}, "username"),
        ({"auth_password": "x"}, "auth_password"),
        ({"peer_host": "no host"}, "peer_host"),
        ({"peer_host": "999.1.1.1"}, "peer_host"),
        ({"peer_host": "example.net", "peer_port": 0}, "peer_port"),
        ({"peer_transport": "tls"}, "peer_transport"),
        ({"format": NumberFormat(country_code="0")}, "country_code"),
        ({"format": NumberFormat(style="loud")}, "style"),
        ({"max_channels": 0}, "max_channels"),
        ({"tenant_id": UUID(int=1)}, "tenant_id"),
    ],
)
def test_a_wrong_trunk_names_its_field(
    db: DatabaseUrls, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidTrunk) as refused:
        trunks.create_trunk(NewTrunk(**{"name": "A", "sources": ("192.0.2.1",), **changes}))
    assert refused.value.details["field"] == field
    assert trunks.list_all_trunks() == ()


def test_two_overlapping_sources_of_one_trunk_are_refused(db: DatabaseUrls) -> None:
    with pytest.raises(TrunkSourceConflict):
        trunks.create_trunk(NewTrunk(name="A", sources=("192.0.2.0/24", "192.0.2.7")))


def test_a_dialled_number_finds_its_tenant(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    carrier = trunks.create_trunk(NewTrunk(name="Carrier", peer_host="192.0.2.9"))
    made = numbers.create_number(
        new_number(
            tenant.id,
            "+1 (202) 555-0101",
            dial=(TrunkDial(carrier.id, "+1 415 555 0100"), *SIP),
            dial_timeout_seconds=20,
            caller_id="+12025550101",
            max_seconds=600,
        )
    )
    assert made.e164 == "+12025550101"
    plan = numbers.route("+12025550101")
    assert plan is not None
    assert (plan.tenant_id, plan.number_id) == (tenant.id, made.id)
    assert plan.dial == (TrunkDial(carrier.id, "+14155550100"), *SIP)
    assert (plan.dial_timeout_seconds, plan.caller_id, plan.max_seconds) == (20, made.e164, 600)
    assert numbers.route("+12025550102") is None
    assert numbers.route("2025550101") is None


def test_a_suspended_tenant_gets_no_calls(db: DatabaseUrls) -> None:
    numbers.create_number(new_number(accounts.create_tenant("Acme").id))
    assert numbers.route("+12025550101") is not None
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE accounts_tenant SET status = 'suspended'")
    assert numbers.route("+12025550101") is None


def test_an_inactive_number_gets_no_calls(db: DatabaseUrls) -> None:
    numbers.create_number(new_number(accounts.create_tenant("Acme").id))
    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE numbers_number SET status = 'inactive'")
    assert numbers.route("+12025550101") is None


def test_a_number_is_unique_over_all_tenants(db: DatabaseUrls) -> None:
    numbers.create_number(new_number(accounts.create_tenant("Acme").id))
    with pytest.raises(NumberTaken):
        numbers.create_number(new_number(accounts.create_tenant("Bolt").id))


def test_another_tenants_trunk_is_no_target(db: DatabaseUrls) -> None:
    acme, bolt = accounts.create_tenant("Acme"), accounts.create_tenant("Bolt")
    foreign = trunks.create_trunk(NewTrunk(name="B", tenant_id=bolt.id, peer_host="192.0.2.9"))
    for trunk in (foreign.id, new_id()):
        with pytest.raises(InvalidNumber) as refused:
            numbers.create_number(new_number(acme.id, dial=(TrunkDial(trunk, "+14155550100"),)))
        assert refused.value.details["field"] == "dial"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"e164": "2025550101"}, "e164"),
        ({"e164": "+1202"}, "e164"),
        ({"e164": "sip:x@y"}, "e164"),
        ({"dial": ()}, "dial"),
        ({"dial": (SipDial("http://x"),)}, "dial"),
        ({"dial": (SipDial("sip:a@b\r\nVia: x"),)}, "dial"),
        ({"caller_id": "secret"}, "caller_id"),
        ({"dial_timeout_seconds": 0}, "dial_timeout_seconds"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"tenant_id": UUID(int=1)}, "tenant_id"),
    ],
)
def test_a_wrong_number_names_its_field(
    db: DatabaseUrls, changes: dict[str, Any], field: str
) -> None:
    tenant = accounts.create_tenant("Acme")
    with pytest.raises(InvalidNumber) as refused:
        numbers.create_number(new_number(tenant.id, **changes))
    assert refused.value.details["field"] == field
    assert numbers.list_all_numbers() == ()


def test_every_configuration_change_raises_the_version(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme")
    before = config_version()
    trunks.create_trunk(NewTrunk(name="A", sources=("192.0.2.1",)))
    after_trunk = config_version()
    numbers.create_number(new_number(tenant.id))
    after_number = config_version()
    with connections["operator"].cursor() as cursor:
        cursor.execute("UPDATE trunks_trunk SET max_channels = 3")
    assert before < after_trunk < after_number < config_version()
    numbers.list_numbers(tenant.id)
    assert config_version() == config_version()


def test_a_rolled_back_change_leaves_the_version(db: DatabaseUrls) -> None:
    trunks.create_trunk(NewTrunk(name="A", sources=("192.0.2.1",)))
    before = config_version()
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(using="operator"),
        connections["operator"].cursor() as cursor,
    ):
        cursor.execute("UPDATE trunks_trunk SET max_channels = 3")
        cursor.execute("SELECT 1 / 0")
    assert config_version() == before
