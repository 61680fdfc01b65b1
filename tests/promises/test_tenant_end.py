"""A closed tenant comes back with everything, until the window is over; then its data is gone, and
nothing of anybody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from tests.api import ask
from tests.keys_fixture import Keys
from tests.people import make_member, make_user
from tests.population import Populated, leave_link, populate
from tests.promises.calls_to_erase import World, dump, opened
from tests.promises.test_row_level_security import TENANT_TABLES

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.usecases import end_tenant as accounts_end
from ringfence.domains.flows.prompt_file import prompt_path
from ringfence.domains.policy import api as policy
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import tenant_end
from ringfence.domains.privacy.usecases import carry_out as steps
from ringfence.domains.privacy.usecases import clean_up
from ringfence.domains.recordings.track_file import object_key, object_store
from ringfence.kernel.fields import CONTENT, RECORDINGS
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.names import Bucket, day_number
from ringfence.platform_django import keys as django_keys
from ringfence.platform_django.clock import clock, use_clock

KEPT = {
    "accounts_tenant", "audit_batch", "audit_use", "compliance_case", "compliance_disclosure",
    "compliance_notice", "consent_evidence", "consent_link", "consent_wording",
    "ledger_account", "ledger_checkpoint", "ledger_entry", "ledger_line",
    "ledger_rate", "ledger_rate_deck", "ledger_unrated", "policy_acceptance", "privacy_erasure",
    "privacy_hold",
}  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def two(db: DatabaseUrls, keys: Keys) -> Iterator[tuple[Populated, Populated]]:
    found = populate("Acme", 1), populate("Bolt", 2)
    leave_link(db.owner, *(one.tenant for one in found))
    today = day_number(clock().now())
    both = make_user("both@people.example")
    for one in found:
        make_member(both, one.tenant, "agent")
        object_store().put(object_key(one.tenant, one.recording, today), b"\x01sealed")
    with use_clock(keys.clock), django_keys.use_keys(keys.blocking("worker")):
        yield found


def rows(db: DatabaseUrls, tenant: UUID) -> dict[str, list[str]]:
    """Every row of a tenant, as the server writes it."""
    found = {}
    with psycopg.connect(db.owner) as connection:
        for table, column in TENANT_TABLES.items():
            query = sql.SQL("SELECT t::text FROM {} t WHERE {} = %s ORDER BY 1").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            found[table] = [text for (text,) in connection.execute(query, [tenant]).fetchall()]
    return found


def emails(db: DatabaseUrls) -> set[str]:
    with psycopg.connect(db.owner) as connection:
        return {row[0] for row in connection.execute("SELECT email FROM identity_user").fetchall()}


def files(tenant: UUID) -> list[str]:
    return list(object_store().list(tenant.hex))


def close(tenant: UUID) -> tuple[str, str]:
    operator = accounts.create_operator_key().secret
    path = f"/tenants/{public_id(Prefix.TENANT, tenant)}"
    assert ask("post", f"{path}/close", operator).status_code == 200
    return operator, path


def over(keys: Keys) -> None:
    """The time to come back, with the notice before its end."""
    keys.clock.advance(timedelta(days=24))
    with use_clock(keys.clock):
        policy.warn_of_ends()
    keys.clock.advance(timedelta(days=7))


def assert_gone(db: DatabaseUrls, keys: Keys, gone: Populated) -> None:
    left = {table for table, found in rows(db, gone.tenant).items() if found}
    assert left == KEPT
    assert files(gone.tenant) == []
    assert not prompt_path(keys.settings.prompt_dir, gone.tenant, gone.prompt).exists()
    assert {"owner@acme.example"}.isdisjoint(emails(db))
    assert {"both@people.example", "owner@bolt.example"} <= emails(db)
    (certificate,) = certificates(db, gone.tenant)
    assert (certificate["kind"], certificate["reason"]) == ("tenant", "closure")
    assert certificate["rows_cleared"] > 0
    assert "ledger" in certificate["stays"]


def certificates(db: DatabaseUrls, tenant: UUID) -> list[dict[str, Any]]:
    with psycopg.connect(db.owner) as connection:
        found = connection.execute(
            "SELECT certificate FROM privacy_erasure WHERE tenant_id = %s AND kind = 'tenant'",
            [tenant],
        ).fetchall()
    return [row[0] for row in found]


@pytest.mark.promise("CCA-04.0-06")
def test_the_day_before_all_is_there_and_the_day_after_nothing(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys, tmp_path: Path
) -> None:
    acme, bolt = two
    before, of_bolt = rows(db, acme.tenant), rows(db, bolt.tenant)
    assert all(before.values())
    operator, path = close(acme.tenant)
    keys.clock.advance(timedelta(days=29))
    assert accounts.end_closed_tenants() == 0
    assert ask("post", f"{path}/reactivate", operator).status_code == 200
    assert rows(db, acme.tenant) == before
    assert len(files(acme.tenant)) == 1

    assert ask("post", f"{path}/close", operator).status_code == 200
    over(keys)
    assert accounts.end_closed_tenants() == 1
    assert_gone(db, keys, acme)
    refused = ask("post", f"{path}/reactivate", operator)
    assert (refused.status_code, refused.json()["code"]) == (409, "closed_for_good")
    told = ask("get", path, operator).json()
    assert (told["name"], told["status"]) == ("Acme", "closed")
    assert told["ended_at"] is not None
    assert ask("get", "/calls", acme.secret).status_code == 401
    assert rows(db, bolt.tenant) == of_bolt
    assert len(files(bolt.tenant)) == 1
    assert ask("get", "/calls", bolt.secret).status_code == 200

    assert accounts.end_closed_tenants() == 0
    path_ = tmp_path / "certificate.json"
    path_.write_text(json.dumps(certificates(db, acme.tenant)[0]))
    tool = Path(__file__).parents[2] / "tools" / "recheck.py"
    done = subprocess.run([sys.executable, "-I", str(tool), "--certificate", str(path_)])
    assert done.returncode == 0


@pytest.mark.parametrize(
    "step", ["destroy", "destroyed", "files", "rows", "after_rows", "cleaned", "noted"]
)
def test_killed_at_any_step_the_next_run_ends_it(
    two: tuple[Populated, Populated],
    db: DatabaseUrls,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    acme, bolt = two
    of_bolt = rows(db, bolt.tenant)
    close(acme.tenant)
    over(keys)
    _kill_at(monkeypatch, step)
    with pytest.raises(Killed):
        accounts.end_closed_tenants()
    monkeypatch.undo()
    assert accounts.end_closed_tenants() == 1
    assert_gone(db, keys, acme)
    assert rows(db, bolt.tenant) == of_bolt
    assert accounts.get_any_tenant(acme.tenant).ended_at is not None


def _kill_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def die(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    def after(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            real(*args, **kwargs)
            raise Killed

        return run

    real_note = steps._note

    def note(row: Any, **changes: Any) -> None:
        if str(changes.get("state", "")) == step:
            raise Killed
        real_note(row, **changes)

    if step == "destroy":
        monkeypatch.setattr(django_keys.keys(), "destroy", die)
    elif step == "files":
        monkeypatch.setattr(clean_up, "remove_files", die)
    elif step == "rows":
        monkeypatch.setattr(clean_up, "remove_rows", die)
    elif step == "after_rows":
        monkeypatch.setattr(clean_up, "remove_rows", after(tenant_end.remove_rows))
    elif step == "noted":
        monkeypatch.setattr(accounts_end.privacy, "end_tenant", after(privacy.end_tenant))
    else:
        monkeypatch.setattr(steps, "_note", note)


def test_the_database_refuses_to_empty_a_tenant_that_may_come_back(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, bolt = two
    close(acme.tenant)
    for tenant in (acme.tenant, bolt.tenant):
        with (
            psycopg.connect(db.operator) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT ringfence_end_tenant(%s, %s)", [tenant, clock().now()])


@pytest.fixture
def world(db: DatabaseUrls, keys: Keys, tmp_path: Path) -> Iterator[World]:
    with django_keys.use_keys(keys.blocking("worker")):
        yield World(keys, tmp_path / "spool")


def test_what_a_legal_hold_covers_stays_until_its_release(
    world: World, db: DatabaseUrls, keys: Keys
) -> None:
    today = day_number(world.now)
    recorded = world.of_subject[0]
    assert recorded.recording is not None
    held = [recorded.recording, *(item.id for item in recorded.tracks)]
    hold = privacy.place_hold(
        world.tenant,
        [privacy.HeldPerson(world.subject, today, today)],
        [privacy.HeldItem(item, Bucket(CONTENT, RECORDINGS, day=today)) for item in held],
        actor="test",
    )
    others = {call.id for call in world.of_others[2:]}
    of_others = dump(db, others)
    close(world.tenant)
    over(keys)
    with use_clock(keys.clock):
        assert accounts.end_closed_tenants() == 1
        value, text = recorded.values[0]
        worker = keys.blocking()
        assert worker.open(world.tenant, "legal", [value], actor="test", hold=hold.id) == [text]
        assert len(files(world.tenant)) == len(recorded.tracks)
        with psycopg.connect(db.owner) as connection:
            sealed = connection.execute(
                "SELECT id FROM calls_call WHERE tenant_id = %s AND caller_sealed IS NOT NULL",
                [world.tenant],
            ).fetchall()
        assert sealed == [(recorded.id,)]
        for call in (*world.of_subject, *world.of_others[:2]):
            assert not any(opened(keys, call))
        privacy.release_hold(world.tenant, hold.id)
        assert files(world.tenant) == []
        assert worker.open(world.tenant, "legal", [value], actor="test", hold=hold.id) != [text]
    with psycopg.connect(db.owner) as connection:
        for table in ("calls_call", "calls_journal", "calls_leg", "recordings_track"):
            query = sql.SQL("SELECT 1 FROM {} WHERE tenant_id = %s").format(sql.Identifier(table))
            assert connection.execute(query, [world.tenant]).fetchone() is None, table
    assert dump(db, others) == of_others
    for call in world.of_others[2:]:
        assert all(opened(keys, call))


def test_a_restore_of_an_older_backup_repeats_the_end(
    two: tuple[Populated, Populated], db: DatabaseUrls, keys: Keys
) -> None:
    acme, bolt = two
    of_bolt = rows(db, bolt.tenant)
    close(acme.tenant)
    over(keys)
    assert accounts.end_closed_tenants() == 1
    with psycopg.connect(db.owner) as connection:  # as it was before it was closed
        connection.execute(
            "UPDATE accounts_tenant SET status = 'active', closed_at = NULL, ends_at = NULL,"
            " ended_at = NULL WHERE id = %s",
            [acme.tenant],
        )
        connection.execute(
            "INSERT INTO accounts_api_key (id, tenant_id, name, secret_hash, last4, scopes,"
            " purposes, created_at, allowed_networks) VALUES (gen_random_uuid(), %s, 'restored',"
            " sha256('restored'), 'aaaa', '{}', '{}', now(), '{}')",
            [acme.tenant],
        )
    object_store().put(object_key(acme.tenant, acme.recording, 20_500), b"\x01sealed")
    privacy.replay(keys.blocking().journal())
    assert_gone(db, keys, acme)
    assert rows(db, bolt.tenant) == of_bolt
    assert accounts.end_closed_tenants() == 1
    assert accounts.get_any_tenant(acme.tenant).status == "closed"
