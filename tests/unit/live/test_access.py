"""Streams end with the access that opened them: which, when, by how many questions, with what
word."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tests.live_fixture import Accesses
from tests.unit.live.test_stream_client import MemoryJournal

from ringfence.engine.live import access as live_access
from ringfence.engine.live.access import Access, AccessEnded, AccessUnknown, Held
from ringfence.engine.live.http import LiveApi
from ringfence.engine.live.hub import Hub
from ringfence.kernel.clock import ManualClock
from ringfence.platform.tickets import Maker, Ticket, sign_ticket, verify_ticket

TENANT, SECRET = UUID(int=1), "secret"
MARK, OTHER = UUID(int=7), UUID(int=8)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
async def accesses() -> Accesses:
    return Accesses()


@pytest.fixture
async def access(accesses: Accesses, clock: ManualClock) -> Access:
    return Access(accesses, clock)


def maker(number: int = 1) -> Maker:
    return Maker("key", UUID(int=number), mark=MARK)


def ticket(number: int = 1) -> Ticket:
    return Ticket(TENANT, datetime(2026, 11, 22, 0, 1, tzinfo=UTC), maker(number))


def outcome(held: Held) -> str:
    try:
        held.check()
    except (AccessEnded, AccessUnknown) as error:
        return error.code
    return "open"


# --- which


async def test_what_holds_goes_on_and_what_ended_or_changed_ends(
    access: Access, accesses: Accesses
) -> None:
    async with (
        access.hold(ticket(1)) as one,
        access.hold(ticket(2)) as two,
        access.hold(ticket(3)) as three,
    ):
        await access.check_all()
        assert [outcome(held) for held in (one, two, three)] == ["open"] * 3
        accesses.now = {UUID(int=2): None, UUID(int=3): OTHER}
        await access.check_all()
        assert [outcome(held) for held in (one, two, three)] == [
            "open", "access_ended", "access_ended",
        ]  # fmt: skip
        with pytest.raises(AccessEnded):
            await asyncio.wait_for(two.until_ended(), 5)


async def test_an_access_that_ended_before_opens_nothing(
    access: Access, accesses: Accesses
) -> None:
    for now in (None, OTHER):
        accesses.now = {UUID(int=1): now}
        with pytest.raises(AccessEnded):
            async with access.hold(ticket()):
                pass
    assert not access._open
    assert not access._opening


async def test_a_ticket_without_a_mark_never_holds(access: Access) -> None:
    unmarked = Ticket(TENANT, ticket().expires_at, Maker("key", UUID(int=1)))
    with pytest.raises(AccessEnded):
        async with access.hold(unmarked):
            pass


async def test_the_machine_itself_is_not_asked_about(access: Access, accesses: Accesses) -> None:
    async with access.hold(Ticket(TENANT, ticket().expires_at, None)) as held:
        await access.check_all()
        assert outcome(held) == "open"
    assert accesses.asked == []


# --- by how many questions


async def test_one_question_is_of_all_streams_and_of_each_access_once(
    access: Access, accesses: Accesses
) -> None:
    async with AsyncExitStack() as stack:
        opened = [
            stack.enter_async_context(access.hold(ticket(number % 1000)))
            for number in range(10_000)
        ]
        accesses.answering.clear()
        gathering = asyncio.gather(*map(asyncio.ensure_future, opened))
        while not accesses.asked:
            await asyncio.sleep(0)
        while len(access._opening) < 10_000:
            await asyncio.sleep(0)
        accesses.answering.set()
        await gathering
        assert len(accesses.asked) <= 3, "who came while one was under way were one question"
        accesses.asked.clear()
        await access.check_all()
        assert accesses.asked == [1000]
    await access.check_all()
    assert accesses.asked == [1000], "nobody costs nothing"


async def test_who_leaves_while_asking_leaves_others_to_be_asked_about(
    access: Access, accesses: Accesses
) -> None:
    entered = asyncio.Event()

    async def listen(number: int) -> None:
        async with access.hold(ticket(number)):
            entered.set()

    accesses.answering.clear()
    first = asyncio.create_task(listen(1))
    while not accesses.asked:
        await asyncio.sleep(0)
    second = asyncio.create_task(listen(2))
    await asyncio.sleep(0)
    first.cancel()
    accesses.answering.set()
    await asyncio.wait_for(second, 5)
    assert entered.is_set()
    assert not access._open


# --- when nobody can say


async def test_while_nobody_can_say_streams_go_on_for_a_minute(
    access: Access, accesses: Accesses, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with access.hold(ticket(1)) as early:
        clock.advance(timedelta(seconds=30))
        async with access.hold(ticket(2)) as late:
            accesses.down = True
            with caplog.at_level(logging.INFO):
                for seconds, expected in ((29, "open open"), (2, "access_unknown open")):
                    clock.advance(timedelta(seconds=seconds))
                    await access.check_all()
                    assert f"{outcome(early)} {outcome(late)}" == expected
                    assert not access.available
            assert [record.message for record in caplog.records] == [
                "live access cannot be checked"
            ], "once"
            with pytest.raises(AccessUnknown):
                async with access.hold(ticket(3)):
                    pass
            accesses.down = False
            await access.check_all()
            assert access.available
            clock.advance(timedelta(seconds=59))
            accesses.down = True
            await access.check_all()
            assert outcome(late) == "open", "an answer begins the minute anew"


async def test_a_question_without_answer_is_as_none(
    access: Access, accesses: Accesses, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_access, "_ASK_SECONDS", 0.01)
    async with access.hold(ticket()) as held:
        accesses.answering.clear()
        clock.advance(timedelta(seconds=60))
        await asyncio.wait_for(access.check_all(), 5)
        assert outcome(held) == "access_unknown"


def test_the_bound_that_is_told() -> None:
    from ringfence.engine.live import http

    assert live_access.CHECK_SECONDS + http._LAST_WORD_SECONDS < 5


# --- with what word


@asynccontextmanager
async def served(
    access: Access, clock: ManualClock
) -> AsyncIterator[tuple[aiohttp.ClientSession, Hub]]:
    hub = Hub(MemoryJournal(), poll_seconds=0.005)
    working = asyncio.create_task(hub.run()), asyncio.create_task(access.run())
    api = LiveApi(hub, access, lambda text: verify_ticket(SECRET, text, clock), clock)
    server = TestServer(api.application(), host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        async with aiohttp.ClientSession(server.make_url("/")) as session:
            yield session, hub
    finally:
        await server.close()
        for task in working:
            task.cancel()


def signed(clock: ManualClock) -> dict[str, str]:
    return {"ticket": sign_ticket(SECRET, TENANT, clock, maker())[0]}


@pytest.fixture
async def quick(accesses: Accesses, clock: ManualClock) -> Access:
    return Access(accesses, clock, check_seconds=0.01)


async def test_server_sent_events_end_with_the_code(
    quick: Access, accesses: Accesses, clock: ManualClock
) -> None:
    async with served(quick, clock) as (session, _):
        async with session.get("/v1/events", params=signed(clock)) as response:
            assert await response.content.readline() == b": open\n"
            accesses.now[UUID(int=1)] = None
            rest = await asyncio.wait_for(response.content.read(), 5)
        assert rest.endswith(b'event: end\ndata: {"code":"access_ended"}\n\n')
        async with session.get("/v1/events", params=signed(clock)) as response:
            assert (response.status, (await response.json())["code"]) == (401, "access_ended")


async def test_a_websocket_is_closed_with_the_code(
    quick: Access, accesses: Accesses, clock: ManualClock
) -> None:
    async with served(quick, clock) as (session, _):
        async with session.ws_connect("/v1/ws", params=signed(clock)) as socket:
            accesses.now[UUID(int=1)] = OTHER
            message = await socket.receive(timeout=5)
            assert (message.type, message.data, message.extra) == (
                aiohttp.WSMsgType.CLOSE, 4401, "access_ended",
            )  # fmt: skip
        accesses.now.clear()
        async with session.ws_connect("/v1/ws", params=signed(clock)) as socket:
            accesses.down = True
            clock.advance(timedelta(seconds=61))
            message = await socket.receive(timeout=5)
            assert (message.data, message.extra) == (1013, "access_unknown")
        async with session.get("/health") as response:
            assert await response.json() == {"status": "degraded"}
        async with session.get("/v1/ws", params=signed(clock)) as response:
            assert response.status == 503


async def test_who_does_not_read_is_cut_off_as_well(
    quick: Access, accesses: Accesses, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.engine.live.http._LAST_WORD_SECONDS", 0.05)
    async with served(quick, clock) as (session, hub):
        journal = hub._source
        assert isinstance(journal, MemoryJournal)
        url = session._build_url("/v1/events")
        assert url.host
        assert url.port
        raw = sockets.create_connection((url.host, url.port))
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        reader, writer = await asyncio.open_connection(sock=raw, limit=1000)
        query = signed(clock)["ticket"]
        writer.write(f"GET /v1/events?ticket={query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b": open")
        ((listener,),) = hub._listeners.values()
        for _ in range(400):  # one page
            journal.add("x" * 50_000)
        async with asyncio.timeout(5):
            while listener._offered or hub._position < journal.entries[-1].position:
                await asyncio.sleep(0.01)
        accesses.now[UUID(int=1)] = None
        async with asyncio.timeout(5):  # a write alone is given 15 seconds
            while quick._open:
                await asyncio.sleep(0.01)
        writer.close()
