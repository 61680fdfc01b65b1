"""Fan-out of the journal to many listeners: one reader, a bounded buffer per listener."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ringfence.kernel.errors import RingfenceError, Unavailable

POLL_SECONDS = 0.2
BUFFERED_ENTRIES = 1000
STREAMS_PER_TENANT = 200
_PAGE = 500
_RETRY_SECONDS = 1.0
_log = logging.getLogger("ringfence.live")


class SlowClient(RingfenceError):
    """The listener did not take its entries in time; it may resume after the last one it has."""

    code = "slow_client"
    http_status = 408


class TooManyStreams(RingfenceError):
    """The tenant listens as often as it may."""

    code = "too_many_streams"
    http_status = 429


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One journal event as listeners get it."""

    position: int
    tenant: UUID
    text: str
    """JSON object on one line."""


class JournalSource(Protocol):
    """Where entries come from. Who sees a position sees all lower ones. Raises Unavailable."""

    async def latest(self) -> int:
        """The newest position of all; 0 when there is none."""
        ...

    async def read(
        self, tenants: Collection[UUID], after: int, limit: int
    ) -> tuple[int, list[JournalEntry]]:
        """Up to ``limit`` entries of these tenants behind ``after`` in order of position, and the
        newest position of all at that moment."""
        ...


class Listener:
    """One listener's place in the journal, and what it has not taken yet."""

    def __init__(self, source: JournalSource, tenant: UUID, after: int, joined: int) -> None:
        self._source = source
        self._tenant = tenant
        self._after = after
        self._joined = joined
        """Up to here it reads for itself; what lies behind is offered."""
        self._offered: deque[JournalEntry] = deque()
        self._overflown = False
        self._wake = asyncio.Event()

    def offer(self, entry: JournalEntry) -> None:
        if entry.position <= self._after or self._overflown:
            return
        self._offered.append(entry)
        if len(self._offered) > BUFFERED_ENTRIES:
            self._overflown = True
            self._offered.clear()
        self._wake.set()

    async def take(self, seconds: float) -> list[JournalEntry]:
        """The next entries; none when ``seconds`` pass without any.

        Raises SlowClient when too many had to wait, Unavailable.
        """
        if self._after < self._joined:
            _, page = await self._source.read((self._tenant,), self._after, _PAGE)
            missed = [entry for entry in page if entry.position <= self._joined]
            self._after = missed[-1].position if len(missed) == _PAGE else self._joined
            if missed:
                return missed
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return []
        if self._overflown:
            raise SlowClient("the stream was not read fast enough")
        entries = list(self._offered)
        self._offered.clear()
        self._wake.clear()
        return entries


class Hub:
    """Reads the journal once for all listeners."""

    def __init__(self, source: JournalSource, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._position = 0
        self._listeners: dict[UUID, set[Listener]] = {}
        self._polling = asyncio.Lock()
        self.available = True
        """Whether the source answered when it was last asked."""

    async def run(self) -> None:
        """Poll for ever; an unavailable source is asked again."""
        while True:
            try:
                busy = bool(self._listeners) and await self._poll()
            except Unavailable as error:
                if self.available:
                    _log.warning("live stream waits", extra={"kv": {"code": error.code}})
                self.available = False
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self.available = True
            await asyncio.sleep(0 if busy else self._poll_seconds)

    @asynccontextmanager
    async def listen(self, tenant: UUID, after: int | None) -> AsyncIterator[Listener]:
        """Listen to a tenant's entries behind ``after``; None: from now on.

        Raises TooManyStreams, Unavailable.
        """
        if len(self._listeners.get(tenant, ())) >= STREAMS_PER_TENANT:
            raise TooManyStreams("too many streams of this tenant are open")
        async with self._polling:  # a poll under way does not ask for this tenant
            if after is None or not self._listeners:
                newest = await self._source.latest()
                after = newest if after is None else after
                if not self._listeners:
                    self._position = newest
            listener = Listener(self._source, tenant, after, self._position)
            self._listeners.setdefault(tenant, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[tenant]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[tenant]

    async def _poll(self) -> bool:
        async with self._polling:
            newest, entries = await self._source.read(tuple(self._listeners), self._position, _PAGE)
            full = len(entries) == _PAGE
            self._position = entries[-1].position if full else max(newest, self._position)
            self._dispatch(entries)
        return full

    def _dispatch(self, entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            for listener in self._listeners.get(entry.tenant, ()):
                listener.offer(entry)
