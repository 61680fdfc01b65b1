"""``ringfence api`` against the API as it is served, by whoever has nothing but a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.http.served import served
from tests.population import Populated, populate

from ringfence.entry.api.main import api_command
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.protocols.wav import Encoding, header

GRAPH = {"start": "hello", "nodes": {"hello": {"type": "say", "text": "Hello"}}}
WRONG = {"start": "hello", "nodes": {"hello": {"type": "sing", "text": "Hello"}}}


class Shell:
    """Runs commands with the URL and the key in the environment."""

    def __init__(self, url: str, acme: Populated) -> None:
        self.acme = acme
        self.environment = {"RINGFENCE_URL": url, "RINGFENCE_API_KEY": acme.secret}

    def run(self, *arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(api_command, arguments, env=self.environment)
        assert result.exit_code == status, result.output
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def shell(db: DatabaseUrls) -> Iterator[Shell]:
    acme = populate("Acme", 1)
    with served() as port:
        yield Shell(f"http://127.0.0.1:{port}", acme)


def test_tables_and_json(shell: Shell) -> None:
    call = public_id(Prefix.CALL, shell.acme.call)
    head, line = shell.run("calls", "list").stdout.splitlines()
    assert head.split()[:2] == ["ID", "STARTED_AT"]
    assert line.split()[0] == call and "+14155550100" in line
    (found,) = shell.json("calls", "list")
    assert (found["id"], found["from_number"]) == (call, "+14155550100")
    assert shell.json("calls", "list", "--since", "2027-01-01") == []
    assert f"id: {call}" in shell.run("calls", "get", call).stdout.splitlines()
    assert shell.json("calls", "get", call)["legs"][0]["role"] == "caller"
    assert shell.json("calls", "timeline", call)[0]["kind"] == "call.started"
    assert len(shell.json("events", "--limit", "1")) == 1 < len(shell.json("events"))


def test_all_that_only_reads(shell: Shell) -> None:
    acme = shell.acme
    for name, one in {
        "flows": public_id(Prefix.FLOW, acme.flow),
        "numbers": public_id(Prefix.NUMBER, acme.number),
        "targets": public_id(Prefix.TARGET, acme.target),
        "trunks": public_id(Prefix.TRUNK, acme.trunk),
        "devices": public_id(Prefix.DEVICE, acme.device),
        "webhooks": public_id(Prefix.WEBHOOK, acme.webhook),
        "rates": public_id(Prefix.RATE_DECK, acme.deck),
    }.items():
        assert [row["id"] for row in shell.json(name, "list")] == [one], name
        assert one in shell.run(name, "list").stdout, name
        assert shell.json(name, "get", one)["id"] == one, name
    assert shell.json("prompts", "list")[0]["name"] == "Welcome"
    recording = public_id(Prefix.RECORDING, acme.recording)
    assert shell.json("recordings", "list")[0]["id"] == recording
    assert shell.json("wallet")[0]["currency"] == "USD"
    kinds = {row["kind"] for row in shell.json("ledger", "entries")}
    assert kinds == {"top_up", "charge"}
    assert len(shell.json("ledger", "entries", "--kind", "charge")) == 1
    webhook = public_id(Prefix.WEBHOOK, acme.webhook)
    (delivery,) = shell.json("webhooks", "deliveries", webhook)
    assert delivery["id"] == public_id(Prefix.DELIVERY, acme.delivery)


def test_a_flow_from_a_file_to_a_roll_back(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(GRAPH))
    flow = shell.json("flows", "push", str(file), "--name", "Greeting")["id"]
    assert shell.json("flows", "publish", flow, "--note", "first")["version"] == 1
    file.write_text(json.dumps(WRONG))
    refused = shell.run("flows", "push", str(file), "--flow", flow, status=1)
    assert "hello type" in refused.stderr and "flow_invalid" in refused.stderr
    assert shell.json("flows", "get", flow)["draft"]["nodes"]["hello"]["type"] == "say"
    later = {**GRAPH, "nodes": {"hello": {"type": "say", "text": "Good day"}}}
    file.write_text(json.dumps(later))
    shell.run("flows", "push", str(file), "--flow", flow)
    assert list(shell.json("flows", "diff", flow, "1")["changed"]) == ["hello"]
    shell.run("flows", "publish", flow)
    assert shell.json("flows", "diff", flow, "1", "2")["changed"]
    assert shell.json("flows", "rollback", flow, "1")["version"] == 3
    assert (
        shell.json("flows", "get", flow, "--version", "3")["graph"]
        == shell.json("flows", "get", flow, "--version", "1")["graph"]
    )
    assert [row["version"] for row in shell.json("flows", "versions", flow)] == [3, 2, 1]


def test_prompts_and_webhooks(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "short.wav"
    file.write_bytes(header(Encoding.PCM16, 160) + bytes(160))
    assert shell.json("prompts", "upload", str(file), "--name", "Short")["name"] == "Short"
    made = shell.json("webhooks", "create", "https://hooks.invalid/2", "--event", "call.ended")
    assert made["secret"].startswith("whsec_")
    replayed = shell.json("webhooks", "replay", made["id"], "--since", "2026-01-01")
    assert replayed == {"replayed": 0}


def test_errors(shell: Shell) -> None:
    absent = shell.run("calls", "get", "CA" + "0" * 32, status=1)
    assert absent.stderr.startswith("ringfence: call_not_found: ")
    assert absent.stdout == ""
    assert "invalid_input" in shell.run("calls", "get", "", status=1).stderr
    shell.run("calls", "list", "--disposition", "lost", status=2)
    shell.run("calls", "redirect", "CA1", status=2)
    shell.run("--url", "ftp://x", "calls", "list", status=1)
    shell.environment["RINGFENCE_API_KEY"] = "rfk_wrong"
    wrong = shell.run("calls", "list", status=1)
    assert "unauthorized" in wrong.stderr and "rfk_wrong" not in wrong.output
    shell.environment["RINGFENCE_API_KEY"] = ""
    assert "RINGFENCE_API_KEY" in shell.run("calls", "list", status=2).stderr
    assert "Usage" in shell.run("calls", "list", "--help").stdout


def test_it_needs_nothing_of_the_installation(shell: Shell, tmp_path: Path) -> None:
    """The real command, elsewhere: no settings, no database, no Django."""
    code = (
        "import sys; from ringfence.entry.cli import main\n"
        "try: main()\n"
        "finally: print('django' in sys.modules, file=sys.stderr)"
    )
    environment = {key: text for key, text in os.environ.items() if "RINGFENCE" not in key}
    done = subprocess.run(
        [sys.executable, "-c", code, "api", "numbers", "list", "--json"],
        env=environment | shell.environment, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)[0]["e164"] == shell.acme.e164
    assert done.stderr.strip() == "False"
    assert list(tmp_path.iterdir()) == []
