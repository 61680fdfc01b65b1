"""``ringfence doctor``: looks at an installation, running or not, and names what is wrong."""

from __future__ import annotations

import msgspec

from ringfence.entry.doctor import backup, database, host, keys, network, processors, speech
from ringfence.entry.doctor.finding import Finding
from ringfence.entry.supervisor.messages import NotRunning, ProcessStatus, ask
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import Settings, SettingsError, config_path, load_settings

_MARKS = {"ok": "ok  ", "warning": "warn", "wrong": "BAD "}


def examine() -> list[Finding]:
    """All findings; only the first when the settings themselves are wrong."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Finding("settings", False, error.message, "correct the named settings")]
    source = str(config_path() or "defaults and environment")
    processes = _processes(settings)
    serving = {item.name for item in processes or () if item.state == "ready"}
    return [
        Finding("settings", True, f"valid, from {source}"),
        _judge_processes(processes),
        *network.check_ports(settings, serving),
        *network.check_advertised(settings),
        network.check_rtp_range(settings),
        *host.check_disk(settings),
        host.check_descriptors(settings),
        *keys.check(settings),
        *backup.check(settings, SystemClock()),
        *processors.check(settings, SystemClock()),
        *host.check_clock(SystemClock()),
        host.check_opus(),
        speech.check_speech(),
        *database.check(settings, running=processes is not None),
    ]


def print_report(findings: list[Finding], as_json: bool) -> None:
    """A line per finding and an indented one with advice, or a JSON list."""
    if as_json:
        print(msgspec.json.encode(findings).decode())
        return
    for finding in findings:
        print(f"{_MARKS[finding.level]}  {finding.name}: {finding.observed}")
        if finding.advice:
            print(f"      {finding.advice}")
    wrong = sum(not finding.ok for finding in findings)
    print(f"\n{wrong} of {len(findings)} checks found something wrong.")


def _processes(settings: Settings) -> list[ProcessStatus] | None:
    try:
        return ask(settings, "status", None, list[ProcessStatus], 5.0)
    except NotRunning:
        return None
    except RingfenceError:
        return []


def _judge_processes(processes: list[ProcessStatus] | None) -> Finding:
    if processes is None:
        return Finding("processes", True, "not running", "start the installation: ringfence serve")
    if not processes:
        return Finding(
            "processes", False, "the supervisor does not answer", "end it and start it again"
        )
    bad = [f"{item.name} is {item.state}" for item in processes if item.state != "ready"]
    if bad:
        return Finding("processes", False, ", ".join(bad), "see the log for the reason")
    unsteady = [f"{item.name} {item.restarts}" for item in processes if item.restarts]
    if unsteady:
        observed = f"{len(processes)} ready; restarts: {', '.join(unsteady)}"
        return Finding("processes", True, observed, "see the log for why they were restarted")
    return Finding("processes", True, f"{len(processes)} ready")
