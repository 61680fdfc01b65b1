"""The live process: streams of journal events to consoles and API clients."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from aiohttp import web

from ringfence.engine.live.access import Access
from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub
from ringfence.entry.live_database import DatabaseAccess, DatabaseJournal
from ringfence.kernel.clock import SystemClock
from ringfence.platform.audit import AuditSpool
from ringfence.platform.database import database_urls
from ringfence.platform.keys.connect import key_client
from ringfence.platform.process import notify_ready, run
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings
from ringfence.platform.tickets import SECRET_NAME, verify_ticket

_CREDENTIAL = "live"


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. The database may be away at the start and later."""
    run(partial(serve, settings))


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve streams on ``settings.live`` until ``stop``."""
    clock = SystemClock()
    secret = installation_secret(settings.data_dir, SECRET_NAME)
    audit = AuditSpool(settings, _CREDENTIAL)
    keys = key_client(settings, _CREDENTIAL, clock, audit)
    keys.start()
    url = database_urls(settings).operator
    journal = DatabaseJournal(url, keys)
    accesses = DatabaseAccess(url, clock, timedelta(minutes=settings.accounts.idle_minutes))
    hub, access = Hub(journal), Access(accesses, clock)
    api = LiveApi(hub, access, lambda text: verify_ticket(secret, text, clock), clock)
    runner = web.AppRunner(
        api.application(),
        access_log=None,  # it would show tickets
        handler_cancellation=True,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    working = [asyncio.create_task(hub.run()), asyncio.create_task(access.run())]
    stopping = asyncio.create_task(stop.wait())
    try:
        await web.TCPSite(runner, settings.live.host, settings.live.port).start()
        notify_ready()
        await asyncio.wait((*working, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in working:
            if task.done():
                task.result()  # an error in it ends this process, so that it is started again
    finally:
        stopping.cancel()
        for task in working:
            task.cancel()
        await runner.cleanup()
        await journal.close()
        await accesses.close()
        await keys.stop()
        audit.close()
