"""The guide's Python runs as it stands, one block after the other, against the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.http.served import served
from tests.population import populate

from ringfence.entry.api.main import api_command
from ringfence.platform.database import DatabaseUrls
from ringfence.protocols.wav import Encoding, header

GUIDE = Path(__file__).parents[2] / "docs/guides/client.md"


def test_the_snippets_run(
    db: DatabaseUrls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    acme = populate("Acme", 1)
    (tmp_path / "welcome.wav").write_bytes(header(Encoding.PCM16, 160) + bytes(160))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    with served() as port:
        monkeypatch.setenv("RINGFENCE_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("RINGFENCE_API_KEY", acme.secret)
        for block in blocks:
            exec(compile(block, str(GUIDE), "exec"), names)
    assert capsys.readouterr().out.startswith("CA"), "the call of the first snippet"
    assert (tmp_path / "copy.wav").stat().st_size == names["size"]


def test_the_table_names_every_command() -> None:
    rows = re.findall(r"^\| (`[a-z` ,]+`) \|(.*)\|$", GUIDE.read_text(), re.MULTILINE)
    said: dict[str, set[str]] = {}
    for groups, commands in rows:
        for group in re.findall(r"[a-z]+", groups):
            said[group] = set(re.findall(r"[a-z]+", commands))
    real = {
        name: set(getattr(command, "commands", {}))
        for name, command in api_command.commands.items()
    }
    assert said == real
