"""The audit trail at its entrances: REST API, command line, jobs; and who may write it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from django.conf import settings as django_settings
from django.test import Client

from ringfence.domains.accounts import api as accounts
from ringfence.entry import audit as command
from ringfence.kernel.clock import ManualClock, to_micros
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.audit import AuditSpool, audit_directory
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import DatabaseSettings, NodeSettings, Settings
from ringfence.platform.storage import open_store
from ringfence.platform_django.audit import tasks
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import use_clock

START = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
CALL = "CA" + "5" * 32


class Customer(NamedTuple):
    tenant: UUID
    secret: str


@pytest.fixture
def two(db: DatabaseUrls) -> tuple[Customer, Customer]:
    made = [accounts.create_tenant(name).id for name in ("Acme", "Bolt")]
    one, other = (Customer(tenant, accounts.create_api_key(tenant).secret) for tenant in made)
    return one, other


@pytest.fixture
def installation(
    db: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    settings = Settings(
        node=NodeSettings(data_dir=tmp_path),
        database=DatabaseSettings(
            owner_url=db.owner,
            app_url=db.app,
            operator_url=db.operator,
            callplane_url=db.callplane,
            identity_url=db.identity,
        ),
    )
    monkeypatch.setattr(command, "load_settings", lambda: settings)
    monkeypatch.setattr(django_settings, "RINGFENCE", settings)
    yield settings


def record(settings: Settings, *uses: UseRecord) -> None:
    spool = AuditSpool(settings, "web")
    for use in uses:
        spool(use)
    spool.close()
    sealer = AuditSealer(settings)
    sealer.seal()
    sealer.close()


def use(tenant: UUID, minute: int, *objects: str, purpose: str = "support") -> UseRecord:
    at = to_micros(START + timedelta(minutes=minute))
    return UseRecord(at, "web", "key:7", tenant, "open", purpose, objects, "ok")


def ask(key: str, query: str = "") -> Any:
    client = Client(raise_request_exception=False)
    return client.get(f"/api/v1/audit/uses{query}", headers={"Authorization": f"Bearer {key}"})


def minutes(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    moments = [datetime.fromisoformat(item["at"]) for item in answer.json()["uses"]]
    return [int((moment - START).total_seconds() // 60) for moment in moments]


def test_who_looked_at_this(two: tuple[Customer, Customer], installation: Settings) -> None:
    own, other = two
    record(
        installation,
        use(own.tenant, 1, CALL),
        use(own.tenant, 2, "CA" + "6" * 32),
        use(own.tenant, 3, "CA" + "6" * 32, CALL[2:], purpose="billing"),
        use(other.tenant, 4, CALL),
    )
    answer = ask(own.secret, f"?object={CALL}")
    assert minutes(answer) == [3, 1]
    newest = answer.json()["uses"][0]
    assert newest.pop("id").startswith("AU")
    assert newest == {
        "at": "2026-11-22T13:03:00Z",
        "credential": "web",
        "actor": "key:7",
        "action": "open",
        "purpose": "billing",
        "objects": ["CA" + "6" * 32, CALL[2:]],
        "outcome": "ok",
    }
    assert minutes(ask(other.secret, f"?object={CALL}")) == [4]
    assert minutes(ask(own.secret, "?object=CA" + "9" * 32)) == []
    assert minutes(ask(own.secret, "?since=2026-11-22T13:02:00Z")) == [3, 2]
    assert minutes(ask(own.secret, f"?object={CALL}&since=2026-11-22T13:02:00Z")) == [3]
    assert minutes(ask(own.secret, "?since=0001-01-01T00:00:00Z&limit=3")) == [3, 2, 1]


@pytest.mark.parametrize("query", ["", f"&object={CALL}"])
def test_pages(two: tuple[Customer, Customer], installation: Settings, query: str) -> None:
    own, _ = two
    record(installation, *(use(own.tenant, minute, CALL) for minute in range(7)))
    seen: list[int] = []
    cursor = ""
    for _ in range(10):
        answer = ask(own.secret, f"?limit=3&since=2026-11-22T13:00:00Z{query}{cursor}")
        seen += minutes(answer)
        following = answer.json()["next"]
        if following is None:
            break
        cursor = f"&cursor={following}"
    assert seen == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=201", "?cursor=x", "?since=yesterday", "?object="]
)
def test_bad_questions(two: tuple[Customer, Customer], query: str) -> None:
    assert ask(two[0].secret, query).status_code == 422


def test_the_scope_is_needed(two: tuple[Customer, Customer]) -> None:
    key = accounts.create_api_key(two[0].tenant, "calls only", ("calls:read",))
    answer = ask(key.secret)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("table", ["audit_use", "audit_batch"])
def test_the_trail_is_append_only(
    two: tuple[Customer, Customer], db: DatabaseUrls, installation: Settings, table: str
) -> None:
    record(installation, use(two[0].tenant, 1, CALL))
    statements = (
        f"UPDATE {table} SET tenant_id = tenant_id",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
    )
    for url, allowed in ((db.app, 0), (db.operator, 1), (db.callplane, 0)):
        done = 0
        for statement in statements:
            with psycopg.connect(url, autocommit=True) as connection:
                try:
                    connection.execute(statement)
                except psycopg.errors.InsufficientPrivilege:
                    continue
                except psycopg.errors.UniqueViolation:  # it may insert
                    pass
                done += 1
        assert done == allowed, url.partition("user=")[2].split()[0]


def test_only_the_operator_drops_months(db: DatabaseUrls) -> None:
    for url in (db.app, db.callplane):
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT ringfence_drop_audit_before(now())")


def test_the_index_on_objects_is_used(db: DatabaseUrls) -> None:
    """The function asks as the owner: as the application role the planner would not use it."""
    question = "EXPLAIN SELECT * FROM audit_use WHERE tenant_id = %s AND object_ids && %s"
    values = [UUID(int=1), [CALL]]
    with psycopg.connect(db.owner, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO audit_use SELECT gen_random_uuid(), %s, now(), 'web', 'key:1', 'open', "
            "'service', ARRAY['CA' || n], 'ok', 1, n, 'x' FROM generate_series(1, 20000) AS n",
            [UUID(int=1)],
        )
        connection.execute("ANALYZE audit_use")
        assert "object_ids_idx" in str(connection.execute(question, values).fetchall())
    with psycopg.connect(db.app) as connection:
        assert "object_ids_idx" not in str(connection.execute(question, values).fetchall())


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command.audit_command, arguments)


def test_the_command_line(two: tuple[Customer, Customer], installation: Settings) -> None:
    own, other = two
    record(installation, use(own.tenant, 1, CALL), use(other.tenant, 2, CALL))
    record(installation, use(own.tenant, 3), use(other.tenant, 4))
    tenant = public_id(Prefix.TENANT, own.tenant)

    listed = json.loads(run("list", "--tenant", tenant, "--object", CALL, "--json").output)
    assert [(item["actor"], item["purpose"]) for item in listed] == [("key:7", "support")]
    assert f"key:7 open support ok {CALL}" in run("list", "--tenant", tenant).output
    assert run("list", "--tenant", "nobody").exit_code == 2

    heads = json.loads(run("heads", "--json").output)
    assert {(item["tenant"], item["seq"]) for item in heads} == {
        (tenant, 2),
        (public_id(Prefix.TENANT, other.tenant), 2),
    }
    assert heads[0]["head"] in run("heads").output

    whole = run("verify", "--json")
    assert whole.exit_code == 0, whole.output
    report = json.loads(whole.output)
    assert (report["ok"], report["batches"], report["records"]) == (True, 4, 4)
    assert "whole" in run("verify").output

    with psycopg.connect(installation.database.owner_url or "") as connection:
        connection.execute("DELETE FROM audit_use WHERE tenant_id = %s", [own.tenant])
    broken = run("verify", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.output)["problems"][0] == {
        "code": "record_removed",
        "tenant": tenant,
        "batch": 1,
        "detail": "index 0",
    }
    assert f"record_removed: {tenant} batch 1: index 0" in run("verify").output
    assert run("verify", "--tenant", public_id(Prefix.TENANT, other.tenant)).exit_code == 0


def test_the_job_exports_heads_and_verify_holds_the_database_to_them(
    two: tuple[Customer, Customer], installation: Settings
) -> None:
    record(installation, *(use(customer.tenant, 1, CALL) for customer in two))
    store = open_store(installation.heads_url, installation.storage)
    clock = ManualClock(START)
    with use_clock(clock):
        tasks.export_heads(0)
        tasks.export_heads(0)
        assert list(store.list()) == ["heads-2026-11-22.json"]
        clock.advance(timedelta(hours=11))
        tasks.export_heads(0)
        assert sorted(store.list()) == ["heads-2026-11-22.json", "heads-2026-11-23.json"]
        tasks.drop_expired(0)
    report = json.loads(run("verify", "--json").output)
    assert (report["ok"], report["heads"]) == (True, 2), report
    with psycopg.connect(installation.database.owner_url or "") as connection:
        connection.execute("DELETE FROM audit_batch")
        connection.execute("DELETE FROM audit_use")
    broken = run("verify", "--json")
    assert broken.exit_code == 1
    codes = {problem["code"] for problem in json.loads(broken.output)["problems"]}
    assert codes == {"exported_batch_missing"}


def test_an_export_is_tried_again_until_it_succeeds(installation: Settings) -> None:
    folder = installation.data_dir / "audit-heads"
    folder.write_text("in the way")
    with use_clock(ManualClock(START)):
        with pytest.raises(Exception, match=r"."):
            tasks.export_heads(0)
        folder.unlink()
        tasks.export_heads(0)
    assert (folder / "heads-2026-11-22.json").is_file()


def test_the_process_control_seals_what_others_leave(
    two: tuple[Customer, Customer], db: DatabaseUrls, tmp_path: Path
) -> None:
    settings = Settings(node=NodeSettings(data_dir=tmp_path))
    urls = {name.upper(): url for name, url in asdict(db).items()}
    environment = {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(tmp_path),
        **{f"RINGFENCE_DATABASE__{role}_URL": url for role, url in urls.items()},
    }
    dead = AuditSpool(settings, "cli")
    dead(use(two[0].tenant, 1, CALL))
    dead.close()
    code = "from ringfence.entry.cli import cli; cli(['control'])"
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        try:
            deadline = time.monotonic() + 60
            while list(audit_directory(settings).glob("cli-*")) and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            process.kill()
    assert list(audit_directory(settings).iterdir()) == []
    assert minutes(ask(two[0].secret, f"?object={CALL}")) == [1]
