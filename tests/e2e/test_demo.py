"""``ringfence demo`` under an independent eye, and under faults: it must not say what is not so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import psycopg
import pytest
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.wait import wait_until

from ringfence.entry.demo.offer import loopback_of
from ringfence.platform.database import database_urls
from ringfence.platform.settings import load_settings

pytestmark = pytest.mark.e2e

WITHIN = 240.0
NAMES = {
    "talk": "each hears the other's tone and nothing else",
    "rings": "the desk rings, and sees who calls",
    "menu": "the caller hears the menu",
    "live": "the live stream tells it as it happens",
    "ledger": "each leg is charged by its rate, to the micro",
    "webhook": "the webhook tells of it, with a valid signature",
}
"""Checks that these tests speak of, as a reader of the JSON knows them."""


class World:
    """One installation; each demo goes through it."""

    def __init__(self, place: Installation) -> None:
        self.place = place

    def demo(self) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "ringfence.entry.cli", "demo", "--json"],
            cwd=self.place.folder,
            env=self.place.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        assert done.stdout, done.stderr + self.place.log_tail()
        return done.returncode, json.loads(done.stdout)

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RINGFENCE_CONFIG", self.place.environment["RINGFENCE_CONFIG"])
            url = database_urls(load_settings()).operator
        with psycopg.connect(url) as connection:
            return connection.execute(query, values).fetchall()

    @property
    def tenant(self) -> str:
        """Of the demo; a first run makes it."""
        for _ in range(2):
            for tenant in self.place.cli("tenant", "list"):
                if tenant["name"] == "Demo":
                    return str(tenant["id"])
            self.demo()
        raise AssertionError("the demo made no tenant")

    def key(self, *options: str) -> str:
        return str(self.place.cli("key", "create", *options)["api_key"])

    def ask(self, verb: str, path: str, key: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.place.web_port}/api/v1{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "If-Match": "*",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """It allows webhooks to the demo's receiver alone."""
    place = Installation.create()
    try:
        allow(place, [receiver(place)])
        place.start()
        yield World(place)
    finally:
        place.stop()


def red(report: dict[str, Any]) -> set[str]:
    return {check["name"] for check in report["checks"] if not check["ok"]}


def said(report: dict[str, Any], name: str) -> str:
    return str(next(c["observed"] for c in report["checks"] if c["name"] == name))


def receiver(place: Installation) -> str:
    return f"{loopback_of((place.folder / 'var').resolve())}.4/32"


def allow(place: Installation, networks: list[str]) -> None:
    """Write where tenants' URLs may lead; who reads it at its start follows."""
    config = place.folder / "ringfence.toml"
    text, count = re.subn(
        "allow_networks = .*", f"allow_networks = {json.dumps(networks)}", config.read_text()
    )
    assert count == 1
    config.write_text(text)


def test_all_is_observed_and_true(world: World, tmp_path: Path) -> None:
    lines = tmp_path / "watch.jsonl"
    with lines.open("wb") as output:
        watch = subprocess.Popen(
            [
                *(sys.executable, "-m", "ringfence.entry.cli", "watch"),
                *("--json", "--calls", "1"),
            ],
            cwd=world.place.folder,
            env=world.place.environment,
            stdout=output,
            stderr=subprocess.PIPE,
        )
    try:
        assert watch.stderr is not None
        assert b"Watching" in watch.stderr.readline()  # there is no tenant yet
        status, report = world.demo()
        assert (status, report["ok"], red(report)) == (0, True, set()), report["checks"]
        assert {"ok", "call_id", "timeline", "cdr", "recording", "ledger", "checks"} <= set(report)
        assert all(set(check) == {"name", "ok", "observed"} for check in report["checks"])
        _books(world, report)
        _recording(world, report, tmp_path)
        _journal(world, report)
        watch.wait(20)
        _watched(lines, report)
    finally:
        watch.kill()
        watch.communicate()


def _books(world: World, report: dict[str, Any]) -> None:
    """Prices typed here, seconds from the legs' own times in the journal."""
    call = bytes.fromhex(report["call_id"][2:]).hex()
    rows = world.sql(
        "SELECT data->>'leg', kind, extract(epoch FROM at)::float8 FROM calls_journal"
        " WHERE call_id = %s::uuid AND kind IN ('leg.answered', 'leg.ended') ORDER BY seq",
        call,
    )
    legs: dict[str, list[float]] = {}
    for leg, _, at in rows:
        legs.setdefault(leg, []).append(at)
    caller, desk = (end - start for start, end in legs.values())

    def price(micros_a_minute: int, seconds: float, step: int) -> int:
        billed = -(-int(-(-seconds // 1)) // step) * step
        return (micros_a_minute * billed + 30) // 60

    wanted = sorted(
        [
            price(12_000, caller, 6),
            price(24_000, desk, 6),
            price(4_000, caller, 1),
            price(9_000, desk, 1),
        ]
    )
    sums = world.sql(
        "SELECT sum(l.amount_micros)::bigint, max(l.amount_micros) FROM ledger_line l"
        " JOIN ledger_entry e ON e.id = l.entry_id WHERE e.reference_id = %s GROUP BY e.id",
        report["call_id"],
    )
    assert [total for total, _ in sums] == [0] * 4
    assert sorted(largest for _, largest in sums) == wanted
    assert sorted(item["amount_micros"] for item in report["ledger"]) == wanted
    paid = report["wallet"]["before_micros"] - report["wallet"]["after_micros"]
    assert paid == price(12_000, caller, 6) + price(24_000, desk, 6)


def _recording(world: World, report: dict[str, Any], tmp_path: Path) -> None:
    """Each side's tone by a Fourier transform of what the API hands out; the store's files are
    those bytes sealed, and no stretch of the sound stands in any file of the installation."""
    key = world.key(
        *("--tenant", world.tenant, "--scope", "recordings:read", "--purpose", "support")
    )
    place = f"/recordings/{report['recording']['id']}"
    clear = []
    for track, hertz in (("caller", 700), ("callee", 1200)):
        request = urllib.request.Request(
            f"http://127.0.0.1:{world.place.web_port}/api/v1{place}/audio?track={track}",
            headers={"Authorization": f"Bearer {key}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            wav = answer.read()
        samples = _mu_law(wav[wav.index(b"data") + 8 :])
        loud = samples[numpy.abs(samples) > 4000]
        assert 2 * 8000 < len(samples) < 30 * 8000
        assert len(loud) > 8000
        spectrum = numpy.abs(numpy.fft.rfft(samples))
        assert abs(int(spectrum.argmax()) * 8000 / len(samples) - hertz) < 5
        clear.append(wav[len(wav) // 2 :][:400])
    objects = [f for f in (world.place.folder / "var").rglob("*") if f.is_file()]
    assert any(report["recording"]["tracks"][0]["bytes"] == f.stat().st_size for f in objects)
    for file in objects:
        held = file.read_bytes()
        assert not any(sound in held for sound in clear), file
    # the search does find what is in clear
    (tmp_path / "planted").write_bytes(b"x" * 999 + clear[0] + b"y")
    assert clear[0] in (tmp_path / "planted").read_bytes()


def _mu_law(data: bytes) -> numpy.ndarray[Any, numpy.dtype[numpy.float64]]:
    """G.711 mu-law by the formula of the continuous curve; good to a few percent."""
    byte = numpy.frombuffer(data, numpy.uint8) ^ 0xFF
    magnitude = ((((byte & 0x0F).astype(int) << 3) + 132) << ((byte >> 4) & 7)) - 132
    return numpy.where(byte & 0x80, -magnitude, magnitude).astype(numpy.float64)


def _journal(world: World, report: dict[str, Any]) -> None:
    kinds = world.sql(
        "SELECT kind, data->>'node' FROM calls_journal WHERE call_id = %s::uuid"
        " AND seq < 1000000 ORDER BY seq",
        report["call_id"][2:],
    )
    told = [item["kind"] for item in report["timeline"] if item["seq"] < 1_000_000]
    assert [kind for kind, _ in kinds] == told
    nodes = [node for kind, node in kinds if kind == "verb.started"]
    assert nodes == ["welcome", "menu", "zip", "west", "desk"]
    ((version, tags),) = world.sql(
        "SELECT flow_version, (SELECT array_agg(value) FROM calls_tag t WHERE t.call_id = c.id)"
        " FROM calls_call c WHERE id = %s::uuid",
        report["call_id"][2:],
    )
    assert (version, tags) == (report["flow"]["version"], ["west"])
    newest = world.sql("SELECT max(version) FROM flows_version")
    assert newest == [(version + 1,)]


def _watched(lines: Path, report: dict[str, Any]) -> None:
    """``ringfence watch`` printed the call's events as the timeline has them."""
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    kept = [(item["seq"], item["kind"]) for item in report["timeline"] if item["seq"] < 1_000_000]
    seen = [(event["seq"], event["kind"]) for event in events if event["seq"] < 1_000_000]
    assert seen == kept
    assert {event["call"] for event in events} == {report["call_id"]}


def test_faults_are_seen_and_named_each_as_its_own(world: World) -> None:
    """Webhooks may not go to the receiver; a newer price list has no price for the desk's number;
    ``live`` stands still."""
    allow(world.place, [])
    for name in ("web", "worker"):
        world.place.cli("restart", name)
    operator = world.key("--operator", "--scope", "ledger:write")
    csv = (
        "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
        "effective_from,effective_to\n44,0.05,0,0,60,60,2026-01-01T00:00:00+00:00,\n"
    )
    deck = {"name": "x", "kind": "sell", "direction": "outbound", "currency": "USD", "csv": csv}
    world.ask("POST", f"/tenants/{world.tenant}/rates/decks", operator, deck)
    live = world.place.pid("live")
    os.kill(live, signal.SIGSTOP)
    try:
        status, report = world.demo()
    finally:
        os.kill(live, signal.SIGCONT)
    assert (status, report["ok"]) == (1, False)
    assert red(report) == {NAMES["webhook"], NAMES["ledger"], NAMES["live"]}, report["checks"]
    assert "no_rate" in said(report, NAMES["ledger"])
    assert f'[egress] allow_networks = ["{receiver(world.place)}"]' in said(
        report, NAMES["webhook"]
    )


def test_a_desk_that_is_not_rung_is_seen(world: World) -> None:
    key = world.key(*("--tenant", world.tenant))
    (target,) = world.ask("GET", "/targets", key)["targets"]
    world.ask("PATCH", f"/targets/{target['id']}", key, {"enabled": False})
    status, report = world.demo()
    assert (status, report["ok"]) == (1, False)
    assert {NAMES["rings"], NAMES["talk"]} <= red(report)
    assert NAMES["menu"] not in red(report)
    assert said(report, NAMES["talk"]) == "not observed"


def test_without_an_installation_one_is_made_and_removed(tmp_path: Path) -> None:
    before = set(Path("/tmp").glob("rf-demo-*"))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RINGFENCE_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", "demo"],
        cwd=tmp_path,
        env=clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 23 checks hold" in done.stdout
    assert "starting a temporary one" in done.stderr
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not set(Path("/tmp").glob("rf-demo-*")) - before, 20.0)
