"""``ringfence promises verify`` against a real installation: what is clean, and what is broken."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.e2e.harness.installation import Installation

from ringfence.client import Client
from ringfence.entry.promises.controls import CONTROLS
from ringfence.entry.promises.controls.nothing_leaves import NOTHING_LEAVES
from ringfence.entry.promises.controls.policy_published import POLICY_PUBLISHED
from ringfence.entry.promises.way_out import a_connection_out
from ringfence.platform.database import database_urls
from ringfence.platform.settings import load_settings

pytestmark = pytest.mark.e2e

RECHECK = Path(__file__).parents[2] / "tools" / "recheck.py"
BACKED = {clause for control in CONTROLS for clause in control.clauses}


def verify(place: Installation, status: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", "promises", "verify", "--json"],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == status, wrong(report)
    return report


def wrong(report: dict[str, Any]) -> list[Any]:
    """What an examination found, missed, or could not look at."""
    return [report["seed"]] + [
        (seen["control"], seen["error"], seen["findings"], missed)
        for seen in report["examinations"]
        if (missed := [one for one in seen["attempts"] if not (one["caught_at"] and one["undone"])])
        or seen["findings"]
        or seen["error"]
    ]


def verify_from_afar(place: Installation) -> dict[str, Any]:
    """As ``verify``, but ordered by the API and run by the worker."""
    key = place.cli("key", "create", "--operator", "--scope", "promises:verify")
    base = f"http://127.0.0.1:{place.web_port}"
    steps, before = set(), len(list((place.folder / "var" / "promises").glob("*.json")))
    with Client(base, key["api_key"]) as client:
        order = client.policy.order_examination(profile="strict")
        deadline = time.monotonic() + 300
        while order.ended_at is None:
            assert time.monotonic() < deadline, order
            time.sleep(0.2)
            order = client.policy.get_examination("strict")
            steps.add(order.step)
    assert not order.failed
    assert any(f" of {len(CONTROLS)}: " in step for step in steps)
    path = place.folder / "var" / "promises" / f"{before + 1:06}.json"
    report: dict[str, Any] = json.loads(path.read_bytes())["report"]
    return report


def way_out() -> bool:
    """Whether this machine has a network that a connection could leave by."""
    try:
        with a_connection_out():
            return True
    except RuntimeError:
        return False


def states(report: dict[str, Any]) -> dict[str, str]:
    return {clause["id"]: clause["state"] for clause in report["clauses"]}


def recheck(place: Installation) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(RECHECK), str(place.folder / "var" / "promises")],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def owner(place: Installation) -> psycopg.Connection[tuple[Any, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RINGFENCE_CONFIG", place.environment["RINGFENCE_CONFIG"])
        return psycopg.connect(database_urls(load_settings()).owner, autocommit=True)


def see(place: Installation, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{place.web_port}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def test_a_fresh_installation_keeps_what_is_backed(installation: Installation) -> None:
    """And what its policy says of itself, once that is published."""
    first = states(verify(installation))
    assert {first[id_] for id_ in POLICY_PUBLISHED.clauses} == {"unproven"}
    with pytest.raises(AssertionError, match="policy_contact_missing"):
        installation.cli("promises", "publish", plain=True)
    for name in ("OPERATOR", "EMAIL", "PHONE", "ADDRESS"):
        installation.environment[f"RINGFENCE_POLICY__{name}"] = f"example {name.lower()}"
    version = json.loads(installation.cli("promises", "publish", plain=True))
    page = see(installation, "/policy/")
    assert set(re.findall(r'<li id="([^"]+)">', page)) == set(version["clauses"])
    assert page == see(installation, "/policy/versions/1/")
    report = verify_from_afar(installation)
    assert len(report["clauses"]) == 583
    found = states(report)
    claimed = {id_ for id_ in BACKED if found[id_] != "not_claimed"}
    assert claimed, "the default profile claims what is built"
    outside = way_out()
    expected = "configured" if outside else "unproven"  # no rule of the system stands around it
    unforced = {id_ for id_ in claimed if found[id_] == expected}
    assert unforced == NOTHING_LEAVES.clauses & claimed
    assert {found[id_] for id_ in claimed - unforced} <= {"enforced", "demonstrated"}, wrong(report)
    for id_, state in found.items():
        assert id_ in BACKED or state in ("planned", "not_claimed"), (id_, state)
    attempts = [one for seen in report["examinations"] for one in seen["attempts"]]
    assert len(attempts) == sum(len(control.violations) for control in CONTROLS)
    missed = {one["name"] for one in attempts if not (one["caught_at"] and one["undone"])}
    assert missed == (set() if outside else {"connection-out"})
    assert recheck(installation)[0] == 0
    board = see(installation, "/policy/board/")
    for state in ("enforced", expected, "planned"):
        assert f"</span>{state} {report['totals'][state]}</a>" in board
    assert f"signed as no. {2}" in board
    assert "broken" not in board and "unknown" not in board
    policy = installation.cli("promises", "policy", plain=True)
    assert set(re.findall(r'<li id="([^"]+)">', policy)) == claimed - unforced


def test_a_killed_examination_leaves_nothing(installation: Installation) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "promises", "verify", "--json"],
        cwd=installation.folder,
        env=installation.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    objects = installation.folder / "var" / "objects"
    deadline = time.monotonic() + 240
    while not any(objects.rglob("*.before-violation")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = states(verify(installation))
    for clause in POLICY_PUBLISHED.clauses:  # nothing is published here
        assert found.pop(clause) in ("unproven", "enforced", "not_claimed")
    for clause in NOTHING_LEAVES.clauses:  # on a machine without network nothing shows it
        assert found.pop(clause) in ("configured", "unproven", "not_claimed")
    assert set(found.values()) <= {"enforced", "demonstrated", "planned", "not_claimed"}
    assert not any((installation.folder / "var").rglob("*.before-violation"))


def test_what_others_break_is_named(installation: Installation) -> None:
    """Real violations, committed, in another tenant than the examiner's."""
    with owner(installation) as database:
        used = database.execute("SELECT 1 FROM audit_use LIMIT 1").fetchone()
    if not used:  # this worker ran no other test of this file
        verify(installation)
    acme = installation.cli("tenant", "create", "Acme")
    tenant = UUID(acme["id"][2:])
    objects = installation.folder / "var" / "objects"
    wav, old = (
        objects / tenant.hex / "tracks" / day / uuid4().hex for day in ("2026/11/01", "2001/01/01")
    )
    for path, content in ((wav, b"RIFF....WAVE"), (old, b"\x01")):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    call, recording = UUID(int=1 << 80 | uuid4().int >> 64), uuid4()
    with owner(installation) as database:
        database.execute(
            "INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds,"
            " caller_id, caller_sealed) SELECT %s, %s, direction, %s, 0, caller_id, caller_sealed"
            " FROM calls_call WHERE caller_sealed IS NOT NULL LIMIT 1",
            [call, tenant, datetime(1990, 1, 1, tzinfo=UTC)],
        )
        database.execute(
            "INSERT INTO recordings_recording (id, tenant_id, call_id, started_at, state, rule,"
            " day, gap, customer_keys) VALUES (%s, %s, %s, now(), 'stored', 'recordings', 20000,"
            " 'silence', '[]')",
            [recording, tenant, call],
        )
        changed = database.execute(
            "UPDATE audit_use SET purpose = 'marketing' WHERE id ="
            " (SELECT id FROM audit_use ORDER BY id LIMIT 1) RETURNING tenant_id, batch_seq"
        ).fetchone()
    assert changed is not None
    report = verify(installation, status=1)
    findings = {
        (seen["control"], one["code"], one["subject"])
        for seen in report["examinations"]
        for one in seen["findings"]
    }
    relative = [str(path.relative_to(objects)) for path in (wav, old)]
    assert findings >= {
        ("recordings-sealed", "not_sealed", relative[0]),
        ("recordings-sealed", "not_sealed", relative[1]),
        ("expired-gone", "overdue", relative[1]),
        ("expired-gone", "overdue", f"calls_call {call}"),
        ("recordings-asked-for", "recorded_unasked", f"recordings_recording {recording}"),
        ("audit-trail", "record_changed", f"AC{changed[0].hex} batch {changed[1]}"),
    }
    found = states(report)
    for clause in ("CCA-01.0-11", "CTX-01.C-02", "SIP-08.2-01", "CCA-05.0-07"):
        assert found[clause] in ("broken", "not_claimed")
    assert "broken" in found.values()
    code, said = recheck(installation)
    assert code == 0, said
    assert "broken" in said
    with pytest.raises(AssertionError, match="policy_refused"):
        installation.cli("promises", "policy", plain=True)
