"""The ``database`` process: owner of the embedded PostgreSQL server."""

from __future__ import annotations

import asyncio
import logging

from ringfence.platform import process
from ringfence.platform.database import embedded_server, is_embedded
from ringfence.platform.postgres import DatabaseStartError
from ringfence.platform.settings import Settings, SettingsError

_log = logging.getLogger("ringfence.database")


def main(settings: Settings) -> None:
    """Run the server until told to stop. Raises DatabaseStartError, also when it dies."""
    if not is_embedded(settings):
        raise SettingsError("database.owner_url is set: there is no embedded database to start")
    server = embedded_server(settings)
    server.start()
    pid = server.pid
    if pid is None:
        raise DatabaseStartError("the database server ended at once; see postgres.log")
    _log.info("database ready", extra={"kv": {"server_pid": pid}})
    died: list[int] = []

    async def watch(stop: asyncio.Event) -> None:
        process.notify_ready()
        stopped = asyncio.ensure_future(stop.wait())
        exited = asyncio.ensure_future(process.process_exit(pid))
        await asyncio.wait({stopped, exited}, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            died.append(pid)
        stopped.cancel()
        exited.cancel()

    try:
        process.run(watch)
    finally:
        server.stop()
    if died:
        raise DatabaseStartError(f"the database server died with status {server.wait()}")
