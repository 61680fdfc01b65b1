"""The control process: call control for ``signalling``, delivery of journal and audit trail, and
rating."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

from ringfence.engine.ports import ConfigRequest, OriginateRequest, ProgramRequest, RouteRequest
from ringfence.engine.verbs.model import Program
from ringfence.entry.control.database import DatabaseThreads
from ringfence.entry.database import setup_django
from ringfence.platform.process import notify_ready, run
from ringfence.platform.rpc import RpcServer
from ringfence.platform.settings import Settings


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. The database may be away at the start and later."""
    setup_django("control")
    run(partial(serve, settings))


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Answer the call plane on the control socket, deliver the spools, until ``stop``."""
    from ringfence.entry.control.consents import with_refusals  # these need Django's registry
    from ringfence.entry.control.decisions import Decisions
    from ringfence.entry.control.documents import Documents
    from ringfence.entry.control.rating import Rating
    from ringfence.entry.control.shipper import Shipper
    from ringfence.platform_django.audit.sealer import AuditSealer

    decisions, database = Decisions(), DatabaseThreads()
    documents = Documents(settings, database.run, devices=decisions.devices)

    async def program(ask: ProgramRequest) -> Program:
        if ask.url is not None:
            found = await documents.fetch_document(ask)
            return await database.run(partial(with_refusals, ask.tenant, found))
        return await database.run(partial(decisions.program, ask))

    server = RpcServer(settings.control_socket)
    server.register(
        "config", ConfigRequest, lambda ask, _: database.run(partial(decisions.config, ask))
    )
    server.register(
        "route", RouteRequest, lambda ask, _: database.run(partial(decisions.route, ask))
    )
    server.register(
        "originate",
        OriginateRequest,
        lambda ask, _: database.run(partial(decisions.originate, ask)),
    )
    server.register("program", ProgramRequest, lambda ask, _: program(ask))
    stop_threads = threading.Event()
    shipper, sealer = Shipper(settings.spool_dir, settings.node.name), AuditSealer(settings)
    threads = [
        asyncio.create_task(asyncio.to_thread(run_thread, stop_threads))
        for run_thread in (shipper.run, sealer.run, Rating().run)
    ]
    await server.start()
    notify_ready()
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((stopping, *threads), return_when=asyncio.FIRST_COMPLETED)
        await server.stop()
    finally:
        stopping.cancel()
        stop_threads.set()
        database.close()
        await documents.close()
        await asyncio.gather(*threads)  # an error in one ends this process; it is started again
