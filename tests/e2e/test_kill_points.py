"""kill -9 of ``keys``, ``web`` and ``control`` at 60 random moments while calls come and are read.

SIPp's own log says which calls there were. Each of them is told by rows that open, whatever died
meanwhile; a caller is missing only where SIPp saw a 503. Once the orphans of a day were collected,
nobody is left in the key store whom no row names.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import urllib.error
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.sipp import Line, Sipp, SippRunner
from tests.e2e.harness.wait import wait_until
from tests.e2e.harness.world import World, check_journal

from ringfence.entry.keys import root_key
from ringfence.entry.supervisor.messages import ProcessStatus
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.keys import orphans
from ringfence.platform.keys.names import Kind
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.rpc import RpcClient
from ringfence.platform.settings import NodeSettings, Settings

KILLS = 20
"""Of each process."""
LIVES = {"keys": 1.8, "control": 1.2, "web": 0.8}
"""The longest time in seconds for which each may serve; those that start faster may longer, so that
all of them die throughout."""
RATE = 8
"""Calls a second."""
TALK_MS = 400
MOST = 2500
LATER = timedelta(days=2)
PLANTED = 3

# As `ringfence serve`, but what dies starts again at once, however often it dies.
_SERVE = """
from ringfence.entry.cli import main
from ringfence.entry.supervisor import states
states.BACK_OFF_SECONDS = (0.0,)
main()
"""
# As `ringfence keys`, two days from now. Nobody holds a leaf any more: a destruction need not wait
# for a whole lease.
_KEYS_LATER = f"""
from datetime import timedelta
from ringfence.entry import keys
from ringfence.kernel.clock import SystemClock
from ringfence.platform.settings import load_settings
class Later(SystemClock):
    def now(self):
        return super().now() + timedelta(days={LATER.days})
    def micros(self):
        return super().micros() + {LATER.days} * 86_400_000_000
keys.SystemClock = Later
keys.main(load_settings(), lease_seconds=2.0)
"""
_WORKER = """
import json, sys
from uuid import UUID, uuid4
from ringfence.entry.database import setup_django
setup_django("worker")
from ringfence.platform_django.keys import keys
"""
# Keys whose rows never come: so many persons and items of a tenant.
_PLANT = (
    _WORKER
    + """
from ringfence.platform.keys.persons import Identifier, NewItem
tenant, count = UUID(sys.argv[1]), int(sys.argv[2])
found = keys().resolve(
    tenant,
    [Identifier("e164", f"+1646555{n:04}") for n in range(count)],
    [NewItem(uuid4(), ()) for _ in range(count)],
)
print(json.dumps([item.person.hex for item in found]))
"""
)
# The job of the night, then everything that stands in the tables, opened.
_COLLECT = (
    _WORKER
    + """
from ringfence.domains.calls.models import Call, CallLeg, JournalEvent
from ringfence.domains.privacy import api
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import across_tenants
from ringfence.platform_django.use import using
confirmed, destroyed = api.collect_orphans()
values, errors = [], []
def look(model, role, call):
    field = role + "_sealed"
    with across_tenants("test") as db:
        rows = list(model.objects.using(db).all())
    for at in range(0, len(rows), 100):
        batch = rows[at : at + 100]
        for row, opened in zip(batch, open_fields(batch, field)):
            found = opened[field]
            number = (found.value or {}).get("number")
            kind = row._meta.db_table + " " + (getattr(row, "kind", None) or role)
            values.append([kind, role, getattr(row, call).hex, number])
            if found.error:
                errors.append([kind, found.error])
    return rows
with using("service", "test"):
    calls = look(Call, "caller", "id")
    look(Call, "callee", "id")
    look(CallLeg, "party", "call_id")
    look(JournalEvent, "caller", "call_id")
    look(JournalEvent, "callee", "call_id")
    # and what an unreadable row would look like
    moved, damaged = [row for row in calls if row.caller_sealed][:2]
    moved.id = new_id()
    damaged.caller_sealed = bytes(damaged.caller_sealed[:-1]) + b"?"
    unreadable = open_fields([moved, damaged], "caller_sealed")
    control = [item["caller_sealed"].error for item in unreadable]
print(json.dumps({"confirmed": confirmed, "destroyed": destroyed, "values": values,
                  "errors": errors, "control": control}))
"""
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize(
        "own_world", [{"program": (sys.executable, "-c", _SERVE)}], indirect=True, ids=["serve"]
    ),
]


@dataclass
class Reads:
    """What an API client was told while processes died."""

    outcomes: Counter[str] = field(default_factory=Counter)
    numbers: set[str | None] = field(default_factory=set)
    errors: set[str | None] = field(default_factory=set)


@dataclass(frozen=True)
class Wire:
    """Callers by what SIPp saw of their one call."""

    placed: set[str]
    completed: set[str]
    """Answered, and the BYE was answered too."""
    refused: set[str]


async def test_sixty_kills_leave_no_unreadable_row(own_world: World, sipp: SippRunner) -> None:
    place, seed = own_world.installation, random.randrange(1 << 32)
    print(f"seed {seed}")
    tenant = parse_public_id(Prefix.TENANT, own_world.tenant.id)
    planted = await asyncio.to_thread(run, place, _PLANT, tenant.hex, str(PLANTED))
    callee = place.callee()
    called = await asyncio.to_thread(own_world.number, f"sip:desk@{callee}:5060")
    lines = [Line(place.telephone(), called=called) for _ in range(MOST)]
    await sipp.start("uas_answer", host=callee, port=5060, lines=lines, limit_s=900, trace=False)
    caller = await sipp.start(
        "uac_call_or_503", host=place.caller(), port=5060, lines=lines, peer=place.sip,
        talk_ms=TALK_MS, rate=RATE, limit_s=900,
    )  # fmt: skip
    reads = Reads()
    async with reading(own_world, reads):
        async with asyncio.timeout(600):
            await kill_at_random(place, random.Random(seed))
        caller.process.send_signal(signal.SIGUSR1)  # SIPp: no more calls, end those in progress
        await caller.passed(within=60)
    wire = seen(caller)
    print(f"calls {len(wire.placed)}, refused {len(wire.refused)}, reads {dict(reads.outcomes)}")
    assert wire.completed | wire.refused == wire.placed
    assert len(wire.completed) > 100
    check_reads(reads, wire)
    await recorded(place, len(wire.placed))
    await asyncio.to_thread(check_records, own_world, wire)
    check_state(place)
    assert place.process is not None
    place.process.terminate()
    await asyncio.to_thread(place.process.wait, 60)
    found = await asyncio.to_thread(collect, place)
    check_values(found, wire)
    print(f"orphans collected {found['destroyed']}, confirmed {found['confirmed']}")
    assert found["destroyed"] >= 2 * PLANTED
    check_store(settings_of(place), found["persons"], {UUID(one) for one in planted})


# --- what happens meanwhile -----------------------------------------------------------------------


async def kill_at_random(place: Installation, chance: random.Random) -> None:
    """Each process dies KILLS times, at a random moment after it served again."""
    supervisor = RpcClient(settings_of(place).run_dir / "supervisor.sock")
    supervisor.start()

    async def serving(name: str, not_pid: int | None) -> int:
        while True:
            states = await supervisor.call("status", None, list[ProcessStatus], timeout=10)
            (one,) = [one for one in states if one.name == name]
            if one.state == "ready" and one.pid not in (None, not_pid):
                assert one.pid is not None
                return one.pid
            await asyncio.sleep(0.05)

    async def kill(name: str) -> None:
        pid = await serving(name, None)
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, LIVES[name]))  # the moment of the kill
            os.kill(pid, signal.SIGKILL)
            pid = await serving(name, pid)

    try:
        await asyncio.gather(*map(kill, LIVES))
        states = await supervisor.call("status", None, list[ProcessStatus], timeout=10)
    finally:
        await supervisor.stop()
    assert {one.name: one.restarts for one in states} == {
        one.name: KILLS if one.name in LIVES else 0 for one in states
    }


@contextlib.asynccontextmanager
async def reading(world: World, reads: Reads) -> AsyncIterator[None]:
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await asyncio.to_thread(read, world, reads)
            await asyncio.sleep(0.1)

    task = asyncio.ensure_future(go_on())
    try:
        yield
    finally:
        stop.set()
        await task


def read(world: World, reads: Reads) -> None:
    """One look at the newest calls, and at the newest of them alone."""
    place, secret = world.installation, world.tenant.secret
    try:
        calls = place.get("/calls?limit=20", secret)["calls"]
        parties = [(one["from_number"], one["from_error"]) for one in calls]
        if calls:
            legs = place.get(f"/calls/{calls[0]['id']}", secret)["legs"]
            parties += [(leg["number"], leg["number_error"]) for leg in legs]
        reads.numbers |= {number for number, _ in parties}
        reads.errors |= {error for _, error in parties}
        outcome = "200" if calls else "nothing yet"
    except urllib.error.HTTPError as error:
        outcome = str(error.code)
    except (OSError, http.client.HTTPException):
        outcome = "no answer"
    reads.outcomes[outcome] += 1


def check_reads(reads: Reads, wire: Wire) -> None:
    """Nothing wrong was ever told: what is there opens, or the request failed as a whole."""
    assert set(reads.outcomes) <= {"200", "503", "no answer", "nothing yet"}, reads.outcomes
    assert reads.outcomes["200"] > 20
    assert reads.errors == {None}
    told = {number for number in reads.numbers if number and number.startswith("+")}
    assert told and told <= wire.placed


def seen(caller: Sipp) -> Wire:
    placed, completed, refused = set(), set(), set()
    calls: dict[str, str] = {}
    for message in caller.messages:
        number = re.search(r"sip:([^@]+)@", message.header("From"))
        assert number is not None
        who, method = number[1], message.header("CSeq").partition(" ")[2]
        if message.sent and message.method == "INVITE":
            placed.add(who)
            assert calls.setdefault(who, message.header("Call-ID")) == message.header("Call-ID")
        elif (method, message.status) == ("BYE", 200):
            completed.add(who)
        elif (method, message.status) == ("INVITE", 503):
            refused.add(who)
    return Wire(placed, completed, refused)


# --- afterwards -----------------------------------------------------------------------------------


def superuser(place: Installation) -> str:
    config = (place.folder / "ringfence.toml").read_text()
    port = int(config.split("embedded_port = ")[1].split()[0])
    data = place.folder / "var"
    return EmbeddedPostgres(data, data / "run", port).superuser_url.replace(
        "/postgres?", "/ringfence?"
    )


async def recorded(place: Installation, count: int) -> None:
    """Wait until each call has its finished record. A call that was tried has one, too."""

    def finished() -> tuple[Any, ...] | None:
        with psycopg.connect(superuser(place)) as connection:
            return connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE ended_at IS NOT NULL) FROM calls_call"
            ).fetchone()

    async with asyncio.timeout(40):
        while (counts := await asyncio.to_thread(finished)) != (count, count):
            assert counts is not None and counts[0] <= count, counts
            await asyncio.sleep(0.2)


def check_records(world: World, wire: Wire) -> None:
    """As the API tells them: each call that SIPp saw through has one record, with its number."""
    place, secret = world.installation, world.tenant.secret
    calls: list[dict[str, Any]] = []
    before = ""
    while True:
        page = place.get(f"/calls?limit=200{before}", secret)
        calls += page["calls"]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert {call["from_error"] for call in calls} == {None}
    found = Counter(call["from_number"] for call in calls if call["from_number"] is not None)
    assert set(found.values()) == {1}
    assert wire.completed <= set(found) <= wire.placed
    answered = [call for call in calls if call["disposition"] == "answered"]
    assert {call["from_number"] for call in answered} == wire.completed
    for call in answered[:: max(1, len(answered) // 20)]:
        record = place.full_record(call["id"], secret)
        check_journal(record)
        assert [leg["number_error"] for leg in record["legs"]] == [None, None]
        assert record["legs"][0]["number"] == call["from_number"]


def check_state(place: Installation) -> None:
    status = json.loads(place.cli("keys", "status", plain=True))
    assert (status["contradictions"], status["stale_shards"]) == (0, 0)
    trail = json.loads(place.cli("audit", "verify", "--json", plain=True))
    assert trail["ok"], trail
    assert trail["records"] > 20


def settings_of(place: Installation) -> Settings:
    return Settings(node=NodeSettings(data_dir=place.folder / "var"))


def run(place: Installation, code: str, *arguments: str) -> Any:
    """A program of the test beside the installation; what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=place.folder, env=place.environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def alone(place: Installation, *command: str) -> Iterator[None]:
    """A process of the installation without its supervisor."""
    with (place.folder / "alone.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=place.folder, env=place.environment,
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(40)
        finally:
            process.kill()
            process.wait()


def collect(place: Installation) -> dict[str, Any]:
    """Two days later the job collects orphans; then every value is opened."""

    def answers() -> bool:
        with contextlib.suppress(psycopg.Error):
            psycopg.connect(superuser(place)).close()
            return True
        return False

    with alone(place, "-m", "ringfence.entry.cli", "database"):
        wait_until(answers, 60, what="the database")
        with alone(place, "-c", _KEYS_LATER):
            found: dict[str, Any] = run(place, _COLLECT)
        with psycopg.connect(superuser(place)) as connection:
            rows = connection.execute(
                "SELECT caller_id FROM calls_journal UNION SELECT callee_id FROM calls_journal "
                "UNION SELECT caller_id FROM calls_call UNION SELECT callee_id FROM calls_call "
                "UNION SELECT party_id FROM calls_leg"
            ).fetchall()
    found["persons"] = {person for (person,) in rows if person is not None}
    return found


def check_values(found: dict[str, Any], wire: Wire) -> None:
    """Everything sealed opens. Nothing is missing but the parties of calls that got a 503."""
    assert found["control"] == ["unreadable_value", "unreadable_value"]
    assert found["errors"] == []
    callers = {
        call: number for kind, _, call, number in found["values"] if kind == "calls_call caller"
    }
    assert len(callers) == len(wire.placed)
    told = [number for number in callers.values() if number is not None]
    assert len(told) == len(set(told)) and set(told) <= wire.placed
    assert wire.placed - set(told) <= wire.refused
    nobody = {call for call, number in callers.items() if number is None}
    always = {"calls_leg party", "calls_journal call.started", "calls_journal leg.created"}
    parties: dict[tuple[str, str], list[str]] = {}
    for kind, _, call, number in found["values"]:
        if kind in always and number is not None:
            parties.setdefault((kind, call), []).append(number)
    for call, number in callers.items():
        for kind in always:
            assert (number in parties.get((kind, call), ())) is (call not in nobody), (kind, call)
    unsealed = [
        call for kind, _, call, number in found["values"]
        if kind == "calls_leg party" and number is None
    ]  # fmt: skip
    assert set(unsealed) <= nobody


def check_store(settings: Settings, named: set[UUID], planted: set[UUID]) -> None:
    """In the key store live the persons whom rows name, and nobody else."""
    root = RootKeys(root_key(settings))
    clock = ManualClock(datetime.now(UTC) + LATER)
    store = KeyStore(settings.key_store, SlotFile(settings.key_slots, root), root, clock)
    try:
        assert orphans.candidates(store) == [] and store.contradictions() == []
        living: dict[Kind, set[UUID]] = {Kind.PERSON: set(), Kind.ITEM: set()}
        for row in store.db.execute("SELECT shard, lookup, tenant, body FROM key").fetchall():
            name, _ = store.unwrap_row(*row)
            if name.kind in living:
                living[name.kind].add(UUID(bytes=name.id))
    finally:
        store.close()
    assert len(named) > 100 and len(planted) == PLANTED
    assert living == {Kind.PERSON: named, Kind.ITEM: set()}
    assert not planted & named
