"""What the live process reads of the database: the journal, and which accesses still hold."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from ringfence.engine.live.access import AccessUnknown
from ringfence.engine.live.hub import JournalEntry
from ringfence.engine.live.parties import EventParties, with_parties
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.tickets import MARKS, Maker, marks_asked

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
_AT_ONCE = 2000
_TEXT = '{"position":%d,"call":"%s","seq":%d,"at":"%s","kind":"%s","data":%s}'


class JournalUnavailable(Unavailable):
    """The database cannot be asked now."""

    code = "journal_unavailable"


class _Reader:
    """A session of the operator's role that cannot write; one query at a time, each bounded."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lock = asyncio.Lock()

    async def query(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Raises psycopg.Error; the next query has a new connection then."""
        async with self._lock:
            try:
                if self._connection is None:
                    self._connection = await psycopg.AsyncConnection.connect(
                        self._url, autocommit=True, connect_timeout=3, options=_SESSION
                    )
                cursor = await self._connection.execute(query, parameters)
                return await cursor.fetchall()
            except (psycopg.Error, asyncio.CancelledError):
                await self.close()
                raise

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


class DatabaseJournal:
    """The journal of all tenants, read as the operator's role in a session that cannot write, its
    persons opened for the service of their tenant."""

    def __init__(self, url: str, keys: KeyClient) -> None:
        self._reader = _Reader(url)
        self._keys = keys

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
        await self._reader.close()

    async def _query(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return await self._reader.query(query, parameters)
        except psycopg.Error as error:
            raise JournalUnavailable("the journal cannot be read now") from error


class DatabaseAccess:
    """What made the tickets of open streams, as it stands in the database: one query for each
    2,000, whose answer tells nothing but whether each is as it was."""

    def __init__(self, url: str, clock: Clock, idle: timedelta) -> None:
        self._reader = _Reader(url)
        self._clock = clock
        self._idle = idle

    async def marks(self, makers: Sequence[tuple[UUID, Maker]]) -> list[UUID | None]:
        """As ``AccessSource`` says. Raises AccessUnknown."""
        found: list[UUID | None] = [None] * len(makers)
        for start in range(0, len(makers), _AT_ONCE):
            part = makers[start : start + _AT_ONCE]
            asked = marks_asked(part, self._clock.now(), self._idle)
            try:
                rows = await self._reader.query(MARKS, asked)
            except psycopg.Error as error:
                raise AccessUnknown("the database cannot be asked now") from error
            for place, mark in rows:
                found[start + place - 1] = mark
        return found

    async def close(self) -> None:
        await self._reader.close()
