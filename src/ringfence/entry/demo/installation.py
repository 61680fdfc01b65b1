"""The installation that the demo goes through: the one that runs, or a temporary one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ringfence.entry.demo.offer import loopback_of, receiver_host
from ringfence.entry.supervisor.messages import NotRunning, ProcessStatus, ask
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import Settings, load_settings, parse_listen

_START_SECONDS = 120.0


class DemoFailed(RingfenceError):
    """The demo could not be set up."""

    code = "demo_failed"


@dataclass(frozen=True)
class Place:
    """Where the demo takes place: an installation, and loopback addresses beside it."""

    settings: Settings

    @property
    def caller_host(self) -> str:
        return f"{loopback_of(self.settings.data_dir)}.2"

    @property
    def desk_host(self) -> str:
        return f"{loopback_of(self.settings.data_dir)}.3"

    @property
    def receiver_host(self) -> str:
        return receiver_host(self.settings)


def sip_uri(settings: Settings, number: str) -> str:
    """Where a phone on loopback reaches a number of the platform. Raises DemoFailed."""
    for listen in map(parse_listen, settings.sip.listen):
        host = ip_address(listen.host)
        if listen.transport == "udp" and (host.is_loopback or host.is_unspecified):
            return f"sip:{number}@{'127.0.0.1' if host.is_unspecified else host}:{listen.port}"
    raise DemoFailed("this installation does not listen for SIP over UDP on loopback")


def running(settings: Settings) -> Place | None:
    """The installation of the configured data directory, if it runs."""
    try:
        ask(settings, "status", None, list[ProcessStatus], 5.0)
    except NotRunning:
        return None
    return Place(settings)


@contextlib.contextmanager
def temporary() -> Iterator[Place]:
    """``ringfence serve`` in a folder of its own, removed afterwards. The environment of this
    process points to it from then on. Raises DemoFailed."""
    with tempfile.TemporaryDirectory(prefix="rf-demo-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "ringfence.toml").write_text(_settings(folder / "var"))
        os.environ["RINGFENCE_CONFIG"] = str(folder / "ringfence.toml")
        with _serving(folder):
            yield Place(load_settings())


def _settings(data_dir: Path) -> str:
    net = loopback_of(data_dir.resolve())
    host = f"{net}.1"
    database, web, live = (_free_port("127.0.0.1") for _ in range(3))
    sip = _free_port(host)
    return f"""
        [node]
        data_dir = "{data_dir}"
        drain_seconds = 0
        [database]
        embedded_port = {database}
        [sip]
        listen = ["udp://{host}:{sip}", "tcp://{host}:{sip}"]
        [media]
        bind_address = "{host}"
        workers = 1
        [egress]
        allow_networks = ["{net}.4/32"]
        [web]
        port = {web}
        [live]
        port = {live}
    """


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[None]:
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ringfence.entry.cli", "serve"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _until_serving(process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _until_serving(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while "Ringfence serves." not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise DemoFailed(f"the temporary installation does not start:\n{tail}")
        time.sleep(0.1)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
