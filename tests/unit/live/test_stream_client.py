"""The client of the live stream against the real server, over a journal in memory."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer
from tests.live_fixture import Accesses

from ringfence.engine.live.access import Access
from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub, JournalEntry
from ringfence.entry.stream import StreamRefused, follow, told
from ringfence.kernel.clock import ManualClock
from ringfence.platform.tickets import sign_ticket, verify_ticket

TENANT = UUID(int=1)
SECRET = "secret"


class MemoryJournal:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def add(self, kind: str = "call.started") -> None:
        position = len(self.entries) * 3 + 1
        text = json.dumps({"position": position, "kind": kind})
        self.entries.append(JournalEntry(position, TENANT, text))

    async def latest(self) -> int:
        return self.entries[-1].position if self.entries else 0

    async def read(self, tenants: object, after: int, limit: int) -> tuple[int, list[JournalEntry]]:
        found = [entry for entry in self.entries if entry.position > after]
        return await self.latest(), found[:limit]


class Server:
    """A live server that can be ended and begun again on its port."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
        self.tickets = 0
        self.port = 0

    async def begin(self) -> None:
        hub = Hub(self.journal, poll_seconds=0.01)
        self._polling = asyncio.create_task(hub.run())
        access = Access(Accesses(), self.clock)
        api = LiveApi(hub, access, lambda text: verify_ticket(SECRET, text, self.clock), self.clock)
        self._server = TestServer(api.application(), port=self.port or None)
        await self._server.start_server(shutdown_timeout=0.05)
        self.port = self._server.port or 0

    async def end(self) -> None:
        await self._server.close()
        self._polling.cancel()

    async def ticket(self) -> str:
        self.tickets += 1
        return sign_ticket(SECRET, TENANT, self.clock, None)[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def test_events_come_as_they_happen_and_none_is_lost_over_a_restart() -> None:
    server, opened, seen = Server(), asyncio.Event(), list[int]()
    server.journal.add()  # before anybody listens
    await server.begin()

    async def listen() -> None:
        async for event in follow(server.url, server.ticket, opened=opened.set):
            seen.append(event["position"])

    async def until(count: int) -> None:
        async with asyncio.timeout(10):
            while len(seen) < count:
                await asyncio.sleep(0.01)

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(10):
            await opened.wait()
        server.journal.add()
        await until(1)
        await server.end()
        server.journal.add()  # while it is away
        await server.begin()
        await until(2)
        server.journal.add()
        await until(3)
    finally:
        listening.cancel()
        await server.end()
    assert seen == [4, 7, 10]
    assert server.tickets >= 2  # each opening has its own


async def test_a_ticket_that_is_refused_ends_it() -> None:
    server = Server()
    await server.begin()

    async def forged() -> str:
        return "nonsense"

    try:
        with pytest.raises(StreamRefused) as refused:
            async for _ in follow(server.url, forged):
                pass
        assert refused.value.details == {"status": 401}
    finally:
        await server.end()


def test_events_in_words() -> None:
    party = {"caller": {"number": "+14155550100"}, "callee": {"error": "key_destroyed"}}
    assert told("call.started", party) == "call from +14155550100 to key_destroyed"
    assert told("call.started", {"to": "+12025550123"}) == "call from withheld to +12025550123"
    assert told("verb.started", {"node": "menu", "verb": "gather"}) == "> menu (gather)"
    assert told("call.ended", {"reason": "no_answer"}) == "call ended: no answer"
    assert told("call.captured", {"caller": {"captured": {"zip": "94107"}}}) == "captured zip=94107"
    assert told("call.captured", {"caller": {"error": "key_destroyed"}}) == "captured (sealed)"
    assert told("of.tomorrow", {}) == "of.tomorrow"
