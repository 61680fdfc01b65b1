"""The egress process's own service, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop
from psycopg.conninfo import make_conninfo

from ringfence.entry.egress.main import serve
from ringfence.platform.settings import Settings


def conninfo(database: dict[str, Any]) -> str:
    """A connection string of one of Django's databases."""
    return make_conninfo(
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"],
    )


@contextmanager
def serving_egress(settings: Settings, callplane_url: str) -> Iterator[None]:
    """Serves at the socket of these settings; its ledger is in the database at the URL."""
    loop = uvloop.new_event_loop()
    stop = asyncio.Event()
    ready = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        task = loop.create_task(serve(settings, stop, database_url=callplane_url))

        async def watch() -> None:
            while not settings.egress_socket.exists() and not task.done():
                await asyncio.sleep(0.005)
            ready.set()

        loop.run_until_complete(asyncio.gather(task, watch()))

    thread = threading.Thread(target=run, daemon=True)
    settings.egress_socket.unlink(missing_ok=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()
        loop.close()
