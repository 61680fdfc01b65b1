"""The processes ``web`` and ``worker`` as they are started, and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from tests.keys_fixture import Keys
from tests.population import populate

from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.access import Session


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Installation:
    """Starts processes of one installation and ends whatever is left of them."""

    def __init__(self, urls: DatabaseUrls, data_dir: Path) -> None:
        self.port = free_port()
        self._environment = {
            **os.environ,
            "RINGFENCE_NODE__DATA_DIR": str(data_dir),
            "RINGFENCE_DATABASE__OWNER_URL": urls.owner,
            "RINGFENCE_DATABASE__APP_URL": urls.app,
            "RINGFENCE_DATABASE__OPERATOR_URL": urls.operator,
            "RINGFENCE_DATABASE__CALLPLANE_URL": urls.callplane,
            "RINGFENCE_DATABASE__IDENTITY_URL": urls.identity,
            "RINGFENCE_WEB__PORT": str(self.port),
        }
        self._started: list[psutil.Process] = []

    def start(self, name: str) -> psutil.Process:
        code = f"from ringfence.entry.cli import cli; cli(['{name}'])"
        child = subprocess.Popen([sys.executable, "-c", code], env=self._environment)
        process = psutil.Process(child.pid)
        self._started.append(process)
        return process

    def command(self, *words: str) -> int:
        """Exit status of a command that ends by itself."""
        code = f"from ringfence.entry.cli import cli; cli({list(words)})"
        return subprocess.run(
            [sys.executable, "-c", code], env=self._environment, check=False, timeout=60
        ).returncode

    def get(self, path: str, key: str | None = None) -> tuple[int, dict[str, object]]:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def serves(self) -> bool:
        try:
            return self.get("/api/v1/health")[0] == 200
        except OSError:
            return False

    def end(self) -> None:
        for process in self._started:
            try:
                family = [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for member in family:
                if member.is_running():
                    member.kill()
            process.wait(10)


@pytest.fixture
def installation(db: DatabaseUrls, keys: Keys) -> Iterator[Installation]:
    started = Installation(db, keys.settings.data_dir)
    try:
        yield started
    finally:
        started.end()


def test_web_serves_and_stops(installation: Installation) -> None:
    someone = populate("Acme", 1)
    web = installation.start("web")
    until(installation.serves)
    status, body = installation.get("/api/v1/calls", someone.secret)
    assert status == 200
    (call,) = body["calls"]  # type: ignore[misc]
    assert call["from_number"] == "+14155550100", "opened by the key owner beside it"
    web.send_signal(signal.SIGTERM)
    assert web.wait(15) == 0
    assert not installation.serves()


def test_who_ends_holds_no_key(
    installation: Installation, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server that is stopped, and a command that did its work: nobody waits for them."""
    lent_to: set[str] = set()
    lend = Session.lend_until

    def noted(session: Session, until: float) -> None:
        lent_to.add(session.credential)
        lend(session, until)

    monkeypatch.setattr(Session, "lend_until", noted)
    someone = populate("Acme", 1)
    keys.stop()
    keys.lease_seconds = 600  # none of them ends by itself here
    keys.start()

    def leases() -> int:
        return keys.blocking("worker").call("status", None, m.Status).leases

    assert leases() == 0
    web = installation.start("web")
    until(installation.serves)
    assert installation.get("/api/v1/calls", someone.secret)[0] == 200
    assert leases() == 1
    web.send_signal(signal.SIGTERM)
    assert web.wait(15) == 0
    assert leases() == 0
    assert installation.command("staff", "invite", "ana@example.com") == 0
    assert lent_to == {"web", "cli"} and leases() == 0


def test_killed_web_leaves_nobody_serving(installation: Installation) -> None:
    web = installation.start("web")
    until(installation.serves)
    family = [web, *web.children(recursive=True)]
    assert len(family) >= 2, "the server has a worker process, or this test proves nothing"
    web.kill()
    web.wait(10)
    until(lambda: not any(p.is_running() and p.status() != "zombie" for p in family), 5)
    assert not installation.serves()


def _jobs(urls: DatabaseUrls, where: str) -> int:
    with psycopg.connect(urls.app) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM procrastinate_jobs WHERE {where}"  # type: ignore[arg-type]
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_worker_creates_partitions(db: DatabaseUrls, installation: Installation) -> None:
    from ringfence.platform_django.tasks import ensure_partitions

    with psycopg.connect(db.owner, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' "
            "AND relname ~ '^calls_call_p[0-9]+$' ORDER BY 1"
        ).fetchall()
        newest = tables[-1][0]
        connection.execute(f"DROP TABLE {newest}")  # type: ignore[arg-type]
    ensure_partitions.defer(timestamp=0)
    installation.start("worker")

    def created() -> bool:
        with psycopg.connect(db.owner) as connection:
            found = connection.execute("SELECT to_regclass(%s)", [newest]).fetchone()
        return found is not None and found[0] is not None

    until(created)


def test_stalled_job_is_run_again(db: DatabaseUrls, installation: Installation) -> None:
    """As after kill -9 of a worker: its job stands as being done, by a worker long silent."""
    from ringfence.platform_django.tasks import ensure_partitions, retry_stalled

    ensure_partitions.defer(timestamp=0)
    with psycopg.connect(db.owner) as connection:
        connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
        )
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', "
            "worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )
    assert _jobs(db, "status = 'doing' AND task_name = 'platform.ensure_partitions'") == 1
    retry_stalled.defer(timestamp=0)
    installation.start("worker")
    until(lambda: _jobs(db, "task_name = 'platform.ensure_partitions'") == 0, 60)


def test_worker_outlives_its_connections(
    postgres: str, db: DatabaseUrls, installation: Installation
) -> None:
    """As when the database restarts: procrastinate's own worker would end."""
    from ringfence.platform_django.tasks import ensure_partitions

    def all_done() -> bool:
        return _jobs(db, "task_name = 'platform.ensure_partitions'") == 0

    worker = installation.start("worker")
    ensure_partitions.defer(timestamp=0)
    until(all_done)
    connections["default"].close()
    with psycopg.connect(postgres) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND usename = 'ringfence_app'",
            [conninfo_to_dict(db.app)["dbname"]],
        ).fetchall()
    assert (True,) in ended
    ensure_partitions.defer(timestamp=0)
    until(all_done)
    assert worker.is_running()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(25) == 0


def test_web_writes_the_request_log(db: DatabaseUrls, installation: Installation) -> None:
    """While it serves; what came in the last second too, when it is told to stop."""
    someone = populate("Acme", 1)
    with psycopg.connect(db.owner, autocommit=True) as owner:
        owner.execute("DELETE FROM accounts_request")

        def logged() -> list[tuple[str, str]]:
            return owner.execute("SELECT route, network FROM accounts_request").fetchall()

        web = installation.start("web")
        until(installation.serves)
        assert installation.get("/api/v1/tenant", someone.token)[0] == 403  # only calls:read
        until(lambda: logged() == [("/api/v1/tenant", "127.0.0.0/24")])
        for _ in range(3):
            assert installation.get("/api/v1/tenant", someone.secret)[0] == 200
        web.send_signal(signal.SIGTERM)
        assert web.wait(15) == 0
        assert len(logged()) == 4
