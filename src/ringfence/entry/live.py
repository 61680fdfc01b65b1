"""The live process: streams of journal events to consoles and API clients."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from aiohttp import web

from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub, JournalEntry
from ringfence.engine.live.parties import EventParties, with_parties
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.audit import AuditSpool
from ringfence.platform.database import database_urls
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.connect import key_client
from ringfence.platform.process import notify_ready, run
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings
from ringfence.platform.tickets import SECRET_NAME, verify_ticket

_CREDENTIAL = "live"
_SESSION = "-c default_transaction_read_only=on -c statement_timeout=5000"
_LATEST = "SELECT coalesce(max(position), 0) FROM calls_journal"
# One statement, so one snapshot: nothing at or below `newest` can appear later.
_READ = """
    SELECT top.newest, entry.* FROM (SELECT coalesce(max(position), 0) AS newest
        FROM calls_journal) AS top
    LEFT JOIN LATERAL (
        SELECT position, seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            tenant_id, call_id, kind, data::text,
            caller_id, caller_sealed, callee_id, callee_sealed
        FROM calls_journal WHERE tenant_id = ANY(%s) AND position > %s
        ORDER BY position LIMIT %s
    ) AS entry ON true ORDER BY entry.position
"""
_TEXT = '{"position":%d,"call":"%s","seq":%d,"at":"%s","kind":"%s","data":%s}'


class JournalUnavailable(Unavailable):
    """The database cannot be asked now."""

    code = "journal_unavailable"


class DatabaseJournal:
    """The journal of all tenants, read as the operator's role in a session that cannot write, its
    persons opened for the service of their tenant."""

    def __init__(self, url: str, keys: KeyClient) -> None:
        self._url = url
        self._keys = keys
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lock = asyncio.Lock()

    async def latest(self) -> int:
        ((newest,),) = await self._query(_LATEST, ())
        return int(newest)

    async def read(
        self, tenants: Collection[UUID], after: int, limit: int
    ) -> tuple[int, list[JournalEntry]]:
        rows = await self._query(_READ, (list(tenants), after, limit))
        found = [(row[1:4], EventParties(*row[4:])) for row in rows if row[1] is not None]
        texts = await with_parties(self._keys, [event for _, event in found])
        entries = [
            JournalEntry(
                position,
                event.tenant,
                _TEXT % (position, public_id(Prefix.CALL, event.call), seq, at, event.kind, data),
            )
            for ((position, seq, at), event), data in zip(found, texts, strict=True)
        ]
        return int(rows[0][0]), entries

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _query(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        async with self._lock:
            try:
                if self._connection is None:
                    self._connection = await psycopg.AsyncConnection.connect(
                        self._url, autocommit=True, connect_timeout=3, options=_SESSION
                    )
                cursor = await self._connection.execute(query, parameters)
                return await cursor.fetchall()
            except psycopg.Error as error:
                await self.close()
                self._connection = None
                raise JournalUnavailable("the journal cannot be read now") from error


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
    source = DatabaseJournal(database_urls(settings).operator, keys)
    hub = Hub(source)
    api = LiveApi(hub, lambda text: verify_ticket(secret, text, clock), clock)
    runner = web.AppRunner(
        api.application(),
        access_log=None,  # it would show tickets
        handler_cancellation=True,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    polling = asyncio.create_task(hub.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await web.TCPSite(runner, settings.live.host, settings.live.port).start()
        notify_ready()
        await asyncio.wait((polling, stopping), return_when=asyncio.FIRST_COMPLETED)
        if polling.done():
            polling.result()  # an error in it ends this process, so that it is started again
    finally:
        stopping.cancel()
        polling.cancel()
        await runner.cleanup()
        await source.close()
        await keys.stop()
        audit.close()
