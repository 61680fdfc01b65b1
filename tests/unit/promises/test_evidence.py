"""Bundles, and the tool that rechecks them, which shares no code with what makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringfence.entry.promises import bundle
from ringfence.platform.signing import signed

TOOL = Path(__file__).parents[3] / "tools" / "recheck.py"
CLAUSE = "CTX-01.C-02"


def report() -> dict[str, Any]:
    attempt = {
        "name": "one", "clauses": [CLAUSE], "subject": "x", "caught_at": "2026-03-01T00:00:00Z",
        "undone": True, "error": "",
    }  # fmt: skip
    examination = {
        "control": "things", "limits": "", "observed_at": "2026-03-01T00:00:00Z", "population": 2,
        "findings": [], "finding_count": 0, "attempts": [attempt], "demonstrates": [], "error": "",
    }  # fmt: skip
    clauses = [
        {"id": CLAUSE, "state": "enforced", "control": ["things"]},
        {"id": "CTX-01.C-03", "state": "planned", "control": []},
    ]
    return {
        "build": "1", "profile": "strict", "hash": "0", "began_at": "2026-03-01T00:00:00Z",
        "ended_at": "2026-03-01T00:00:01Z", "totals": {"enforced": 1, "planned": 1, "broken": 0},
        "clauses": clauses, "examinations": [examination],
    }  # fmt: skip


def appended(data_dir: Path, told: dict[str, Any]) -> None:
    with bundle.alone(data_dir):
        bundle.append(data_dir, told)


def recheck(folder: Path | str, *more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(TOOL), str(folder), *more], capture_output=True, text=True
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for _ in range(3):
        appended(tmp_path, report())
    return tmp_path / "promises"


def test_a_whole_chain(folder: Path) -> None:
    key = json.loads((folder / "000001.json").read_text())["key"]
    code, said = recheck(folder, "--key", key)
    assert code == 0 and said.startswith("3 bundles signed by")
    assert (folder.parent / "secrets" / "signing").stat().st_mode & 0o777 == 0o600


def test_a_bundle_that_is_gone_or_moved_is_noticed(folder: Path) -> None:
    (folder / "000002.json").unlink()
    assert "000003.json: is number 3, not 2" in recheck(folder)[1]
    (folder / "000003.json").unlink()
    (folder / "000002.json").write_bytes((folder / "000001.json").read_bytes())
    code, said = recheck(folder)
    assert code == 1 and "000002.json: does not continue the bundle before it" in said


def test_nothing_is_no_evidence(tmp_path: Path) -> None:
    assert recheck(tmp_path) == (1, "there are no bundles\n")


@pytest.mark.parametrize("at", [40, 300, 700, -40])
def test_a_changed_byte_is_noticed(folder: Path, at: int) -> None:
    path = folder / "000002.json"
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    code, said = recheck(folder)
    assert code == 1 and "000002.json" in said


def test_another_signer_is_noticed(folder: Path) -> None:
    key = json.loads((folder / "000001.json").read_text())["key"]
    (folder.parent / "secrets" / "signing").unlink()
    appended(folder.parent, report())
    code, said = recheck(folder)
    assert code == 1 and said == "000004.json: is signed by another key\n"
    assert recheck(folder, "--key", "00" * 32)[0] == 1
    (folder / "000004.json").unlink()
    assert recheck(folder, "--key", key)[0] == 0


def _attempt(told: dict[str, Any]) -> dict[str, Any]:
    attempt: dict[str, Any] = told["examinations"][0]["attempts"][0]
    return attempt


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "broken": lambda told: told["examinations"][0].update(finding_count=1),
    "unknown": lambda told: told["examinations"][0].update(error="OSError"),
    "nothing there": lambda told: told["examinations"][0].update(population=0),
    "not caught": lambda told: _attempt(told).update(caught_at=None),
    "not undone": lambda told: _attempt(told).update(undone=False),
    "not planted": lambda told: _attempt(told).update(error="RuntimeError"),
    "of another clause": lambda told: _attempt(told).update(clauses=["CTX-01.C-03"]),
    "never examined": lambda told: told.update(examinations=[]),
    "totals": lambda told: told["totals"].update(enforced=2),
    "left out": lambda told: told["clauses"].pop(),
    "time": lambda told: told.update(ended_at="2025-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_signed_lie_is_noticed(tmp_path: Path, lie: Callable[[dict[str, Any]], object]) -> None:
    """Whoever holds the key can sign anything; what does not follow from what was seen shows."""
    told = report()
    lie(told)
    appended(tmp_path, told)
    code, said = recheck(tmp_path / "promises")
    assert code == 1, said


def test_a_certificate_is_checked_without_us(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    made = signed(tmp_path, {"erasure": "ER1", "rows_cleared": 7, "rule": {"name": "call_records"}})
    path.write_text(json.dumps(made, indent=2))
    assert recheck_certificate(path)[0] == 0
    assert recheck_certificate(path, "--key", made["key"])[0] == 0
    assert recheck_certificate(path, "--key", "00" * 32)[0] == 1
    for name, value in (("rows_cleared", 8), ("rule", {"name": "other"}), ("more", 1)):
        path.write_text(json.dumps(made | {name: value}))
        assert recheck_certificate(path)[0] == 1, name


def recheck_certificate(path: Path, *more: str) -> tuple[int, str]:
    return recheck("--certificate", str(path), *more)


def test_one_examination_at_a_time(tmp_path: Path) -> None:
    with bundle.alone(tmp_path), pytest.raises(bundle.ExaminationRuns), bundle.alone(tmp_path):
        pass
    with bundle.alone(tmp_path):
        pass
