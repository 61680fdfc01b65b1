"""What the request log costs: a request with and without it, and writing it in batches.

A request is one ``GET /api/v1/tenant`` through Django's whole stack, in this process and without
a socket; both ways take turns, so that the machine's mood meets both alike.
"""

from __future__ import annotations

import contextlib
import os
import time
from uuid import UUID

from bench.installed import installed
from bench.report import emit

_ROUNDS, _OF = 20, 100
_BATCHES = (100, 1000, 10_000)


def main() -> None:
    os.environ["RINGFENCE_WEB__REQUESTS_PER_MINUTE"] = "0"
    os.environ["RINGFENCE_WEB__TENANT_REQUESTS_PER_MINUTE"] = "0"
    with installed("web"):
        _hot_path()
        _served()
        _written()


def _record(tenant: UUID) -> tuple[object, ...]:
    from ringfence.platform_django.clock import new_id

    return (
        new_id(), tenant, tenant, "key", "GET", "/api/v1/calls/{call_id}", ["CA" + "0" * 32], 200,
        12, "", "192.0.2.0/24",
    )  # fmt: skip


def _hot_path() -> None:
    """Only the append, of a record that is there."""
    from ringfence.domains.accounts.request_log import Record, RequestLog

    record, count = Record(*_record(UUID(int=1))), 100_000  # type: ignore[arg-type]
    log = RequestLog(most=count)
    begun = time.perf_counter()
    for _ in range(count):
        log.add(record)
    emit("request_log", "append", (time.perf_counter() - begun) / count * 1e6, "us", count)


def _served() -> None:
    from django.test import Client

    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.accounts.request_log import RequestLog, use_request_log

    tenant = accounts.create_tenant("Bench").id
    secret = accounts.create_api_key(tenant).secret
    client, headers = Client(), {"Authorization": f"Bearer {secret}"}
    spent: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(_ROUNDS):
        for name, costs in spent.items():
            kept = use_request_log(RequestLog()) if name == "with" else contextlib.nullcontext()
            with kept:
                begun = time.thread_time()
                for _ in range(_OF):
                    assert client.get("/api/v1/tenant", headers=headers).status_code == 200
                costs.append((time.thread_time() - begun) / _OF)
    median = {name: sorted(costs)[_ROUNDS // 2] for name, costs in spent.items()}
    for name, cost in median.items():
        emit("request_log", f"request {name} it, cpu", cost * 1e3, "ms", _ROUNDS * _OF)
    emit("request_log", "difference", (median["with"] - median["without"]) * 1e6, "us", _ROUNDS)


def _written() -> None:
    from django.db import connections

    from ringfence.domains.accounts.queries import page_of_requests
    from ringfence.domains.accounts.request_log import Record, RequestLog

    tenants = [UUID(int=index) for index in range(1, 21)]
    for size in _BATCHES:
        rounds = max(1, 20_000 // size)
        wall = cpu = 0.0
        for _ in range(rounds):
            log = RequestLog()
            for index in range(size):
                log.add(Record(*_record(tenants[index % 20])))  # type: ignore[arg-type]
            begun, own = time.perf_counter(), time.thread_time()
            assert log.flush() == size
            wall += time.perf_counter() - begun
            cpu += time.thread_time() - own
        total = size * rounds
        emit("request_log", f"batch of {size}, wall", wall / total * 1e6, "us/record", total)
        emit("request_log", f"batch of {size}, cpu", cpu / total * 1e6, "us/record", total)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(c.oid)), (SELECT count(*) FROM accounts_request)"
            " FROM pg_class c WHERE c.relname LIKE 'accounts\\_request\\_p%%' AND c.relkind = 'r'"
        )
        size_bytes, count = cursor.fetchone()
    emit("request_log", "stored", float(size_bytes) / count, "bytes/record", count)
    waits = []
    for _ in range(50):
        begun = time.perf_counter()
        page_of_requests(tenants[0], credential=tenants[0], status=200)
        waits.append(time.perf_counter() - begun)
    emit("request_log", "page of one credential", sorted(waits)[25] * 1e3, "ms", 50)


if __name__ == "__main__":
    main()
