"""The record of what leaves: a row is committed before the first byte of what it tells of.

Rows that come while one commit is under way share the next one, and so do the outcomes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Protocol
from uuid import UUID

import psycopg

from ringfence.kernel.clock import Clock
from ringfence.platform.egress import EgressFailed
from ringfence.platform.gate.messages import Row

_MOST_TOGETHER = 500
_MOST_OUTCOMES = 100_000
"""Kept while the database is away; more are forgotten: their rows say ``unknown``."""
_GATHER_SECONDS = 0.05
"""How long outcomes wait for a commit that rows pay for."""
_RECORD = """
    SELECT ringfence_record_egress(
        %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::bigint[], %s::bytea[], %s::text[], %s::timestamptz,
        %s::uuid[], %s::text[], %s::smallint[])
"""
_log = logging.getLogger("ringfence.egress")
Outcome = tuple[UUID, str, int | None]
"""Row, a word, and the status of the answer."""


class Ledger(Protocol):
    """Where rows go."""

    async def begin(self, row: Row) -> None:
        """Return when the row is committed. Raises EgressFailed (``ledger``)."""
        ...

    def end(self, id_: UUID, outcome: str, status: int | None = None) -> None:
        """Say what became of it, soon."""
        ...


class PostgresLedger:
    """Writes through one connection. ``run`` once, for as long as anything is to be written."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._rows: list[tuple[Row, asyncio.Future[None]]] = []
        self._outcomes: list[Outcome] = []
        self._wake = asyncio.Event()
        self._wanted = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def begin(self, row: Row) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rows.append((row, future))
        self._wake.set()
        self._wanted.set()
        await future

    def end(self, id_: UUID, outcome: str, status: int | None = None) -> None:
        if len(self._outcomes) < _MOST_OUTCOMES:
            self._outcomes.append((id_, outcome, status))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; then what is left is written, if the database is there."""
        try:
            while True:
                await self._wake.wait()
                if not self._rows:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wanted.wait(), _GATHER_SECONDS)
                await self._write()
        finally:
            if self._rows or self._outcomes:
                await self._write()
            if self._connection is not None:
                await self._connection.close()

    async def _write(self) -> None:
        rows, self._rows = self._rows[:_MOST_TOGETHER], self._rows[_MOST_TOGETHER:]
        outcomes, self._outcomes = self._outcomes[:5000], self._outcomes[5000:]
        if not self._rows:
            self._wanted.clear()
            if not self._outcomes:
                self._wake.clear()
        try:
            await self._record([row for row, _ in rows], outcomes)
        except (psycopg.Error, OSError) as error:
            state = getattr(error, "sqlstate", None)
            kv = {"error": type(error).__name__, "sqlstate": state, "rows": len(rows)}
            _log.warning("what would leave cannot be recorded", extra={"kv": kv})
            self._outcomes[:0] = outcomes
            await self._disconnect()
            for _, future in rows:
                if not future.done():
                    message = "it could not be recorded, so it was not sent"
                    future.set_exception(EgressFailed(message, details={"reason": "ledger"}))
            if not rows:
                await asyncio.sleep(0.5)
            self._wake.set()
            return
        for _, future in rows:
            if not future.done():
                future.set_result(None)

    async def _record(self, rows: list[Row], outcomes: list[Outcome]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=3,
                application_name="ringfence-egress",
                options="-c statement_timeout=10s -c lock_timeout=5s",
            )
        await self._connection.execute(
            _RECORD,
            [
                [row.id for row in rows],
                [row.tenant for row in rows],
                [row.receiver for row in rows],
                [row.template for row in rows],
                [row.purpose for row in rows],
                [row.host for row in rows],
                [" ".join(row.fields) for row in rows],
                [row.size for row in rows],
                [row.digest for row in rows],
                [row.refusal or None for row in rows],
                self._clock.now(),
                [id_ for id_, _, _ in outcomes],
                [word for _, word, _ in outcomes],
                [status for _, _, status in outcomes],
            ],
        )

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()
