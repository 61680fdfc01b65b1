"""Sealed fields over a real database and a real owner of keys: a value opens in its place alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.keys_fixture import Keys

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.models import Call, CallLeg, JournalEvent
from ringfence.domains.trunks.models import Trunk
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, Refused
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.keys import keys as process_keys
from ringfence.platform_django.keys import use_keys
from ringfence.platform_django.sealed import (
    Opened,
    day_of,
    open_fields,
    open_groups,
    seal_field,
    sealed_field,
)
from ringfence.platform_django.tenancy import across_tenants, tenant
from ringfence.platform_django.use import PurposeRequired, current_use, using

TENANT = UUID(int=1)
UNREADABLE, UNKNOWN = Opened(error="unreadable_value"), Opened(error="key_unknown")
NUMBER = {"number": "+14155550123"}


@pytest.fixture
def service(keys: Keys) -> Iterator[Keys]:
    """This process is ``web`` and works for the purpose service; no database is needed."""
    with use_keys(keys.blocking("web")), using("service", "test"):
        yield keys


def person(tenant_id: UUID | None, number: str = "+14155550123") -> UUID:
    owner = tenant_id or INSTALLATION
    (found,) = process_keys().resolve(owner, [Identifier("e164", number)])
    return found.person


def call_of(tenant_id: UUID | None = TENANT, **changes: Any) -> Call:
    """A call in memory, with both parties sealed."""
    values: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "caller_id": person(tenant_id),
        "callee_id": person(tenant_id, "+14155550124"),
    }
    row = Call(**(values | changes))
    row.caller_sealed = seal_field(row, "caller_sealed", NUMBER)
    row.callee_sealed = seal_field(row, "callee_sealed", {"number": "+14155550124"})
    return row


def opened(row: models.Model, field: str = "caller_sealed") -> Opened:
    ((found),) = open_fields([row], field)
    return found[field]


def test_a_value_opens_in_its_place(service: Keys) -> None:
    row = call_of()
    assert open_fields([row], "caller_sealed", "callee_sealed") == [
        {"caller_sealed": Opened(NUMBER), "callee_sealed": Opened({"number": "+14155550124"})}
    ]
    assert opened(call_of(None)) == Opened(NUMBER), "nobody's call is the installation's"


def test_in_no_other(service: Keys) -> None:
    row = call_of()
    other_day = UUID(int=row.id.int - (86_400_000 << 80))
    moved = [
        {"id": new_id()},
        {"caller_id": row.callee_id},
        {"caller_sealed": row.callee_sealed},
        {"caller_sealed": b""},
        {"caller_sealed": b"\x02" + row.caller_sealed[1:]},
        {"caller_id": None},
    ]
    for change in moved:
        copy = Call(**{**_values(row), **change})
        assert opened(copy) == UNREADABLE, change
    assert opened(
        Call(**{**_values(row), "callee_sealed": row.caller_sealed}), "callee_sealed"
    ) == (UNREADABLE), "not in another column, of another person"
    same_person = Call(**{**_values(row), "callee_id": row.caller_id})
    same_person.callee_sealed = row.caller_sealed
    assert opened(same_person, "callee_sealed") == UNREADABLE, "nor in one of the same person"
    assert opened(Call(**{**_values(row), "tenant_id": UUID(int=2)})) == UNKNOWN
    assert opened(Call(**{**_values(row), "id": other_day})).value is None
    own = person(UUID(int=2))
    assert (
        opened(Call(**{**_values(row), "tenant_id": UUID(int=2), "caller_id": own})).value is None
    )
    assert opened(row) == Opened(NUMBER), "all of that failed for its own reason"


def _values(row: Call) -> dict[str, Any]:
    names = ("id", "tenant_id", "caller_id", "caller_sealed", "callee_id", "callee_sealed")
    return {name: getattr(row, name) for name in names}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_common = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@_common
@given(value=json_values)
def test_whatever_json_says_comes_back(service: Keys, value: Any) -> None:
    row = Call(id=new_id(), tenant_id=TENANT, caller_id=person(TENANT))
    row.caller_sealed = seal_field(row, "caller_sealed", value)
    assert opened(row) == Opened(value)


@_common
@given(data=st.data())
def test_any_flipped_bit_and_any_cut_fails(service: Keys, data: st.DataObject) -> None:
    row = call_of()
    sealed = row.caller_sealed
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    damaged = bytearray(sealed)
    damaged[bit // 8] ^= 1 << bit % 8
    row.caller_sealed = bytes(damaged)
    assert opened(row) == UNREADABLE
    row.caller_sealed = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    assert opened(row) == UNREADABLE


@_common
@given(password=st.text(min_size=1, max_size=300))
def test_a_secret_is_of_its_tenant_row_and_column(service: Keys, password: str) -> None:
    row = Trunk(id=new_id(), tenant_id=TENANT, name="T")
    row.auth_password_sealed = seal_field(row, "auth_password_sealed", password)
    assert opened(row, "auth_password_sealed") == Opened(password)
    row.ha1_md5_sealed = row.auth_password_sealed
    assert opened(row, "ha1_md5_sealed") == UNREADABLE
    for change in ({"id": uuid4()}, {"tenant_id": None}, {"tenant_id": UUID(int=2)}):
        values = {"id": row.id, "tenant_id": row.tenant_id, **change}
        moved = Trunk(**values, auth_password_sealed=row.auth_password_sealed)
        seal_field(moved, "ha1_md5_sealed", "so that its tenant has a key")
        assert opened(moved, "auth_password_sealed") == UNREADABLE


def test_an_erased_person_opens_nowhere_and_others_do(service: Keys) -> None:
    row = call_of()
    gone = Destruction((ErasePerson(row.caller_id, ()),))
    service.blocking("worker").destroy(TENANT, gone, actor="test")
    assert opened(row) == Opened(error="key_destroyed")
    assert opened(row, "callee_sealed") == Opened({"number": "+14155550124"})
    with pytest.raises(KeyDestroyed):
        seal_field(row, "caller_sealed", NUMBER)


def test_a_day_that_expired_opens_no_more(service: Keys) -> None:
    row = call_of()
    bucket = Bucket("identifier", "call_records", day=day_of(row.id))
    died = Destruction(buckets=(bucket,))
    service.blocking("worker").destroy(TENANT, died, actor="test")
    assert opened(row) == opened(row, "callee_sealed") == Opened(error="key_destroyed")


def test_the_day_is_that_of_the_id() -> None:
    late = datetime(2026, 11, 22, 23, 59, 59, 999_000, tzinfo=UTC)
    for at in (late, late + timedelta(milliseconds=1)):
        id_ = UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76)
        assert day_of(id_) == (at.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days


def test_nothing_opens_without_a_purpose_or_for_a_refused_one(keys: Keys) -> None:
    with use_keys(keys.blocking("web")):
        row = call_of()
        for rows in ([row], []):
            with pytest.raises(PurposeRequired):
                open_fields(rows, "caller_sealed")
        with using("legal", "test"), pytest.raises(Refused):
            opened(row)
        with using("marketing", "test"):  # needs the person's consent
            assert opened(row) == Opened(error="key_refused")
        with using("service", "a"), using("billing", "b"):
            assert (current_use().purpose, current_use().actor) == ("billing", "b")
        with pytest.raises(PurposeRequired):
            current_use()


def test_a_page_is_one_request_and_one_use(service: Keys) -> None:
    rows = [call_of() for _ in range(20)]
    leg = CallLeg(id=new_id(), call_id=rows[0].id, tenant_id=TENANT, party_id=rows[0].caller_id)
    leg.party_sealed = seal_field(leg, "party_sealed", NUMBER)
    service.uses.clear()
    calls, legs = open_groups(
        (rows, ("caller_sealed", "callee_sealed")), ([leg], ("party_sealed",))
    )
    assert [found["caller_sealed"] for found in calls] == [Opened(NUMBER)] * 20
    assert legs == [{"party_sealed": Opened(NUMBER)}]
    (use,) = [use for use in service.uses if use.action == "open"]
    assert (use.action, use.purpose, use.actor, use.outcome) == ("open", "service", "test", "ok")
    assert set(use.objects) == {f"CA{row.id.hex}" for row in rows} | {f"LG{leg.id.hex}"}


def test_a_leg_alone_is_opened_as_part_of_its_call(service: Keys) -> None:
    call, leg = new_id(), CallLeg(id=new_id(), tenant_id=TENANT, party_id=person(TENANT))
    leg.call_id = call
    leg.party_sealed = seal_field(leg, "party_sealed", NUMBER)
    created = JournalEvent(
        kind="leg.created", data={"leg": leg.id.hex}, call_id=call, tenant_id=TENANT,
        callee_id=leg.party_id, callee_sealed=leg.party_sealed,
    )  # fmt: skip
    for row, field in ((leg, "party_sealed"), (created, "callee_sealed")):
        service.uses.clear()
        assert opened(row, field) == Opened(NUMBER)
        (use,) = [use for use in service.uses if use.action == "open"]
        assert set(use.objects) == {f"LG{leg.id.hex}", f"CA{call.hex}"}


def test_an_empty_column_is_no_error(service: Keys) -> None:
    assert opened(Call(id=new_id(), tenant_id=TENANT, caller_id=uuid4())) == Opened()


def test_the_journal_opens_what_it_copied(service: Keys) -> None:
    call = call_of()
    leg = CallLeg(id=new_id(), call_id=call.id, tenant_id=TENANT, party_id=call.callee_id)
    leg.party_sealed = seal_field(leg, "party_sealed", NUMBER)
    common = {"call_id": call.id, "tenant_id": TENANT, "caller_id": call.caller_id}
    started = JournalEvent(kind="call.started", data={}, caller_sealed=call.caller_sealed, **common)
    created = JournalEvent(
        kind="leg.created", data={"leg": leg.id.hex}, callee_id=call.callee_id,
        callee_sealed=leg.party_sealed, **common,
    )  # fmt: skip
    assert opened(started) == Opened(NUMBER)
    assert opened(created, "callee_sealed") == Opened(NUMBER)
    created.kind = "call.started"
    assert opened(created, "callee_sealed") == UNREADABLE


def test_a_row_without_its_person_is_not_sealed(service: Keys) -> None:
    row = Call(id=new_id(), tenant_id=TENANT, caller_id=uuid4())
    with pytest.raises(KeyUnknown):
        seal_field(row, "caller_sealed", NUMBER)
    with pytest.raises(TypeError, match="no sealed field"):
        sealed_field(Call, "dialled")


def test_while_keys_is_away_nothing_is_sealed(service: Keys) -> None:
    row = Call(id=new_id(), tenant_id=TENANT, caller_id=person(TENANT))
    service.stop()
    with pytest.raises(Unavailable):
        seal_field(row, "caller_sealed", NUMBER)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("calls_call", ("caller_sealed", "callee_sealed", "captured_sealed")),
        ("calls_leg", ("party_sealed",)),
        ("calls_journal", ("caller_sealed", "callee_sealed")),
        ("trunks_trunk", ("auth_password_sealed", "ha1_md5_sealed", "ha1_sha256_sealed")),
    ],
)
def test_the_database_refuses_clear_values(
    db: DatabaseUrls, table: str, columns: tuple[str, ...]
) -> None:
    """Also from the role that may write there, in partitions as well."""
    values = {
        "calls_call": "(id, direction, started_at, billed_seconds, {}) VALUES "
        "('019abc00-0000-7000-8000-000000000001', 'inbound', now(), 0, %s)",
        "calls_leg": "(id, call_id, role, created_at, {}) VALUES "
        "('019abc00-0000-7000-8000-000000000001', gen_random_uuid(), 'caller', now(), %s)",
        "calls_journal": "(call_id, seq, at, kind, data, {}) VALUES "
        "('019abc00-0000-7000-8000-000000000001', 1, now(), 'k', '{{}}', %s)",
        "trunks_trunk": "(id, tenant_id, name, peer_port, peer_transport, country_code, "
        "national_prefix, international_prefix, strip_prefix, style, add_prefix, created_at, {}) "
        "VALUES (gen_random_uuid(), %s, 'T', 5060, 'udp', '1', '1', '011', '', 'e164', '', now(), "
        "%s)",
    }[table]
    owner = accounts.create_tenant("Acme").id
    app = table == "trunks_trunk"  # call records are written by the operator's role alone
    urls = {"calls_journal": db.callplane, "trunks_trunk": db.app}
    for column in columns:
        query = f"INSERT INTO {table} {values.format(column)}"
        for clear in (b"", b"+14155550123", b"+14155550123".ljust(64), b"\x01" + b"x" * 27):
            with (
                psycopg.connect(urls.get(table, db.operator)) as connection,
                pytest.raises(psycopg.errors.CheckViolation),
            ):
                if app:
                    connection.execute(
                        "SELECT set_config('ringfence.tenant', %s, true)", [str(owner)]
                    )
                connection.execute(query, [owner, clear] if app else [clear])  # type: ignore[arg-type]
        with psycopg.connect(urls.get(table, db.operator)) as connection:
            if app:
                connection.execute("SELECT set_config('ringfence.tenant', %s, true)", [str(owner)])
            fit = b"\x01" + bytes(28)
            connection.execute(query, [owner, fit] if app else [fit])  # type: ignore[arg-type]
            connection.rollback()


def test_a_row_of_the_database_opens(db: DatabaseUrls) -> None:
    owner = accounts.create_tenant("Acme").id
    row = call_of(owner, direction="inbound", started_at=datetime.now(UTC))
    with across_tenants("test") as alias:
        row.save(using=alias, force_insert=True)
    with using("service", "test"), tenant(owner):
        found = Call.objects.get(id=row.id)
        assert isinstance(found.caller_sealed, bytes)
        assert opened(found) == Opened(NUMBER)
