"""What the audit trail costs: a record on the hot path, sealing, looking up, verifying."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from bench.report import emit
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.ids import Prefix, public_id, uuid7
from ringfence.platform.audit import AuditSpool, instances
from ringfence.platform.audit import audit_directory as directory
from ringfence.platform.database import Role, create_role_passwords, database_urls
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.settings import Settings, load_settings

_CLOCK = SystemClock()
_RECORDS = 100_000
_TENANTS = [UUID(int=index) for index in range(1, 21)]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name:
        os.environ["RINGFENCE_NODE__DATA_DIR"] = name
        settings = load_settings()
        _hot_path(settings)
        with _database(settings):
            _seal(settings)
            _verify(settings)


def _use(index: int, objects: int = 1) -> UseRecord:
    names = tuple(public_id(Prefix.CALL, uuid7(_CLOCK)) for _ in range(objects))
    tenant = _TENANTS[index % len(_TENANTS)]
    return UseRecord(
        _CLOCK.micros(), "web", "key:0123456789abcdef", tenant, "open", "service", names, "ok"
    )


def _hot_path(settings: Settings) -> None:
    for objects in (1, 100):
        uses = [_use(index, objects) for index in range(1000)]
        count = _RECORDS // objects
        spool = AuditSpool(settings, "web")
        start, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
        for index in range(count):
            spool(uses[index % 1000])
        own = time.thread_time() - own
        spool.flush(60)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        spool.close()
        name = f"record_of_{objects}"
        emit("audit", f"{name}_caller", own / count * 1e6, "us", count)
        emit("audit", f"{name}_cpu", cpu / count * 1e6, "us", count)
        emit("audit", f"{name}_wall", wall / count * 1e6, "us", count)
    spool = AuditSpool(settings, "web")
    waits = []
    for index in range(100):
        start = time.perf_counter()
        spool(_use(index))
        spool.flush()
        waits.append(time.perf_counter() - start)
    spool.close()
    emit("audit", "durable_median", sorted(waits)[50] * 1e3, "ms", 100)
    emit("audit", "durable_max", max(waits) * 1e3, "ms", 100)
    for path in instances(directory(settings)):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    create_role_passwords(settings)
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    server.start()
    try:
        from ringfence.entry.database import prepare

        prepare(settings)
        yield
    finally:
        from django.db import connections

        connections.close_all()
        server.stop()


def _seal(settings: Settings) -> None:
    from ringfence.platform_django.audit.sealer import AuditSealer

    spool, sealer = AuditSpool(settings, "web"), AuditSealer(settings)
    sealer.seal()
    for size, rounds in ((20, 50), (1000, 20), (10_000, 10)):
        spent, cpu = 0.0, 0.0
        for _ in range(rounds):
            for index in range(size):
                spool(_use(index))
            spool.flush()
            start, own = time.perf_counter(), time.thread_time()
            sealer.seal()
            spent += time.perf_counter() - start
            cpu += time.thread_time() - own
        total = size * rounds
        emit("audit", f"seal_wall_rounds_of_{size}", spent / total * 1e6, "ms/1000", total)
        emit("audit", f"seal_cpu_rounds_of_{size}", cpu / total * 1e6, "ms/1000", total)
    start = time.perf_counter()
    for _ in range(50):
        sealer.seal()
    emit("audit", "idle_round", (time.perf_counter() - start) / 50 * 1e3, "ms", 50)
    spool.close()
    sealer.close()


def _verify(settings: Settings) -> None:
    from ringfence.platform_django.audit.queries import list_uses
    from ringfence.platform_django.audit.verify import verify

    urls = database_urls(settings)
    with psycopg.connect(urls.of(Role.OWNER), autocommit=True) as connection:
        connection.execute("ANALYZE audit_use; ANALYZE audit_batch")
        sizes = connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)), (SELECT count(*) FROM audit_use) "
            "FROM pg_class c WHERE c.relname LIKE 'audit_use%' AND c.relkind = 'r'"
        ).fetchone()
        wanted = connection.execute("SELECT object_ids[1] FROM audit_use LIMIT 1").fetchone()
    assert sizes is not None
    assert wanted is not None
    emit("audit", "stored", float(sizes[0]) / sizes[1], "bytes/record", sizes[1])
    start = time.perf_counter()
    report = verify(urls.operator, kept_from=_CLOCK.now())
    assert report.ok
    spent = time.perf_counter() - start
    emit("audit", "verify", spent / report.records * 1e6, "us/record", report.records)
    emit("audit", "uses_of_object", _median(lambda: _asked(list_uses, wanted[0])), "ms", 50)
    emit("audit", "uses_of_tenant", _median(lambda: _asked(list_uses, None)), "ms", 50)


def _asked(list_uses: Callable[..., object], object_id: str | None) -> float:
    start = time.perf_counter()
    list_uses(_TENANTS[0], object_id=object_id)
    return time.perf_counter() - start


def _median(once: Callable[[], float]) -> float:
    return sorted(once() for _ in range(50))[25] * 1e3
