"""Partitions under a moved clock, jobs inside transactions, and preparing a database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction
from tests.database import role_urls
from tests.population import record_call

from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django import roles
from ringfence.platform_django.clock import new_id, use_clock
from ringfence.platform_django.partitions import ensure_partitions
from ringfence.platform_django.tasks import ensure_partitions as ensure_partitions_job

FAR = datetime(2031, 1, 31, 23, 59, 59, 999000, tzinfo=UTC)
TABLES = (
    *("accounts_request", "audit_use", "calls_call", "calls_journal", "calls_leg", "calls_tag"),
    "processors_sent",
)


@pytest.fixture
def far(db: DatabaseUrls) -> Iterator[ManualClock]:
    """A clock in a month that has no partition yet; what it made is dropped afterwards."""
    clock = ManualClock(FAR)
    with use_clock(clock):
        yield clock
    with psycopg.connect(db.owner) as connection:
        for table in TABLES:
            for month in ("203101", "203102", "203103"):
                connection.execute(f"DROP TABLE IF EXISTS {table}_p{month}")  # type: ignore[arg-type]


def partition_of(urls: DatabaseUrls, call: UUID) -> str:
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(
            "SELECT tableoid::regclass::text FROM calls_call WHERE id = %s", [call]
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_row_goes_to_the_month_of_its_id(far: ManualClock, db: DatabaseUrls) -> None:
    assert ensure_partitions(1) == 2 * len(TABLES)
    assert ensure_partitions(1) == 0
    last = new_id()
    far.advance(timedelta(milliseconds=1))
    first = new_id()
    for call in (last, first):
        record_call(call, new_id(), None)
    assert partition_of(db, last) == "calls_call_p203101"
    assert partition_of(db, first) == "calls_call_p203102"


def test_rows_without_a_month_are_kept_and_moved(far: ManualClock, db: DatabaseUrls) -> None:
    call = new_id()
    record_call(call, new_id(), None)
    assert partition_of(db, call) == "calls_call_default"
    ensure_partitions(0)
    assert partition_of(db, call) == "calls_call_p203101"
    with psycopg.connect(db.owner) as connection:
        state = connection.execute(
            "SELECT relrowsecurity, relforcerowsecurity, relacl FROM pg_class "
            "WHERE relname = 'calls_call_p203101'"
        ).fetchone()
    assert state == (True, True, None)


def test_the_floor_of_a_month_is_the_kernels(db: DatabaseUrls) -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT ringfence_uuid7_floor(%s)", [moment.replace(tzinfo=None)]
        ).fetchone()
    assert row == (uuid7_floor(int(moment.timestamp() * 1000)),)


def jobs(urls: DatabaseUrls) -> int:
    with psycopg.connect(urls.app) as connection:
        row = connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
    assert row is not None
    return int(row[0])


def test_a_rolled_back_enqueue_leaves_no_job(db: DatabaseUrls) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ensure_partitions_job.defer(timestamp=0)
        raise ZeroDivisionError
    assert jobs(db) == 0
    with transaction.atomic():
        ensure_partitions_job.defer(timestamp=0)
        assert jobs(db) == 0
    assert jobs(db) == 1


async def test_also_inside_the_worker(db: DatabaseUrls) -> None:
    """A task of the worker enqueues on Django's connection, not on the worker's own."""
    from procrastinate.contrib.django import app

    from ringfence.entry.worker import worker_app

    outcome: list[str] = []

    @app.task(name="test.never")
    def never() -> None:
        outcome.append("ran")

    @app.task(name="test.enqueue_and_fail")
    def enqueue_and_fail() -> None:
        with transaction.atomic():
            never.defer()
            outcome.append("enqueued")
            raise ZeroDivisionError

    try:
        await enqueue_and_fail.defer_async()
        worker = worker_app()
        async with worker.open_async():
            await worker.run_worker_async(
                wait=False, install_signal_handlers=False, listen_notify=False
            )
    finally:
        app.tasks.pop("test.enqueue_and_fail")
        app.tasks.pop("test.never")
    assert outcome == ["enqueued"]
    with psycopg.connect(db.app) as connection:
        rows = connection.execute("SELECT task_name, status FROM procrastinate_jobs").fetchall()
    assert ("test.enqueue_and_fail", "failed") in rows
    assert "test.never" not in {name for name, _ in rows}


def test_roles_cannot_do_more_than_they_should(db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        found = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
            "WHERE rolname LIKE 'ringfence%' ORDER BY 1"
        ).fetchall()
    assert found == [
        ("ringfence_app", False, False, False, False),
        ("ringfence_callplane", False, False, False, False),
        ("ringfence_identity", False, False, False, False),
        ("ringfence_operator", False, True, False, False),
        ("ringfence_owner", False, True, False, False),
    ]
    for url in (db.app, db.operator, db.callplane, db.identity):
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE mine (id int)")


def test_set_up_can_be_repeated_at_once(postgres: str, tmp_path: Path) -> None:
    urls = role_urls(postgres, f"setup_{tmp_path.name.replace('-', '_')}"[:60])
    errors: list[BaseException] = []

    def set_up() -> None:
        try:
            roles.setup_database(postgres, urls)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=set_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with psycopg.connect(urls.app) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("ringfence_app",)


def test_migrating_again_changes_nothing(db: DatabaseUrls) -> None:
    roles.migrate(db.owner)
    connections["owner"].close()


def test_a_url_must_name_its_role(db: DatabaseUrls) -> None:
    swapped = DatabaseUrls(
        owner=db.owner,
        app=db.owner,
        operator=db.operator,
        callplane=db.callplane,
        identity=db.identity,
    )
    with pytest.raises(roles.DatabaseRoleError, match="ringfence_app"):
        roles.check_roles(swapped)


def test_set_up_of_another_server_as_documented(postgres: str) -> None:
    urls = role_urls(postgres, f"documented_{os.getpid()}")
    environment = {
        **os.environ,
        "RINGFENCE_DATABASE__OWNER_URL": urls.owner,
        "RINGFENCE_DATABASE__APP_URL": urls.app,
        "RINGFENCE_DATABASE__OPERATOR_URL": urls.operator,
        "RINGFENCE_DATABASE__CALLPLANE_URL": urls.callplane,
        "RINGFENCE_DATABASE__IDENTITY_URL": urls.identity,
    }
    for arguments in (
        ["-m", "ringfence.entry.database", postgres],
        ["-c", "from ringfence.entry.cli import cli; cli(['prepare'])"],
    ):
        subprocess.run([sys.executable, *arguments], env=environment, check=True, timeout=60)
    with psycopg.connect(urls.app) as connection:
        assert connection.execute("SELECT count(*) FROM calls_call").fetchone() == (0,)
