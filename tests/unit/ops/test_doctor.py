"""The doctor names what is wrong, and only that."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ringfence.entry.doctor import network
from ringfence.entry.doctor.network import check_advertised, check_ports, check_rtp_range
from ringfence.platform.settings import MediaSettings, Settings, SipSettings


def settings(**sections: object) -> Settings:
    return Settings(**sections)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_wrong_unless_it_is_ours() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        given = settings(sip=SipSettings(listen=(listen,)))
        foreign = next(check_ports(given, ()))
        ours = next(check_ports(given, ("signalling",)))
    assert (foreign.ok, foreign.observed) == (False, "taken by another program")
    assert "[sip]" in foreign.advice
    assert (ours.ok, ours.observed) == (True, "ours")
    assert next(check_ports(given, ())).observed == "free"
    assert not next(check_ports(given, ("signalling",))).ok  # ready, yet nobody listens


def test_an_address_that_is_not_of_this_machine() -> None:
    given = settings(sip=SipSettings(listen=(f"tcp://192.0.2.77:{free_port()}",)))
    assert not next(check_ports(given, ())).ok


@pytest.mark.parametrize(
    ("listen", "advertised", "level"),
    [
        ("udp://0.0.0.0:5060", "127.0.0.1", "wrong"),
        ("udp://0.0.0.0:5060", "0.0.0.0", "wrong"),
        ("udp://0.0.0.0:5060", "203.0.113.5", "ok"),
        ("udp://10.1.2.3:5060", None, "warning"),
        ("udp://8.8.8.8:5060", None, "ok"),
        ("udp://127.0.0.1:5060", None, "ok"),
        ("udp://127.0.0.1:5060", "127.0.0.1", "ok"),
    ],
)
def test_advertised_address(listen: str, advertised: str | None, level: str) -> None:
    sip = SipSettings(listen=(listen,), advertised_address=advertised)
    assert next(check_advertised(settings(sip=sip))).level == level


@pytest.mark.parametrize(
    ("low", "high", "ephemeral", "level"),
    [
        (20000, 29999, "32768 60999", "ok"),
        (30000, 39999, "32768 60999", "warning"),
        (20000, 20010, "32768 60999", "warning"),
        (20000, 20005, "32768 60999", "wrong"),
        (5000, 9999, "32768 60999", "wrong"),
    ],
)
def test_rtp_range(
    low: int, high: int, ephemeral: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "range").write_text(ephemeral)
    monkeypatch.setattr(network, "_EPHEMERAL", tmp_path / "range")
    media = MediaSettings(workers=2, rtp_port_min=low, rtp_port_max=high)
    assert check_rtp_range(settings(media=media)).level == level


@pytest.mark.parametrize(("advertised", "status"), [("127.0.0.1", 1), ("203.0.113.5", 0)])
def test_exit_status_and_json(tmp_path: Path, advertised: str, status: int) -> None:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RINGFENCE_")}
    (tmp_path / "ringfence.toml").write_text(
        f'[sip]\nlisten = ["udp://0.0.0.0:{free_port()}"]\nadvertised_address = "{advertised}"\n'
        f"[web]\nport = {free_port()}\n[live]\nport = {free_port()}\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", "doctor", "--json"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    findings = {item["name"]: item for item in json.loads(result.stdout)}
    wrong = [name for name, item in findings.items() if not item["ok"]]
    assert result.returncode == status, findings
    assert bool(wrong) == bool(status)
    assert {"settings", "processes", "disk space", "disk sync", "clock steady"} <= set(findings)
    assert not (tmp_path / "var").exists()  # looking changes nothing


def test_wrong_settings_are_the_only_finding(tmp_path: Path) -> None:
    (tmp_path / "ringfence.toml").write_text("[web]\nport = 0\n")
    result = subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "BAD   settings: web.port" in result.stdout
