"""Streams of journal events: whole, in order, per tenant, resumable, bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tests.live_fixture import Accesses

from ringfence.engine.live import http as live_http
from ringfence.engine.live import hub as live_hub
from ringfence.engine.live.access import Access
from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub, JournalEntry, Listener, SlowClient, TooManyStreams
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.errors import Unavailable
from ringfence.platform.tickets import sign_ticket, verify_ticket

A, B = UUID(int=1), UUID(int=2)
SECRET = "secret"


class MemoryJournal:
    """A journal in memory; counts how often it is asked."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.reads = 0
        self.down = False

    def add(self, tenant: UUID, count: int = 1) -> None:
        for _ in range(count):
            position = len(self.entries) * 2 + 1  # with gaps, as sequences have
            text = json.dumps({"position": position})
            self.entries.append(JournalEntry(position, tenant, text))

    def positions(self, tenant: UUID) -> list[int]:
        return [entry.position for entry in self.entries if entry.tenant == tenant]

    async def latest(self) -> int:
        await asyncio.sleep(0)
        return self.entries[-1].position if self.entries else 0

    async def read(
        self, tenants: Collection[UUID], after: int, limit: int
    ) -> tuple[int, list[JournalEntry]]:
        self.reads += 1
        if self.down:
            raise Unavailable("down")
        newest = await self.latest()
        found = [e for e in self.entries if e.tenant in tenants and e.position > after]
        await asyncio.sleep(0)
        return newest, found[:limit]


@pytest.fixture
async def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def hub(journal: MemoryJournal) -> AsyncIterator[Hub]:
    hub = Hub(journal, poll_seconds=0.005)
    task = asyncio.create_task(hub.run())
    yield hub
    task.cancel()


async def take(listener: Listener, count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            found += [entry.position for entry in await listener.take(5)]
    return found


async def test_a_listener_gets_what_comes_and_nothing_of_others(
    journal: MemoryJournal, hub: Hub
) -> None:
    journal.add(A, 3)
    async with hub.listen(A, None) as a, hub.listen(B, None) as b:
        journal.add(B)
        journal.add(A, 2)
        journal.add(B)
        assert await take(a, 2) == journal.positions(A)[3:]
        assert await take(b, 2) == journal.positions(B)
        assert await a.take(0.05) == []


@pytest.mark.parametrize("known", [0, 1, 700, 1_499, 1_500])
async def test_a_listener_resumes_without_loss_or_repetition(
    journal: MemoryJournal, hub: Hub, known: int
) -> None:
    journal.add(A, 750)
    journal.add(B, 20)
    journal.add(A, 750)
    mine = journal.positions(A)
    async with hub.listen(B, None), hub.listen(A, mine[known - 1] if known else 0) as a:
        journal.add(A, 30)
        assert await take(a, 1_530 - known) == journal.positions(A)[known:]


async def test_joining_at_any_moment_misses_nothing(journal: MemoryJournal, hub: Hub) -> None:
    """Entries come all the time while listeners join between any two steps of the hub."""

    async def writer() -> None:
        for _ in range(400):
            journal.add(A)
            await asyncio.sleep(0)

    async def reader(wait: int) -> None:
        for _ in range(wait):
            await asyncio.sleep(0)
        async with hub.listen(A, 0) as listener:
            assert await take(listener, 400) == journal.positions(A)

    await asyncio.gather(writer(), *(reader(n * 7) for n in range(50)))


async def test_one_read_serves_all_and_nobody_costs_nothing(
    journal: MemoryJournal, hub: Hub
) -> None:
    await asyncio.sleep(0.05)
    assert journal.reads == 0
    async with hub.listen(A, None) as one, hub.listen(A, None) as two, hub.listen(B, None) as three:
        await asyncio.sleep(0.03)
        before = journal.reads
        journal.add(A)
        journal.add(B)
        assert await take(one, 1) == await take(two, 1) == journal.positions(A)
        assert await take(three, 1) == journal.positions(B)
        assert journal.reads - before <= 4


async def test_a_slow_listener_is_told_and_others_go_on(
    journal: MemoryJournal, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "BUFFERED_ENTRIES", 10)
    async with hub.listen(A, None) as slow, hub.listen(B, None) as other:
        journal.add(A, 11)
        journal.add(B)
        assert len(await take(other, 1)) == 1
        with pytest.raises(SlowClient):
            await slow.take(5)


async def test_an_unavailable_journal_delays_but_loses_nothing(
    journal: MemoryJournal, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "_RETRY_SECONDS", 0.01)
    async with hub.listen(A, None) as a:
        journal.down = True
        async with asyncio.timeout(5):
            while hub.available:
                await asyncio.sleep(0.005)
        journal.add(A, 3)
        journal.down = False
        assert await take(a, 3) == journal.positions(A)
        assert hub.available


async def test_streams_of_a_tenant_are_limited(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_hub, "STREAMS_PER_TENANT", 1)
    async with hub.listen(A, None), hub.listen(B, None):
        with pytest.raises(TooManyStreams):
            await hub.listen(A, None).__aenter__()
    async with hub.listen(A, None):
        pass


# --- over HTTP ------------------------------------------------------------------------------------

CLOCK = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


def ticket(tenant: UUID = A) -> str:
    return sign_ticket(SECRET, tenant, CLOCK, None)[0]


@asynccontextmanager
async def client(hub: Hub, heartbeat: float = 15.0) -> AsyncIterator[aiohttp.ClientSession]:
    api = LiveApi(
        hub,
        Access(Accesses(), CLOCK),
        lambda text: verify_ticket(SECRET, text, CLOCK),
        CLOCK,
        heartbeat_seconds=heartbeat,
    )
    server = TestServer(api.application(), host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        async with aiohttp.ClientSession(server.make_url("/")) as session:
            yield session
    finally:
        await server.close()


async def sse(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    """Blocks of an event stream as their fields; a comment's field name is empty."""
    fields: dict[str, str] = {}
    while line := await asyncio.wait_for(response.content.readline(), 5):
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(": ") if text[0] != ":" else ("", "", text[2:])
            fields[name] = value
        else:
            yield fields
            fields = {}


async def test_events_over_sse_resume_by_last_event_id(journal: MemoryJournal, hub: Hub) -> None:
    async with client(hub) as session:
        async with session.get("/v1/events", params={"ticket": ticket()}) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            blocks = sse(response)
            assert await anext(blocks) == {"": "open"}
            journal.add(A, 5)
            got = [await anext(blocks) for _ in range(3)]
            assert got[0] == {"id": "1", "data": '{"position": 1}'}
        journal.add(A, 2)
        last = got[2]["id"]
        for headers, parameters in (({"Last-Event-ID": last}, {}), ({}, {"last_event_id": last})):
            params = {"ticket": ticket(), **parameters}
            async with session.get("/v1/events", params=params, headers=headers) as response:
                blocks = sse(response)
                await anext(blocks)
                ids = [int((await anext(blocks))["id"]) for _ in range(4)]
                assert ids == journal.positions(A)[3:]


async def test_a_quiet_stream_shows_that_it_is_alive(journal: MemoryJournal, hub: Hub) -> None:
    async with (
        client(hub, heartbeat=0.02) as session,
        session.get("/v1/events", params={"ticket": ticket()}) as response,
    ):
        blocks = sse(response)
        assert [await anext(blocks) for _ in range(3)] == [{"": "open"}] + [{"": "alive"}] * 2


async def test_a_slow_client_is_disconnected_with_a_reason(
    journal: MemoryJournal, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "BUFFERED_ENTRIES", 10)
    async with (
        client(hub) as session,
        session.get("/v1/events", params={"ticket": ticket()}) as response,
    ):
        blocks = sse(response)
        await anext(blocks)
        journal.add(A, 11)
        assert [block async for block in blocks][-1] == {
            "event": "end",
            "data": '{"code":"slow_client"}',
        }


async def test_a_client_that_stops_reading_is_cut_off(
    journal: MemoryJournal, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_http, "_WRITE_SECONDS", 0.1)
    async with client(hub) as session:
        url = session._build_url("/v1/events")
        assert url.host
        assert url.port
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=1000)
        writer.write(f"GET /v1/events?ticket={ticket()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b": open")
        big = JournalEntry(1, A, "x" * 20_000_000)
        journal.entries.append(big)
        async with asyncio.timeout(5):
            while hub._listeners:
                await asyncio.sleep(0.01)
        writer.close()


async def test_a_client_that_leaves_is_forgotten(journal: MemoryJournal, hub: Hub) -> None:
    async with client(hub) as session:
        for path in ("/v1/events", "/v1/ws"):
            if path == "/v1/ws":
                await (await session.ws_connect(path, params={"ticket": ticket()})).close()
            else:
                response = await session.get(path, params={"ticket": ticket()})
                await response.content.readline()
                response.close()
            async with asyncio.timeout(5):
                while hub._listeners:
                    await asyncio.sleep(0.01)


async def test_the_same_over_websocket(journal: MemoryJournal, hub: Hub) -> None:
    journal.add(A, 3)
    async with client(hub) as session:
        params = {"ticket": ticket(), "last_event_id": "1"}
        async with session.ws_connect("/v1/ws", params=params) as socket:
            journal.add(B)
            journal.add(A)
            got = [await socket.receive_json(timeout=5) for _ in range(3)]
            assert [entry["position"] for entry in got] == journal.positions(A)[1:]


async def test_a_websocket_goes_on_where_another_ended(journal: MemoryJournal, hub: Hub) -> None:
    journal.add(A, 4)
    async with client(hub) as session:
        for path, name in (("/v1/ws", "after"), ("/v1/ws", "last_event_id")):
            params = {"ticket": ticket(), name: "3"}
            async with session.ws_connect(path, params=params) as socket:
                got = [await socket.receive_json(timeout=5) for _ in range(2)]
                assert [entry["position"] for entry in got] == [5, 7]


async def test_both_streams_say_the_same(journal: MemoryJournal, hub: Hub) -> None:
    journal.add(A, 3)
    async with client(hub) as session:
        params = {"ticket": ticket(), "after": "0"}
        async with session.ws_connect("/v1/ws", params=params) as socket:
            by_socket = [await socket.receive_str(timeout=5) for _ in range(3)]
        async with session.get("/v1/events", params=params) as response:
            blocks = sse(response)
            by_events = [block["data"] async for block in _first(blocks, 3)]
    assert by_socket == by_events == [entry.text for entry in journal.entries]


async def _first(
    blocks: AsyncIterator[dict[str, str]], count: int
) -> AsyncIterator[dict[str, str]]:
    async for block in blocks:
        if "data" in block:
            yield block
            count -= 1
        if not count:
            return


async def test_a_silent_websocket_is_pinged_and_a_dead_one_is_let_go(hub: Hub) -> None:
    async with client(hub, 0.1) as session:
        params = {"ticket": ticket()}
        async with session.ws_connect("/v1/ws", params=params, autoping=False) as socket:
            message = await socket.receive(timeout=5)
            assert message.type is aiohttp.WSMsgType.PING
            async with asyncio.timeout(5):  # nobody answers the ping
                while hub._listeners:
                    await asyncio.sleep(0.01)


async def test_a_client_that_talks_too_much_is_refused(hub: Hub) -> None:
    async with (
        client(hub) as session,
        session.ws_connect("/v1/ws", params={"ticket": ticket()}) as socket,
    ):
        await socket.send_str("hello")
        await socket.send_str("x" * 5000)
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_a_websocket_ends_after_its_lifetime(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_http, "_LIFETIME_SECONDS", -1)
    async with (
        client(hub) as session,
        session.ws_connect("/v1/ws", params={"ticket": ticket()}) as socket,
    ):
        message = await socket.receive(timeout=5)
        assert (message.data, message.extra) == (1000, "lifetime")


async def test_a_server_that_stops_says_so(hub: Hub) -> None:
    access = Access(Accesses(), CLOCK)
    api = LiveApi(hub, access, lambda text: verify_ticket(SECRET, text, CLOCK), CLOCK)
    server = TestServer(api.application())
    await server.start_server()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/v1/ws"), params={"ticket": ticket()}) as socket,
    ):
        closing = asyncio.create_task(server.close())
        message = await socket.receive(timeout=5)
        assert (message.data, message.extra) == (1001, "shutdown")
        await socket.close()
        await closing


async def test_a_slow_websocket_is_closed_with_a_reason(
    journal: MemoryJournal, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "BUFFERED_ENTRIES", 10)
    async with (
        client(hub) as session,
        session.ws_connect("/v1/ws", params={"ticket": ticket()}) as socket,
    ):
        journal.add(A, 11)
        message = await socket.receive(timeout=5)
        assert (message.type, message.data, message.extra) == (
            aiohttp.WSMsgType.CLOSE,
            1013,
            "slow_client",
        )


@pytest.mark.parametrize("path", ["/v1/events", "/v1/ws"])
async def test_no_stream_without_a_valid_ticket(hub: Hub, path: str) -> None:
    expired = sign_ticket(SECRET, A, ManualClock(CLOCK.now() - timedelta(seconds=61)), None)[0]
    forged = sign_ticket("other", A, CLOCK, None)[0]
    async with client(hub) as session:
        for text in ("", "garbage", "a.b", expired, forged):
            async with session.get(path, params={"ticket": text}) as response:
                assert response.status == 401
                assert (await response.json())["code"] == "unauthorized"
        for position in ("9" * 5000, "x", "-1", "1.5", "9" * 30, "١"):
            params = {"ticket": ticket(), "last_event_id": position}
            async with session.get(path, params=params) as response:
                assert response.status == 422


async def test_health_tells_whether_the_journal_answers(journal: MemoryJournal) -> None:
    hub = Hub(journal)
    async with client(hub) as session:
        for available, status in ((True, "ok"), (False, "degraded")):
            hub.available = available
            async with session.get("/health") as response:
                assert (response.status, await response.json()) == (200, {"status": status})
