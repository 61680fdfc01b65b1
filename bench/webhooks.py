"""Webhooks through the real loop: deliveries a second, CPU of each, and what telling costs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

from aiohttp import web

from bench.report import emit
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import create_role_passwords
from ringfence.platform.egress import Egress
from ringfence.platform.postgres import EmbeddedPostgres
from ringfence.platform.settings import EgressSettings, Settings, load_settings

_MESSAGES = 2000
_LOOPBACK = EgressSettings(allow_networks=("127.0.0.0/8",))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name, _receiver() as port:
        os.environ["RINGFENCE_NODE__DATA_DIR"] = str(Path(name, "var"))
        os.environ["RINGFENCE_EGRESS__ALLOW_NETWORKS"] = '["127.0.0.0/8"]'
        settings = load_settings()
        with _installation(settings):
            for endpoints in (1, 10):
                _deliver(port, endpoints)
            _tell()


def _deliver(port: int, endpoints: int) -> None:
    from ringfence.domains.webhooks import api as webhooks
    from ringfence.domains.webhooks.contracts import NewEndpoint

    tenant, call = _tenant_with_call()
    for _ in range(endpoints):
        webhooks.create_endpoint(tenant, NewEndpoint(f"http://127.0.0.1:{port}/", ("*",)))
    _enqueue(tenant, call, _MESSAGES // endpoints)
    start, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_until_empty(tenant))
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    emit("webhooks", f"deliveries_to_{endpoints}", _MESSAGES / wall, "1/s", _MESSAGES)
    emit("webhooks", f"cpu_to_{endpoints}", cpu / _MESSAGES * 1e3, "ms/delivery", _MESSAGES)


async def _until_empty(tenant: UUID) -> None:
    from ringfence.domains.webhooks.delivery import Deliveries

    stop = asyncio.Event()
    async with Egress(_LOOPBACK) as egress:
        running = asyncio.create_task(Deliveries(egress).run(stop))
        while await asyncio.to_thread(_pending, tenant):  # noqa: ASYNC110 - a row tells
            await asyncio.sleep(0.1)
        stop.set()
        await running


def _tell() -> None:
    tenant, call = _tenant_with_call()
    rounds, size = 20, 500
    for name, endpoints in (("nobody", 0), ("one", 1)):
        if endpoints:
            from ringfence.domains.webhooks import api as webhooks
            from ringfence.domains.webhooks.contracts import NewEndpoint

            webhooks.create_endpoint(tenant, NewEndpoint("https://hooks.invalid/", ("*",)))
        start = time.perf_counter()
        for round_ in range(rounds):
            _enqueue(tenant, call, size, round_ * size)
        spent = time.perf_counter() - start
        emit("webhooks", f"tell_{name}", spent / rounds / size * 1e6, "us/event", rounds * size)


def _enqueue(tenant: UUID, call: UUID, count: int, start: int = 0) -> None:
    from ringfence.domains.webhooks import api as webhooks

    now = SystemClock().micros()
    webhooks.enqueue_events(
        CallEvent(call, start + seq, now, EventKind.CALL_TAGGED, tenant)
        for seq in range(1, count + 1)
    )


def _tenant_with_call() -> tuple[UUID, UUID]:
    """A call record with two sealed parties, as the call plane leaves it."""
    from tests.population import record_call

    from ringfence.domains.accounts import api as accounts

    tenant, call = accounts.create_tenant("Bench").id, uuid7(SystemClock())
    record_call(call, uuid7(SystemClock()), tenant)
    return tenant, call


def _pending(tenant: UUID) -> bool:
    from django.db import connections

    from ringfence.platform_django.tenancy import across_tenants

    with across_tenants("bench") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM webhooks_delivery WHERE tenant_id = %s "
            "AND state = 'pending')",
            [tenant],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


@contextmanager
def _receiver() -> Iterator[int]:
    """A server in a process of its own, whose CPU is not counted."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs,), daemon=True
    )
    process.start()
    try:
        yield mine.recv()
    finally:
        process.kill()
        process.join()


def _serve(said: Connection) -> None:
    async def accept(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/", accept)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        said.send(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def _installation(settings: Settings) -> Iterator[None]:
    """The database, and ``keys`` in a process of its own."""
    create_role_passwords(settings)
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, settings.database.embedded_port)
    server.start()
    keys = multiprocessing.get_context("spawn").Process(target=_keys, daemon=True)
    try:
        from ringfence.entry.database import prepare, setup_django

        prepare(settings)
        keys.start()
        setup_django("worker")
        yield
    finally:
        from django.db import connections

        connections.close_all()
        keys.kill()
        keys.join()
        server.stop()


def _keys() -> None:
    from ringfence.entry.keys import main as run_keys

    run_keys(load_settings())


if __name__ == "__main__":
    main()
