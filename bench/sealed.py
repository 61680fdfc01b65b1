"""Listing calls with sealed numbers: CPU of the process that answers, warm and cold, and SQL alone.

``BENCH_CALLS`` rows (default 1,000,000) stand in the table, the newest hundred of them with values
that open. The process ``keys`` is a real one; its own CPU is told apart.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from bench.report import emit

_CALLS = int(os.environ.get("BENCH_CALLS", "1000000"))
_PAGE, _ROUNDS = 100, 40
_FILL = """
    INSERT INTO calls_call (id, tenant_id, direction, started_at, billed_seconds, disposition,
        caller_id, caller_sealed, dialled, country_code, area)
    SELECT (lpad(to_hex(%(first)s + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
            || substr(md5(n::text), 4, 15))::uuid,
        %(tenant)s, 'inbound', now(), 60, 'answered', md5((n %% 300000)::text)::uuid,
        '\\x01'::bytea || sha256(n::text::bytea) || '\\x0102030405060708090a0b0c0d'::bytea,
        '+1202555' || lpad((n %% 500)::text, 4, '0'), '1', '415'
    FROM generate_series(1, %(calls)s) n
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
        setup_django("web")
        with _key_owner() as owner:
            _measure(owner)
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


def _measure(owner: psutil.Process) -> None:
    from django.test import Client

    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.calls import api as calls
    from ringfence.domains.calls.contracts import CallFilter
    from ringfence.platform_django.keys import keys
    from ringfence.platform_django.use import using

    tenant = accounts.create_tenant("Bench").id
    secret = accounts.create_api_key(tenant).secret
    _fill(tenant)
    _newest(tenant)

    def http() -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = Client().get(f"/api/v1/calls?limit={_PAGE}", headers=headers)
        assert answer.status_code == 200, answer.content
        assert [call["from_error"] for call in answer.json()["calls"]] == [None] * _PAGE

    def listing(where: CallFilter = CallFilter()) -> Callable[[], None]:  # noqa: B008 - frozen
        def work() -> None:
            with using("service", "bench"):
                calls.list_calls(tenant, where, limit=_PAGE)

        return work

    def cold(work: Callable[[], None]) -> Callable[[], None]:
        def forgotten() -> None:
            keys().close()
            work()

        return forgotten

    _cpu("sql alone, no value opened", _sql(tenant), owner)
    _cpu("sql and open, warm", listing(), owner)
    _cpu("sql and open, cold", cold(listing()), owner)
    _cpu("http, warm", http, owner)
    _cpu("http, cold", cold(http), owner)
    for name, where in (
        ("by caller", CallFilter(from_number="+14155550001")),
        ("by own number", CallFilter(to_number="+12025550007")),
        ("by number of nobody", CallFilter(from_number="+14155559999")),
    ):
        _cpu(f"search {name}", listing(where), owner)
    keys().close()


def _fill(tenant: UUID) -> None:
    from django.db import connections

    first = int(datetime.now(UTC).timestamp() * 1000) - _CALLS - 1
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_FILL, {"first": first, "tenant": tenant, "calls": _CALLS - _PAGE})
        cursor.execute("VACUUM ANALYZE calls_call")


def _newest(tenant: UUID) -> None:
    """As the call plane seals: both parties somebody's, the callee too."""
    from ringfence.domains.calls.models import Call
    from ringfence.platform.keys.persons import Identifier
    from ringfence.platform_django.clock import clock, new_id
    from ringfence.platform_django.keys import keys
    from ringfence.platform_django.sealed import seal_field
    from ringfence.platform_django.tenancy import across_tenants

    numbers = [f"+1415555{index:04}" for index in range(2 * _PAGE)]
    found = keys().resolve(tenant, [Identifier("e164", number) for number in numbers])
    rows = []
    for index in range(_PAGE):
        row = Call(id=new_id(), tenant_id=tenant, direction="inbound", started_at=clock().now())
        for role, at in (("caller", index), ("callee", _PAGE + index)):
            setattr(row, f"{role}_id", found[at].person)
            sealed = seal_field(row, f"{role}_sealed", {"number": numbers[at]})
            setattr(row, f"{role}_sealed", sealed)
        rows.append(row)
    with across_tenants("bench") as alias:
        Call.objects.using(alias).bulk_create(rows)


def _sql(tenant_id: UUID) -> Callable[[], None]:
    from ringfence.domains.calls.models import Call
    from ringfence.platform_django.tenancy import tenant

    def work() -> None:
        with tenant(tenant_id):
            assert len(Call.objects.order_by("-id")[:_PAGE]) == _PAGE

    return work


def _cpu(metric: str, work: Callable[[], Any], owner: psutil.Process) -> None:
    work()
    before = owner.cpu_times()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(_ROUNDS):
        work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    after = owner.cpu_times()
    spent = after.user + after.system - before.user - before.system
    emit("sealed", f"{metric}: cpu a page of {_PAGE}", cpu / _ROUNDS * 1e3, "ms", _ROUNDS)
    emit("sealed", f"{metric}: cpu of keys", spent / _ROUNDS * 1e3, "ms", _ROUNDS)
    emit("sealed", f"{metric}: wall", wall / _ROUNDS * 1e3, "ms", _ROUNDS)
