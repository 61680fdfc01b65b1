"""A real installation for a test: ``ringfence serve`` on loopback addresses of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tests.e2e.harness.wait import happens, wait_until

SERVICES = {
    "database",
    "keys",
    "control",
    "speech",
    "signalling",
    "web",
    "live",
    "worker",
    "egress",
}
SIP_PORT = 5060
_RINGFENCE = (sys.executable, "-m", "ringfence.entry.cli")


@dataclass(frozen=True)
class Tenant:
    """A tenant with an API key that may read everything of its own."""

    id: str
    secret: str


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free_network() -> tuple[int, socket.socket]:
    """The second byte of a 127.x.0.0/16 that no other installation uses, and what keeps it ours."""
    for second in random.sample(range(40, 240), 200):
        claim = socket.socket()
        with contextlib.suppress(OSError):
            claim.bind((f"127.{second}.255.1", 5059))
            return second, claim
        claim.close()
    raise RuntimeError("no free loopback network")


@dataclass
class Installation:
    """Addresses: ``sip`` is the platform; ``caller()`` gives one that its carrier trunk knows,
    ``stranger()`` one that no trunk knows, ``callee()`` one to listen on."""

    folder: Path
    network: int
    web_port: int
    live_port: int
    environment: dict[str, str]
    t1: float
    rtp_ports: tuple[int, int]
    program: tuple[str, ...] = _RINGFENCE
    """What is run for ``ringfence serve``."""
    process: subprocess.Popen[bytes] | None = None
    _claim: socket.socket | None = None
    _hosts: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def create(
        cls,
        *,
        t1_ms: int = 500,
        workers: int = 2,
        sip: dict[str, Any] | None = None,
        media: dict[str, Any] | None = None,
        rtp_ports: tuple[int, int] = (20000, 23999),
        drain_seconds: float = 0,
        program: tuple[str, ...] = _RINGFENCE,
        accounts: dict[str, Any] | None = None,
    ) -> "Installation":
        """Write the settings of a new installation; ``start`` runs it."""
        folder = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
        folder.chmod(0o755)
        network, claim = _free_network()
        host = f"127.{network}.0.1"
        web, live, database = _free_port(), _free_port(), _free_port()
        sections: dict[str, dict[str, Any]] = {
            "node": {"data_dir": str(folder / "var"), "drain_seconds": drain_seconds},
            "database": {"embedded_port": database},
            "sip": {
                "listen": [f"udp://{host}:{SIP_PORT}", f"tcp://{host}:{SIP_PORT}"],
                "t1_ms": t1_ms,
                **(sip or {}),
            },
            "media": {
                "workers": workers,
                "bind_address": host,
                "rtp_port_min": rtp_ports[0],
                "rtp_port_max": rtp_ports[1],
                **(media or {}),
            },
            "web": {"port": web},
            "live": {"port": live},
            "egress": {"allow_networks": ["127.0.0.0/8"]},
            "log": {"format": "json"},
            "accounts": accounts or {},
            "privacy": {"examine": False},
        }
        lines = []
        for name, values in sections.items():
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
        (folder / "ringfence.toml").write_text("\n".join(lines) + "\n")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RINGFENCE_", "DJANGO_"))}
        environment = clean | {"RINGFENCE_CONFIG": str(folder / "ringfence.toml")}
        return cls(
            folder, network, web, live, environment, t1_ms / 1000, rtp_ports, program, _claim=claim
        )

    # --- addresses -------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        return f"127.{self.network}.0.1"

    @property
    def sip(self) -> tuple[str, int]:
        return self.host, SIP_PORT

    def uri(self, number: str, transport: str = "udp") -> str:
        """What a caller dials for a number."""
        suffix = ";transport=tcp" if transport == "tcp" else ""
        return f"sip:{number}@{self.host}:{SIP_PORT}{suffix}"

    def caller(self) -> str:
        """An address inside the carrier trunk's network, each time another."""
        return f"127.{self.network}.1.{next(self._hosts) % 250 + 1}"

    def callee(self) -> str:
        """An address to take calls on, each time another."""
        return f"127.{self.network}.2.{next(self._hosts) % 250 + 1}"

    def stranger(self) -> str:
        """An address that no trunk has."""
        return f"127.{self.network}.9.{next(self._hosts) % 250 + 1}"

    def telephone(self) -> str:
        """An E.164 number, each time another."""
        return f"+1212{5550000 + next(self._numbers)}"

    # --- processes -------------------------------------------------------------------------------

    def start(self, within: float = 90.0) -> None:
        """Run ``ringfence serve`` and wait until every process serves."""
        log = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [*self.program, "serve"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"serve ended\n{self.log_tail()}"
            return "Ringfence serves." in (self.folder / "serve.log").read_text(errors="replace")

        try:
            wait_until(ready, within, what="ringfence serve")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from None

    def status(self) -> dict[str, dict[str, Any]]:
        """What ``ringfence status`` says, by process name."""
        return {item["name"]: item for item in self.cli("status")}

    def pid(self, name: str) -> int:
        """The process that runs under this name now."""
        return int(self.status()[name]["pid"])

    def kill(self, name: str) -> int:
        """kill -9 of one process; returns its pid."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    async def replaced(self, name: str, old_pid: int, within: float = 30.0) -> int:
        """Wait until another process serves under this name; returns its pid."""
        deadline = time.monotonic() + within
        while True:
            item = (await asyncio.to_thread(self.status))[name]
            if item["state"] == "ready" and item["pid"] not in (None, old_pid):
                return int(item["pid"])
            assert time.monotonic() < deadline, f"{name} did not come back in {within} s"
            await asyncio.sleep(0.2)

    def family(self) -> list[psutil.Process]:
        """All processes of the installation, the supervisor first."""
        if self.process is None:
            return []
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self, within: float = 30.0) -> None:
        """End all processes, if need be by force, and remove the folder."""
        family = self.family()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(within)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()  # a test may have stopped it
                one.kill()
        psutil.wait_procs(family, timeout=5)
        if self._claim is not None:
            self._claim.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines: int = 60) -> str:
        """The end of the installation's log."""
        path = self.folder / "serve.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    # --- provisioning and API --------------------------------------------------------------------

    def cli(self, *arguments: str, plain: bool = False, within: float = 60.0) -> Any:
        """``ringfence ARGUMENTS --json``, parsed. Raises AssertionError when it fails."""
        done = subprocess.run(
            [*_RINGFENCE, *arguments, *([] if plain else ["--json"])],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within,
        )
        assert done.returncode == 0, f"ringfence {arguments}: {done.stderr}{done.stdout}"
        return done.stdout if plain else json.loads(done.stdout)

    def get(self, path: str, secret: str) -> Any:
        """GET of the REST API. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web_port}/api/v1{path}",
            headers={"Authorization": f"Bearer {secret}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def calls_from(self, caller: str, secret: str) -> list[dict[str, Any]]:
        """The call records of one caller, newest first."""
        query = urllib.parse.urlencode({"from_number": caller, "limit": 200})
        found: list[dict[str, Any]] = self.get(f"/calls?{query}", secret)["calls"]
        return found

    async def record(self, caller: str, secret: str, within: float = 15.0) -> dict[str, Any]:
        """The one finished call of this caller: its CDR with ``legs`` and ``events``."""

        def fetch() -> dict[str, Any] | None:
            with contextlib.suppress(urllib.error.URLError, TimeoutError):
                calls = self.calls_from(caller, secret)
                assert len(calls) <= 1, f"more than one record for one call: {calls}"
                if calls and calls[0]["ended_at"]:
                    return self.full_record(calls[0]["id"], secret)
            return None

        deadline = time.monotonic() + within
        while not (record := await asyncio.to_thread(fetch)):
            assert time.monotonic() < deadline, f"no finished call record in {within} s"
            await asyncio.sleep(0.1)
        return record

    def full_record(self, call_id: str, secret: str) -> dict[str, Any]:
        """CDR with legs, and the journal's events under ``events``."""
        record: dict[str, Any] = self.get(f"/calls/{call_id}", secret)
        record["events"] = self.get(f"/calls/{call_id}/events", secret)["events"]
        return record


@contextlib.contextmanager
def started() -> Iterator[Installation]:
    """An installation that runs, with nothing in it."""
    made = Installation.create()
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def known(installation: Installation, address: str, within: float = 15.0) -> None:
    """Wait until signalling knows a trunk with this address: only then OPTIONS gets a 200."""
    from ringfence.entry.phone import Phone

    async with Phone(address, t1=0.1) as probe:
        deadline = time.monotonic() + within
        while True:
            answer = await probe.options(installation.uri("ping"), within=0.5)
            if answer is not None and answer.status == 200:
                return
            assert time.monotonic() < deadline, f"no trunk for {address} in {within} s"


__all__ = ["SERVICES", "Installation", "Tenant", "happens", "known", "started"]
