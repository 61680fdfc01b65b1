"""Durable ratings a second, what one costs client, server and `keys`, and the decision to start.

Calls stand in the journal as the call plane wrote them: an inbound leg, and an outbound one whose
number is sealed. A rating is an entry with its lines: four a call (both legs, sold and bought).
``BENCH_CALLS`` calls (default 5,000) of ``BENCH_TENANTS`` tenants (default 20); ``BENCH_LINES``
lines (default 1,000,000) lie in the wallet whose balance decides.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psutil

from bench.journal import _cpu as cpu_of
from bench.report import emit

_CALLS = int(os.environ.get("BENCH_CALLS", "5000"))
_TENANTS = int(os.environ.get("BENCH_TENANTS", "20"))
_LINES = int(os.environ.get("BENCH_LINES", "1000000"))
_BATCHES = (10_000, 1_000)
"""Events of the journal that are rated together."""
_FILL = """
    INSERT INTO ledger_entry (id, tenant_id, occurred_at, kind, idempotency_key, reference_type,
        reference_id, explanation, line_count)
    SELECT md5(n::text)::uuid, %(tenant)s, now(), 'charge', 'fill-' || n, 'call', 'c' || n,
        '{"rule": "test/1"}', 2 FROM generate_series(1, %(lines)s) AS n;
    INSERT INTO ledger_line (entry_id, seq, tenant_id, account_id, amount_micros)
    SELECT md5(n::text)::uuid, s, %(tenant)s, a.id, CASE s WHEN 0 THEN -5 ELSE 5 END
    FROM generate_series(1, %(lines)s) AS n, generate_series(0, 1) AS s
    JOIN ledger_account a ON a.tenant_id = %(tenant)s
        AND a.kind = CASE s WHEN 0 THEN 'wallet' ELSE 'revenue' END;
"""


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    home.chmod(0o755)
    os.environ["RINGFENCE_NODE__DATA_DIR"] = str(home / "var")
    from ringfence.entry.database import prepare, setup_django
    from ringfence.platform.postgres import EmbeddedPostgres
    from ringfence.platform.settings import load_settings

    settings = load_settings()
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    try:
        server.start()
        prepare(settings)
        setup_django("control")
        assert server.pid is not None
        with _key_owner() as owner:
            _measure(server.pid, owner.pid)
            _decide()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _key_owner() -> Iterator[psutil.Process]:
    code = "from ringfence.entry.cli import cli; cli(['keys'])"
    process = psutil.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _measure(postgres: int, owner: int) -> None:
    from tests.rated_calls import make_decks, write_calls

    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.calls.api import store_events
    from ringfence.domains.ledger import api as ledger
    from ringfence.domains.ledger.usecases import rate_calls
    from ringfence.entry.control.translate import call_event
    from ringfence.platform_django.keys import keys

    chance = random.Random(1)
    tenants = [accounts.create_tenant(f"T{index}").id for index in range(_TENANTS)]
    for tenant in tenants:
        make_decks(tenant)
    numbers = [f"+1{area}555{last:04}" for area in (415, 646, 212) for last in range(1000)]

    def fill(calls: int) -> None:
        for tenant in tenants:
            stories = write_calls(tenant, calls // _TENANTS, chance, numbers)
            store_events([call_event(record) for story in stories for record in story.records])

    opening = 0.0
    usage_of = rate_calls.usage_of

    def timed_usage(calls: object) -> object:
        nonlocal opening
        begin = time.process_time()
        found = usage_of(calls)  # type: ignore[arg-type]
        opening += time.process_time() - begin
        return found

    rate_calls.usage_of = timed_usage  # type: ignore[assignment]
    fill(400)
    while ledger.rate_next(10_000):  # connections and plans
        pass
    for name, watched in (("", False), (" watched wallets", True)):
        if watched:
            for tenant in tenants:
                ledger.set_wallet_limits(
                    tenant, "USD", credit_limit_micros=0, low_balance_micros=-1
                )
        for batch in _BATCHES:
            fill(_CALLS)
            ledger.checkpoint()  # as `control` does every few seconds
            keys().close()  # as cold as after a start
            opening, before, entries = 0.0, (cpu_of(postgres), cpu_of(owner)), _entries()
            wall, cpu = time.perf_counter(), time.process_time()
            while ledger.rate_next(batch):
                pass
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            count = _entries() - entries
            server, keeper = cpu_of(postgres) - before[0], cpu_of(owner) - before[1]
            label = f"{batch} events a batch{name}"
            emit("ratings", f"durable ratings, {label}", count / wall, "1/s", count)
            emit("ratings", f"cpu client, {label}", cpu / count * 1e6, "us/rating", count)
            emit("ratings", f"cpu postgres, {label}", server / count * 1e6, "us/rating", count)
            emit("ratings", f"cpu keys, {label}", keeper / count * 1e6, "us/rating", count)
            share = (opening + keeper) / (cpu + server + keeper)
            emit("ratings", f"share of reading and opening, {label}", share, "", count)
    assert ledger.check_books().wrong_checkpoints == 0


def _entries() -> int:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry")
        return int(cursor.fetchall()[0][0])


def _decide() -> None:
    from django.db import connections

    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.ledger import api as ledger
    from ringfence.domains.ledger.contracts import Explanation, Reference
    from ringfence.kernel.money import Money

    tenant = accounts.create_tenant("Long").id
    ledger.charge(
        tenant,
        Money(1),
        idempotency_key="first",
        reference=Reference("call", "first"),
        explanation=Explanation("test/1"),
    )
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER balanced")
        cursor.execute(_FILL, {"tenant": tenant, "lines": _LINES})
        cursor.execute("ALTER TABLE ledger_entry ENABLE TRIGGER balanced")
        cursor.execute("VACUUM ANALYZE ledger_entry, ledger_line")
    _may_start(tenant, "without a checkpoint", 20)
    begin = time.perf_counter()
    ledger.checkpoint()
    emit("ratings", "first checkpoint", (time.perf_counter() - begin) * 1e3, "ms", 1)
    _may_start(tenant, "with a checkpoint", 500)


def _may_start(tenant: UUID, name: str, rounds: int) -> None:
    from ringfence.domains.ledger import api as ledger

    waits = []
    for _ in range(rounds):
        begin = time.perf_counter()
        assert not ledger.may_start(tenant, "USD")
        waits.append(time.perf_counter() - begin)
    waits.sort()
    label = f"may_start, {_LINES} lines, {name}"
    emit("ratings", f"{label}: p50", waits[rounds // 2] * 1e3, "ms", rounds)
    emit("ratings", f"{label}: p99", waits[rounds * 99 // 100] * 1e3, "ms", rounds)


if __name__ == "__main__":
    main()
