"""What outlives a tenant, and records that no key seals, end after what the law asks for: to the
day, with a certificate, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from tests.keys_fixture import Keys
from tests.population import Populated, leave_link, populate
from tests.promises.test_row_level_security import TENANT_TABLES

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger.usecases.checkpoint import wrong_checkpoints
from ringfence.domains.policy import api as policy
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.queries import unfinished_erasures
from ringfence.domains.privacy.records import records_of, register_records
from ringfence.domains.privacy.usecases import carry_out as steps
from ringfence.entry.promises.controls.expired_gone import is_signed
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import use_clock

CPNI = {"compliance_case", "compliance_disclosure", "compliance_notice"}
CONSENTS = {"consent_evidence", "consent_link", "consent_wording"}
BOOKS = {
    "ledger_account", "ledger_checkpoint", "ledger_entry", "ledger_line", "ledger_rate",
    "ledger_rate_deck", "ledger_unrated",
}  # fmt: skip
ALWAYS = {"accounts_tenant", "audit_batch", "audit_use", "privacy_erasure", "privacy_hold"}
"""The audit trail's months end by a job of their own; a nameless row, holds and last words stay."""


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def two(db: DatabaseUrls, keys: Keys) -> Iterator[tuple[Populated, Populated]]:
    with use_clock(keys.clock):
        found = populate("Acme", 1), populate("Bolt", 2)
    leave_link(db.owner, *(one.tenant for one in found))
    with use_clock(keys.clock), django_keys.use_keys(keys.blocking("worker")):
        with psycopg.connect(db.owner) as connection:  # it comes with a hold, which is not meant
            connection.execute("UPDATE privacy_hold SET released_at = placed_at")
        yield found


def left(db: DatabaseUrls, tenant: UUID) -> set[str]:
    """The tables with rows of a tenant."""
    with psycopg.connect(db.owner) as connection:
        return {
            table
            for table, column in TENANT_TABLES.items()
            if connection.execute(
                sql.SQL("SELECT 1 FROM {} WHERE {} = %s LIMIT 1").format(
                    sql.Identifier(table), sql.Identifier(column)
                ),
                [tenant],
            ).fetchone()
        }


def end_of(keys: Keys, tenant: UUID) -> date:
    """It is closed, and ends; the day that it was closed."""
    closed = keys.clock.now().date()
    accounts.close_tenant(tenant)
    keys.clock.advance(timedelta(days=24))
    policy.warn_of_ends()
    keys.clock.advance(timedelta(days=7))
    assert accounts.end_closed_tenants() == 1
    return closed


def go_to(keys: Keys, day: date) -> None:
    keys.clock.advance(timedelta(days=(day - keys.clock.now().date()).days))


def certificates(db: DatabaseUrls, tenant: UUID) -> dict[tuple[str, str], dict[str, Any]]:
    """By rule and day."""
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT certificate, rows_cleared FROM privacy_erasure"
            " WHERE tenant_id = %s AND kind = 'records'",
            [tenant],
        ).fetchall()
    for certificate, count in rows:
        assert is_signed(certificate)
        assert certificate["rows_cleared"] == count > 0
        assert certificate["keys_destroyed_at"] is None
    return {(one["rule"]["name"], one["rule"]["day"]): one for one, _ in rows}


@pytest.mark.promise("CMX-07.0-04")
@pytest.mark.promise("SIP-08.1-05")
def test_each_ends_on_its_day(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, bolt = two
    begun = keys.clock.now().date()
    assert (begun.month, begun.day) != (2, 29)
    closed = end_of(keys, acme.tenant)
    of_bolt = left(db, bolt.tenant)
    stays = [ALWAYS, BOOKS, CONSENTS, CPNI, {"policy_acceptance"}]
    for years, start, ends in (
        (1, begun, [CPNI]),
        (4, begun, [CONSENTS]),
        (7, begun, [BOOKS, {"policy_acceptance"}]),
    ):
        last = start.replace(year=start.year + years)
        go_to(keys, last)
        assert privacy.end_records() == 0
        assert left(db, acme.tenant) == set().union(*stays)
        go_to(keys, last + timedelta(days=1))
        assert privacy.end_records() >= len(ends)
        stays = [tables for tables in stays if tables not in ends]
        assert left(db, acme.tenant) == set().union(*stays)
        assert privacy.end_records() == 0
    assert left(db, bolt.tenant) == of_bolt - CPNI - {"ledger_unrated"}
    assert wrong_checkpoints() == 0
    last = closed.replace(year=closed.year + 7)
    go_to(keys, last)
    assert privacy.end_records() == 0 or last == begun.replace(year=begun.year + 7)
    go_to(keys, last + timedelta(days=1))
    privacy.end_records()
    assert accounts.get_any_tenant(acme.tenant).name == ""
    assert accounts.get_any_tenant(bolt.tenant).name == "Bolt"
    assert {rule for rule, _ in certificates(db, acme.tenant)} == {
        "cpni", "consents", "ledger", "acceptances", "account", "certificates",
    }  # fmt: skip
    assert {rule for rule, _ in certificates(db, bolt.tenant)} <= {
        "cpni", "certificates", "ledger_days",
    }  # fmt: skip
    assert left(db, acme.tenant) == ALWAYS


def test_nothing_ends_while_a_legal_hold_lasts(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, bolt = two
    hold = privacy.place_hold(acme.tenant, actor="test")
    go_to(keys, keys.clock.now().date() + timedelta(days=367))
    assert privacy.end_records() == 1
    assert left(db, acme.tenant) >= CPNI
    assert not left(db, bolt.tenant) & CPNI
    privacy.release_hold(acme.tenant, hold.id)
    assert privacy.end_records() == 1
    assert not left(db, acme.tenant) & CPNI


@pytest.mark.parametrize("step", ["ordered", "destroyed", "rows", "removed", "cleaned"])
def test_killed_at_any_step_the_next_run_ends_it(
    two: tuple[Populated, Populated],
    db: DatabaseUrls,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    acme, _ = two
    end_of(keys, acme.tenant)
    go_to(keys, keys.clock.now().date() + timedelta(days=7 * 366))
    real, real_note = records_of("ledger"), steps._note

    def remove(alias: str, tenant: UUID, before: date) -> int:
        real.remove(alias, tenant, before)
        raise Killed  # before it commits

    def note(row: Any, **changes: Any) -> None:
        dies = row.rule == "ledger"
        if dies and str(changes.get("state", "")) == ("cleaned" if step == "removed" else step):
            raise Killed
        real_note(row, **changes)
        if dies and step == "cleaned" and changes.get("state") == "cleaned":
            raise Killed

    def carry(*args: Any) -> Any:
        raise Killed

    try:
        if step == "rows":
            register_records(privacy.Records("ledger", "ledger", real.start, remove, of_ended=True))
        elif step == "ordered":
            monkeypatch.setattr("ringfence.domains.privacy.usecases.end_records.carry_out", carry)
        else:
            monkeypatch.setattr(steps, "_note", note)
        with pytest.raises(Killed):
            privacy.end_records()
    finally:
        register_records(real)
        monkeypatch.undo()
    for order in unfinished_erasures():  # as the job does that resumes
        privacy.carry_out(order)
    privacy.end_records()
    assert not left(db, acme.tenant) & BOOKS
    ended = [one for (rule, _), one in certificates(db, acme.tenant).items() if rule == "ledger"]
    assert len(ended) == 1
    assert accounts.get_any_tenant(acme.tenant).name == ""


def test_the_database_refuses_the_books_of_who_is_there(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, bolt = two
    end_of(keys, acme.tenant)
    far = uuid7_floor(2**47)
    for tenant, call in (
        (bolt.tenant, "ringfence_end_books"),
        (bolt.tenant, "ringfence_end_consents"),
    ):
        query = sql.SQL("SELECT {}(%s, %s)").format(sql.Identifier(call))
        with (
            psycopg.connect(db.operator) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(query, [tenant, far])
    with psycopg.connect(db.operator) as connection:  # a part of the books is none
        none = connection.execute(
            "SELECT ringfence_end_books(%s, %s)", [acme.tenant, uuid7_floor(0)]
        ).fetchone()
    assert none == (0,)
    assert left(db, acme.tenant) >= BOOKS


def test_the_days_that_the_sweep_goes_on_from_keep_their_order(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, _ = two
    for day in (10_000, 10_001):
        privacy.expire(acme.tenant, "identifier", "call_records", day, actor="test")
    go_to(keys, keys.clock.now().date() + timedelta(days=7 * 366))
    privacy.end_records()
    with psycopg.connect(db.owner) as connection:
        days = connection.execute(
            "SELECT day FROM privacy_erasure WHERE tenant_id = %s AND kind = 'bucket'",
            [acme.tenant],
        ).fetchall()
    assert (10_001,) in days
    assert (10_000,) not in days
