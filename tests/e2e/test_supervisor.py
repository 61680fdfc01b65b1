"""A complete installation under its supervisor: order, deaths, drain, no orphans."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from tests.e2e.harness.installation import SERVICES, Installation, started
from tests.e2e.harness.wait import wait_until

pytestmark = pytest.mark.e2e

MEDIA = {"media-0", "media-1"}
RETURN_SECONDS = 3.0
"""Bound for signalling to listen again: well under a second on an idle machine, which this may not
be."""


async def until_listening(installation: Installation) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            _, writer = await asyncio.open_connection(*installation.sip)
        except OSError:
            assert time.monotonic() < deadline, "signalling does not listen"
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


@pytest.fixture(scope="module")
def own_installation() -> Iterator[Installation]:
    with started() as made:
        yield made


def test_every_process_serves_in_start_order(installation: Installation) -> None:
    status = installation.status()
    assert set(status) == SERVICES | MEDIA
    assert {item["state"] for item in status.values()} == {"ready"}
    order = list(status)
    assert order[0] == "database"
    assert order.index("keys") < order.index("control") < order.index("signalling")
    assert order.index("media-1") < order.index("signalling")
    assert order.index("signalling") < order.index("web")


async def test_signalling_is_back_within_a_second(installation: Installation) -> None:
    before = installation.status()
    old = installation.kill("signalling")
    began = time.monotonic()
    while psutil.pid_exists(old):  # until it is reaped its sockets may still be open
        await asyncio.sleep(0.001)
    await until_listening(installation)
    took = time.monotonic() - began
    print(f"signalling listens again after {took:.2f} s")
    assert took < RETURN_SECONDS
    await installation.replaced("signalling", old)
    after = installation.status()
    assert after["signalling"]["restarts"] == before["signalling"]["restarts"] + 1
    for name in set(before) - {"signalling"}:
        assert after[name]["pid"] == before[name]["pid"], name


@pytest.mark.parametrize("victim", ["owner", "server"])
async def test_the_database_comes_back_and_nobody_else_is_restarted(
    installation: Installation, victim: str
) -> None:
    before = installation.status()
    old = before["database"]["pid"]
    server = psutil.Process(old).children()[0]
    os.kill(old if victim == "owner" else server.pid, signal.SIGKILL)
    await installation.replaced("database", old)
    after = installation.status()
    for name in set(before) - {"database"}:
        assert after[name]["pid"] == before[name]["pid"], (name, installation.log_tail())
        assert after[name]["state"] == "ready"
    assert installation.cli("tenant", "list") == []


async def test_restart_by_name(installation: Installation) -> None:
    old = installation.pid("web")
    status = {item["name"]: item for item in installation.cli("restart", "web")}
    assert status["web"]["pid"] != old
    assert status["web"]["state"] == "ready"
    assert status["web"]["restarts"] == 0


def test_a_second_supervisor_is_refused(installation: Installation) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", "serve"],
        cwd=installation.folder,
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("ringfence: already_running: ")


def test_doctor_finds_a_running_installation_healthy(installation: Installation) -> None:
    findings = {item["name"]: item for item in installation.cli("doctor")}
    assert findings["row-level security"]["observed"].startswith("forced on all")
    assert findings[f"port udp://{installation.host}:5060"]["observed"] == "ours"
    assert [item for item in findings.values() if not item["ok"]] == []


def test_kill_of_the_supervisor_leaves_no_orphan_and_it_starts_again(
    own_installation: Installation,
) -> None:
    family = own_installation.family()
    assert any("postgres" in process.name() for process in family)
    assert own_installation.process is not None
    own_installation.process.kill()
    own_installation.process.wait(5)
    _, alive = psutil.wait_procs(family[1:], timeout=10)
    assert [process.pid for process in alive] == []

    (own_installation.folder / "serve.log").unlink()
    own_installation.start()
    wait_until(
        lambda: {item["state"] for item in own_installation.status().values()} == {"ready"}, 10
    )


def test_sigterm_stops_in_opposite_order(own_installation: Installation) -> None:
    family = own_installation.family()
    assert len(family) > 8
    assert own_installation.process is not None
    own_installation.process.send_signal(signal.SIGTERM)
    assert own_installation.process.wait(30) == 0
    assert [process.pid for process in family if process.is_running()] == []
    ends = [
        record["kv"]["name"]
        for line in own_installation.log_tail(400).splitlines()
        if line.startswith("{") and (record := json.loads(line))["message"] == "process ended"
    ]
    assert set(ends) == SERVICES | MEDIA
    stages = [
        {"worker", "web", "live"},
        {"signalling"},
        MEDIA | {"control", "speech"},
        {"keys", "egress"},
        {"database"},
    ]
    for stage in stages:
        assert set(ends[: len(stage)]) == stage
        ends = ends[len(stage) :]
