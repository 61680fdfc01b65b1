"""10,000 calls in the spool, rated by a ``control`` that is killed with -9 about every second.

What each leg costs is computed here, from the times in the spool and the price lists, by means that
share nothing with the product. Every leg is billed for its seconds, once.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import psycopg
from tests.keys_fixture import Keys
from tests.rated_calls import Story, make_decks, seconds_of, write_calls

from ringfence.domains.accounts import api as accounts
from ringfence.domains.ledger import api as ledger
from ringfence.engine.journal.records import encode
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.spool import SpoolWriter

CALLS = 10_000
TENANTS = 4
LIFE = (0.7, 1.3)
"""Seconds for which it may do something, once it does anything."""
SECONDS = 240
"""After that something is stuck."""
# `ringfence control`, again and again: its modules are loaded once, each life is a fork.
_LIVES = """
import os, sys
from ringfence.entry.database import setup_django
setup_django("control")
from ringfence.entry.control import decisions, documents, rating, shipper
from ringfence.entry.control.main import main
from ringfence.platform.process import die_with_parent
from ringfence.platform.settings import load_settings
die_with_parent()
settings = load_settings()
for _ in sys.stdin:
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        main(settings)
        os._exit(0)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
_RATED = """
    SELECT (explanation ->> 'leg')::uuid, kind, explanation -> 'steps' -> 0 ->> 'seconds',
        (SELECT max(abs(amount_micros)) FROM ledger_line WHERE entry_id = e.id)
    FROM ledger_entry e
"""


def environment(keys: Keys, urls: DatabaseUrls) -> dict[str, str]:
    return {
        **os.environ,
        "RINGFENCE_NODE__DATA_DIR": str(keys.settings.data_dir),
        "RINGFENCE_DATABASE__OWNER_URL": urls.owner,
        "RINGFENCE_DATABASE__APP_URL": urls.app,
        "RINGFENCE_DATABASE__OPERATOR_URL": urls.operator,
        "RINGFENCE_DATABASE__CALLPLANE_URL": urls.callplane,
        "RINGFENCE_DATABASE__IDENTITY_URL": urls.identity,
    }


async def fill_spool(directory: Path, stories: list[Story]) -> None:
    writer = SpoolWriter(directory)
    for number, story in enumerate(stories):
        for record in story.records:
            writer.append(encode(record))
        if number % 100 == 99:
            await writer.durable()
    await writer.durable()
    await writer.close()


class Progress:
    """How far shipping and rating are, as the owner sees it."""

    def __init__(self, owner: str, events: int) -> None:
        self._connection = psycopg.connect(owner, autocommit=True)
        self._events = events

    def complete(self) -> bool:
        """Whether all events are rows, and rating has read the last of them. Positions have gaps:
        what is delivered again uses some up."""
        rated, shipped = self()
        if rated != shipped:
            return False
        row = self._connection.execute("SELECT count(*) FROM calls_journal").fetchone()
        return row == (self._events,)

    def __call__(self) -> tuple[int, int]:
        row = self._connection.execute(
            "SELECT (SELECT coalesce(sum(position), 0) FROM ledger_cursor), "
            "(SELECT coalesce(max(position), 0) FROM calls_journal)"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def close(self) -> None:
        self._connection.close()


class Control:
    """The process, which starts again at once."""

    def __init__(self, env: dict[str, str]) -> None:
        self._lives = subprocess.Popen(
            [sys.executable, "-c", _LIVES],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, text: str) -> int:
        assert self._lives.stdin is not None and self._lives.stdout is not None
        self._lives.stdin.write(text)
        self._lives.stdin.flush()
        return int(self._lives.stdout.readline())

    def start(self) -> int:
        return self._ask("again\n")

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert self._ask("") == -signal.SIGKILL, "control ended by itself"

    def close(self) -> None:
        self._lives.kill()
        self._lives.communicate()


def serve_and_kill(control: Control, progress: Progress, chance: random.Random) -> int:
    """Let ``control`` work until everything is rated; how often it was killed at it."""
    kills, deadline = 0, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        before, pid = progress(), control.start()
        while progress() == before and time.monotonic() < deadline:
            time.sleep(0.02)
        until = time.monotonic() + chance.uniform(*LIFE)
        while time.monotonic() < until:
            if progress.complete():
                return kills
            time.sleep(0.02)
        control.kill(pid)
        kills += 1
    raise AssertionError(f"not rated in {SECONDS} s: {progress()}")


def test_ten_thousand_calls_are_rated_once_while_control_is_killed(
    db: DatabaseUrls, keys: Keys
) -> None:
    chance = random.Random(20)
    tenants = [accounts.create_tenant(f"T{index}").id for index in range(TENANTS)]
    for tenant in tenants:
        make_decks(tenant)
    stories = [story for tenant in tenants for story in write_calls(tenant, CALLS // 4, chance)]
    chance.shuffle(stories)
    asyncio.run(fill_spool(keys.settings.spool_dir, stories))
    events = sum(len(story.records) for story in stories)
    progress = Progress(db.owner, events)
    control, begin = Control(environment(keys, db)), time.monotonic()
    try:
        kills = serve_and_kill(control, progress, chance)
    finally:
        control.close()
        progress.close()
    print(f"{kills} kills in {time.monotonic() - begin:.0f} s")
    assert kills >= 5
    check(db, stories)
    report = ledger.check_books()
    assert (report.differences, report.waiting, report.wrong_checkpoints) == ((), 0, 0)


def check(db: DatabaseUrls, stories: list[Story]) -> None:
    wanted = {key: micros for story in stories for key, micros in story.expected().items()}
    seconds = {
        leg.id: 0 if story.emergency else seconds_of(leg.answered, leg.ended)
        for story in stories
        for leg in story.legs
        if leg.answered is not None
    }
    assert len(wanted) > 3 * CALLS
    with psycopg.connect(db.owner) as owner:
        rows = owner.execute(_RATED).fetchall()
        queued = owner.execute("SELECT leg_id, kind, reason FROM ledger_unrated").fetchall()
    kinds = {"charge": "sell", "cost": "buy"}
    booked: Counter[tuple[UUID, str]] = Counter((leg, kinds[kind]) for leg, kind, *_ in rows)
    assert set(booked.values()) == {1}, "a leg was billed twice"
    assert set(booked) == {key for key, micros in wanted.items() if micros is not None}
    assert {(leg, kind): why for leg, kind, why in queued} == {
        key: "no_rate" for key, micros in wanted.items() if micros is None
    }
    emergencies = {leg.id for story in stories if story.emergency for leg in story.legs}
    for leg, kind, used, micros in rows:
        assert int(micros or 0) == wanted[leg, kinds[kind]], (leg, kind)
        if leg not in emergencies:
            assert int(used or 0) == seconds[leg], (leg, kind)
