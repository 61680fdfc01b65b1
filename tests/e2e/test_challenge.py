"""``ringfence promises challenge`` against an installation, and against one that does not erase."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.harness.installation import Installation
from tests.e2e.test_promises import owner
from tests.mutants.catalogue import MUTANTS

import ringfence

pytestmark = pytest.mark.e2e

RECHECK = Path(__file__).parents[2] / "tools" / "recheck.py"
NUMBER = "+13035550142"
_HELD = """
    INSERT INTO policy_version (number, profile, profile_hash, values, clauses, changes,
        notice_days, needs_consent, published_at, effective_at, published_by, build, report, html,
        digest)
    VALUES (1, 'strict', '', '{"recordings": {"key_custody": "customer"}}', '[]', '[]', 0, false,
        now(), now() - interval '1 second', 'test', '', 0, '', '')
"""
PLACES = ("copy", "files", "objects", "credentials", "key_store", "today")


def challenge(place: Installation, *arguments: str, status: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ringfence.entry.cli",
            "promises",
            "challenge",
            "--json",
            *arguments,
        ],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    print(done.stderr)
    assert done.returncode == status, done.stderr + done.stdout[-5000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def challenge_refused(place: Installation, *arguments: str) -> str:
    with pytest.raises(AssertionError) as refused:
        place.cli("promises", "challenge", *arguments)
    return str(refused.value)


def recheck(place: Installation) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(RECHECK), str(place.folder / "var" / "challenges")],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_promise_holds(installation: Installation) -> None:
    kept = installation.folder / "auditor"
    report = challenge(installation, "--number", NUMBER, "--folder", str(kept), status=0)
    assert report["verdict"] == "held"
    for seen in (*report["before"].values(), report["after"]["control"]):
        assert all(seen[where] for where in PLACES), seen
    assert not any(report["after"]["erased"].values())
    for table in ("calls_call", "calls_leg", "calls_journal"):
        assert any(name.startswith(table) for name in report["before"]["erased"]["copy"])
    assert {path.name for path in kept.iterdir()} == {"base", "wal", "objects"}
    assert not list(kept.rglob("planted*"))
    (signed,) = (installation.folder / "var" / "challenges").glob("*.json")
    assert NUMBER[2:] not in signed.read_text(), "the evidence names nobody"
    code, said = recheck(installation)
    assert (code, "held" in said) == (0, True), said
    again = challenge_refused(installation, "--folder", str(kept))
    assert "challenge_folder_taken" in again


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Installation]:
    """An installation that says it erases a person, and keeps the key."""
    (mutant,) = [one for one in MUTANTS if one.name == "who-is-erased-keeps-a-key"]
    copy = tmp_path / "src" / "ringfence"
    shutil.copytree(Path(ringfence.__file__).parent, copy)
    file = copy / mutant.file
    text = file.read_text()
    assert text.count(mutant.old) == 1
    file.write_text(text.replace(mutant.old, mutant.new))
    made = Installation.create()
    made.environment["PYTHONPATH"] = str(copy.parent)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_key_that_was_kept_is_found(forgetful: Installation) -> None:
    report = challenge(forgetful, status=1)
    assert report["verdict"] == "broken"
    after = report["after"]["erased"]
    assert set(after["copy"]) & set(report["before"]["erased"]["copy"])
    assert "person" in after["key_store"]
    for where in ("copy", "files", "credentials", "key_store"):
        assert all(f"{where}: {name}" in report["opened"] for name in after[where])
        assert after[where]
    code, said = recheck(forgetful)
    assert (code, "broken" in said) == (0, True), said


def test_the_customer_alone_has_the_key(installation: Installation) -> None:
    """By the policy that binds: neither the platform nor who robs it hears a word, before and
    after, and what is not sealed for the customer is still found in one attack and gone in the
    other. The demonstration is made, by whoever holds the key."""
    with owner(installation) as database:
        database.execute(_HELD)
    report = challenge(installation, "--number", NUMBER, status=0)
    assert (report["verdict"], report["customer_keys"]) == ("held", True)
    for seen in (*report["before"].values(), report["after"]["control"]):
        found = {where for where in PLACES if seen[where]}
        assert found == set(PLACES) - {"objects"}, seen
    assert not any(report["after"]["erased"].values())
    assert recheck(installation)[0] == 0
    demo = installation.cli("demo", "--json")
    assert all(one["ok"] for one in demo["checks"]), demo["checks"]
    assert demo["recording"]["custody"] == "customer"
