"""``ringfence demo``: two phones call each other through the platform, and the record is checked
against what was seen on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ringfence.entry.demo_call import Outcome, place_demo_call
from ringfence.entry.supervisor.messages import NotRunning, ProcessStatus, ask
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import Settings, load_settings

_CALLER_HOST, _CALLEE_HOST = "127.66.0.2", "127.66.0.3"
_START_SECONDS = 120.0


class DemoFailed(RingfenceError):
    """The demo could not be set up."""

    code = "demo_failed"


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def demo_command(as_json: bool) -> None:
    """Place a call between two demo phones and compare its record with the wire.

    Uses the installation that runs for the configured data directory, else starts a temporary one.
    Exit status 1 when something observed does not agree.
    """
    settings = load_settings()
    with contextlib.ExitStack() as stack:
        if not _running(settings):
            if not as_json:
                print("No installation runs here: starting a temporary one ...", flush=True)
            environment = stack.enter_context(_temporary_installation())
            os.environ.update(environment)
            settings = load_settings()
        outcome = _demo(settings)
    print(json.dumps(outcome.as_dict(), indent=2) if as_json else _pretty(outcome))
    if not outcome.ok:
        sys.exit(1)


def _running(settings: Settings) -> bool:
    try:
        ask(settings, "status", None, list[ProcessStatus], 5.0)
    except NotRunning:
        return False
    return True


@contextlib.contextmanager
def _temporary_installation() -> Iterator[dict[str, str]]:
    """``ringfence serve`` in a folder of its own; yields the environment that points to it."""
    with tempfile.TemporaryDirectory(prefix="rf-demo-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        host = "127.66.0.1"
        ports = [_free_port("127.0.0.1") for _ in range(3)]
        sip = _free_port(host)
        settings = f"""
            [node]
            data_dir = "{folder / "var"}"
            drain_seconds = 0
            [database]
            embedded_port = {ports[0]}
            [sip]
            listen = ["udp://{host}:{sip}", "tcp://{host}:{sip}"]
            [media]
            bind_address = "{host}"
            workers = 1
            [web]
            port = {ports[1]}
            [live]
            port = {ports[2]}
        """
        (folder / "ringfence.toml").write_text(settings)
        environment = {"RINGFENCE_CONFIG": str(folder / "ringfence.toml")}
        log = folder / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ringfence.entry.cli", "serve"],
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _until_serving(process, log)
            yield environment
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


def _demo(settings: Settings) -> Outcome:
    from ringfence.entry.demo_setup import provision

    demo = provision(_CALLER_HOST, _CALLEE_HOST)
    return asyncio.run(place_demo_call(settings, demo, _CALLER_HOST, _CALLEE_HOST))


def _pretty(outcome: Outcome) -> str:
    lines = ["", f"Call {outcome.call_id or '(none)'}", ""]
    start: float | None = None
    for event in outcome.timeline:
        start = event["seconds"] if start is None else start
        lines.append(f"  {event['seconds'] - start:7.3f} s  {event['kind']:<14} {event['note']}")
    lines.append("")
    for key, value in outcome.cdr.items():
        if key not in ("legs", "id") and value is not None:
            lines.append(f"  {key:<16} {value}")
    for leg in outcome.cdr.get("legs", []):
        lines.append(f"  leg {leg['role']:<12} {_leg(leg)}")
    lines.append("")
    for check in outcome.checks:
        lines.append(f"  {'ok  ' if check['ok'] else 'FAIL'}  {check['name']}: {check['observed']}")
    verdict = "The record agrees with the wire." if outcome.ok else "Something does not agree."
    return "\n".join([*lines, "", verdict, ""])


def _leg(leg: dict[str, Any]) -> str:
    mos = "-" if leg["mos"] is None else f"{leg['mos']:.2f}"
    return (
        f"{leg['codec']} over {leg['transport']}, {leg['rx_packets']} packets in, "
        f"{leg['tx_packets']} out, {leg['lost_packets']} lost, MOS {mos}"
    )
