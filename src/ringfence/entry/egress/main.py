"""The process ``egress``: alone in sending anything to third parties."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from ringfence.kernel.clock import SystemClock
from ringfence.platform import process
from ringfence.platform.database import database_urls
from ringfence.platform.egress import Egress
from ringfence.platform.gate.gate import Gate
from ringfence.platform.gate.ledger import PostgresLedger
from ringfence.platform.gate.server import GateServer
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings

SECRET = "egress-ledger"  # noqa: S105 - its name


def main(settings: Settings) -> None:
    """Serve until stopped. The database may be away: then nothing leaves."""
    process.run(partial(serve, settings))


async def serve(
    settings: Settings, stop: asyncio.Event, *, database_url: str | None = None
) -> None:
    """Answer the socket until ``stop``."""
    clock = SystemClock()
    ledger = PostgresLedger(database_url or database_urls(settings).callplane, clock)
    secret = installation_secret(settings.data_dir, SECRET)
    gate = Gate(settings, ledger, clock, secret, Egress(settings.egress))
    server = GateServer(settings, gate)
    writing = asyncio.create_task(ledger.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await server.start()
        process.notify_ready()
        await asyncio.wait((stopping, writing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await server.stop()
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing  # an error in it ends this process; it is started again
