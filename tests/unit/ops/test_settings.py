"""A wrong setting stops the start with an error that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def ringfence(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RINGFENCE_")}
    return subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", *arguments],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("toml", "environment", "named"),
    [
        ("[sip]\nlisten = ['sctp://1.2.3.4:5060']", {}, "sip.listen"),
        ("[sip]\nlissten = []", {}, "sip.lissten"),
        ("[media]\nrtp_port_min = 20000\nrtp_port_max = 20001", {}, "media: "),
        ("", {"RINGFENCE_WEB__PORT": "http"}, "web.port"),
        ("", {"RINGFENCE_SIP__ADVERTISED_ADDRESS": "example.net"}, "sip.advertised_address"),
        ("[database]\nowner_url = 'postgresql://x'", {}, "database: "),
        ("[node", {}, "ringfence.toml"),
        ("", {"RINGFENCE_CONFIG": "/nowhere.toml"}, "/nowhere.toml"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "signalling"])
def test_error_names_the_setting(
    tmp_path: Path, toml: str, environment: dict[str, str], named: str, command: str
) -> None:
    (tmp_path / "ringfence.toml").write_text(toml)
    result = ringfence(tmp_path, command, **environment)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("ringfence: invalid_settings: ")
    assert named in result.stderr
    assert result.stderr.count("\n") == 1


def test_config_masks_secrets(tmp_path: Path) -> None:
    urls = {
        f"RINGFENCE_DATABASE__{role}_URL": f"postgresql://{role}:hunter2@db/x"
        for role in ("OWNER", "APP", "OPERATOR", "CALLPLANE", "IDENTITY")
    }
    result = ringfence(tmp_path, "config", **urls)
    assert result.returncode == 0
    assert "hunter2" not in result.stdout
    assert result.stdout.count(":***@db/x") == 5


def test_config_masks_what_opens_the_keys_and_the_objects(tmp_path: Path) -> None:
    result = ringfence(
        tmp_path,
        "config",
        RINGFENCE_KEYS__ROOT_KEY_COMMAND='["/usr/bin/unwrap", "--pass", "hunter2"]',
        RINGFENCE_STORAGE__SECRET_ACCESS_KEY="hunter2",
    )
    assert result.returncode == 0
    assert "/usr/bin/unwrap" in result.stdout
    assert "hunter2" not in result.stdout


def test_status_without_an_installation_is_one_clear_line(tmp_path: Path) -> None:
    result = ringfence(tmp_path, "status")
    assert result.returncode == 2
    assert result.stderr.startswith("ringfence: not_running: ")
    assert result.stderr.count("\n") == 1
