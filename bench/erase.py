"""Clean-up cost of an erasure and of an expired day among many calls; the keys are not part of it.

``python -m bench.erase --calls 1000000 --persons 300000`` fills a database of its own with
rows of a month (calls, two legs and three journal events each). By hand only: it takes minutes and
some gigabytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench.report import emit

TENANT = UUID("01900000-0000-7000-8000-000000000001")
DAYS = 30
BATCH = 50_000
_ID = """(lpad(to_hex({at}::bigint), 12, '0') || '7' || substr(md5('{salt}' || n), 1, 3)
          || '8' || substr(md5('{salt}' || n), 4, 15))::uuid"""
_PERSON = "md5('person' || ({n}) %% {persons})::uuid"
_SEALED = "'\\x01'::bytea || sha256(('{salt}' || n)::bytea) || '\\x0102030405060708090a0b0c0d'"


def _fill(connection: psycopg.Connection[Any], first: int, calls: int, persons: int) -> None:
    start = int((datetime.now(UTC) - timedelta(days=DAYS)).timestamp() * 1000)
    step = DAYS * 86_400_000 // calls
    at = f"({start} + n::bigint * {step})"
    call = _ID.format(at=at, salt="call")
    caller = _PERSON.format(n="n * 7", persons=persons)
    callee = _PERSON.format(n="n * 13 + 5", persons=persons)
    moment = f"to_timestamp({at} / 1000.0)"
    rows = f"FROM generate_series({first}, {min(first + BATCH, calls) - 1}) n"
    sealed = _SEALED.format
    statements = [
        "INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds, caller_id,"
        " caller_sealed, callee_id, callee_sealed, country_code, area)"
        f" SELECT {call}, '{TENANT}', 'inbound', {moment}, 60, {caller}, {sealed(salt='a')},"
        f" {callee}, {sealed(salt='b')}, 'US', '415' {rows}",
    ]
    for role, person in (("caller", caller), ("callee", callee)):
        statements.append(
            "INSERT INTO calls_leg (id, tenant_id, call_id, role, created_at, party_id,"
            f" party_sealed) SELECT {_ID.format(at=at, salt=role)}, '{TENANT}', {call}, '{role}',"
            f" {moment}, {person}, {sealed(salt=role)} {rows}"
        )
    both = f"{caller}, {sealed(salt='c')}, {callee}, {sealed(salt='d')}"
    one = f"{caller}, {sealed(salt='e')}, NULL::uuid, NULL::bytea"
    other = f"NULL::uuid, NULL::bytea, {callee}, {sealed(salt='f')}"
    facts = '{"country_code": "US", "area": "415"}'
    for seq, (kind, parties, data) in enumerate(
        (("call.started", both, facts), ("leg.created", one, "{}"), ("leg.created", other, "{}")), 1
    ):
        statements.append(
            "INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data, caller_id,"
            f" caller_sealed, callee_id, callee_sealed) SELECT {call}, {seq}, {moment}, '{kind}',"
            f" '{TENANT}', '{data}', {parties} {rows}"
        )
    for statement in statements:
        connection.execute(statement.replace("%%", "%"))  # type: ignore[call-overload]


def _timed(action: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    rows = action()
    return time.perf_counter() - started, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--persons", type=int, default=300_000)
    parser.add_argument("--erasures", type=int, default=20)
    options, _ = parser.parse_known_args()
    home = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    home.chmod(0o755)
    os.environ["RINGFENCE_NODE__DATA_DIR"] = str(home / "var")
    from ringfence.entry.database import prepare
    from ringfence.platform.postgres import EmbeddedPostgres
    from ringfence.platform.settings import load_settings

    settings = load_settings()
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    try:
        server.start()
        prepare(settings)
        for metric, value, unit, n in _measure(settings, options):
            emit("erase", metric, value, unit, n)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _measure(settings: Any, options: argparse.Namespace) -> list[tuple[str, float, str, int]]:
    from ringfence.domains.privacy.usecases.clear_rows import clear_rows
    from ringfence.platform.database import database_urls
    from ringfence.platform.keys.erasure import Destruction, ErasePerson
    from ringfence.platform.keys.names import Bucket, day_number

    with psycopg.connect(database_urls(settings).owner, autocommit=True) as connection:
        began = time.perf_counter()
        for first in range(0, options.calls, BATCH):
            _fill(connection, first, options.calls, options.persons)
        filled = time.perf_counter() - began
        connection.execute("ANALYZE calls_call; ANALYZE calls_leg; ANALYZE calls_journal")
        row = connection.execute(
            "SELECT array_agg(DISTINCT caller_id) FROM (SELECT caller_id FROM calls_call"
            " LIMIT %s) few",
            [options.erasures],
        ).fetchone()
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None and size is not None
    erased = [
        _timed(lambda who=who: clear_rows(TENANT, Destruction((ErasePerson(who),))))  # type: ignore[misc]
        for who in row[0]
    ]
    day = day_number(datetime.now(UTC)) - DAYS // 2
    bucket = Bucket("identifier", "call_records", day=day)
    expired = _timed(lambda: clear_rows(TENANT, Destruction(buckets=(bucket,))))
    calls = options.calls
    spent = sorted(seconds * 1000 for seconds, _ in erased)
    return [
        ("calls", calls, "rows", 1),
        ("persons", options.persons, "rows", 1),
        ("database", size[0] / (1 << 20), "MiB", 1),
        ("fill", filled, "s", calls),
        ("clear a person, median", statistics.median(spent), "ms", len(spent)),
        ("clear a person, worst", spent[-1], "ms", len(spent)),
        ("rows of a person, mean", statistics.mean(rows for _, rows in erased), "rows", len(spent)),
        ("clear a day", expired[0], "s", expired[1]),
        ("rows of a day", expired[1], "rows", 1),
    ]


if __name__ == "__main__":
    main()
