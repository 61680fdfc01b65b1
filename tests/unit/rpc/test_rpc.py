"""RPC between processes: round trip, errors, deadlines, and peers that misbehave."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence.kernel.errors import NotFound
from ringfence.platform.rpc import Connection, RpcClient, RpcError, RpcServer, RpcUnavailable

MIB = 1 << 20


class Add(msgspec.Struct):
    left: int
    right: int


class Sum(msgspec.Struct):
    total: int


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Poll for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def make_server(path: Path, **options: Any) -> RpcServer:
    server = RpcServer(path, **options)
    server.register("add", Add, lambda request, _: Sum(request.left + request.right))

    async def later(request: Add, _: Connection) -> Sum:
        await asyncio.sleep(0)
        return Sum(request.left * request.right)

    server.register("multiply", Add, later)
    return server


@asynccontextmanager
async def running(path: Path, **options: Any) -> AsyncIterator[tuple[RpcServer, RpcClient]]:
    server = make_server(path, **options)
    client = RpcClient(path)
    await server.start()
    client.start()
    try:
        yield server, client
    finally:
        await client.stop()
        await server.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.sock"


async def raw(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(path))


def frame(*values: Any) -> bytes:
    data = msgspec.msgpack.encode(values)
    return len(data).to_bytes(4, "big") + data


async def test_round_trip(path: Path) -> None:
    async with running(path) as (_, client):
        assert await client.call("add", Add(2, 3), Sum, timeout=5) == Sum(5)
        assert await client.call("multiply", Add(2, 3), Sum, timeout=5) == Sum(6)
        assert client.connected
        answers = await asyncio.gather(
            *(
                client.call(("add", "multiply")[n % 2], Add(n, 2), Sum, timeout=5)
                for n in range(200)
            )
        )
        assert answers == [Sum(n * 2) if n % 2 else Sum(n + 2) for n in range(200)]


async def test_only_the_owner_may_connect(path: Path) -> None:
    async with running(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_stale_socket_file_is_replaced(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    async with running(path) as (_, client):
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_error_codes(path: Path) -> None:
    async with running(path) as (server, client):

        def refuse(_: Any, __: Connection) -> Any:
            raise NotFound("no such thing")

        async def refuse_later(_: Any, __: Connection) -> Any:
            raise NotFound("no such thing")

        server.register("refuse", None, refuse)
        server.register("refuse_later", None, refuse_later)
        for name, body, code in (
            ("refuse", None, "not_found"),
            ("refuse_later", None, "not_found"),
            ("missing", None, "unknown_method"),
            ("add", {"left": "x", "right": 1}, "invalid_message"),
        ):
            with pytest.raises(RpcError) as caught:
                await client.call(name, body, Sum, timeout=5)
            assert caught.value.code == code
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_a_failing_handler_costs_only_its_request(path: Path) -> None:
    async with running(path) as (server, client):

        def broken(_: Any, __: Connection) -> Any:
            raise ValueError("+15551234567 is personal")

        async def broken_later(_: Any, __: Connection) -> Any:
            raise KeyError("+15551234567 is personal")

        async def inner_timeout(_: Any, __: Connection) -> Any:
            raise TimeoutError

        async def slow(_: Any, __: Connection) -> Sum:
            await release.wait()
            return Sum(1)

        release = asyncio.Event()
        server.register("broken", None, broken)
        server.register("broken_later", None, broken_later)
        server.register("inner_timeout", None, inner_timeout)
        server.register("unencodable", None, lambda _, __: object())
        server.register("huge", None, lambda _, __: b"x" * (5 * MIB))
        server.register("slow", None, slow)
        pending = asyncio.ensure_future(client.call("slow", None, Sum, timeout=10))
        await until(lambda: client.connected)
        connection = next(iter(server.connections), None)
        for name, code, message in (
            ("broken", "internal_error", "ValueError"),
            ("broken_later", "internal_error", "KeyError"),
            ("inner_timeout", "internal_error", "TimeoutError"),
            ("unencodable", "internal_error", "TypeError"),
            ("huge", "message_too_large", "the message is larger than a frame may be"),
        ):
            with pytest.raises(RpcError) as caught:
                await client.call(name, None, Sum, timeout=5)
            assert (caught.value.code, caught.value.message) == (code, message)
        release.set()
        assert await pending == Sum(1)
        assert connection in server.connections


async def test_a_reply_of_another_type_and_a_request_too_large(path: Path) -> None:
    async with running(path) as (_, client):
        with pytest.raises(RpcError) as caught:
            await client.call("add", Add(1, 1), int, timeout=5)
        assert caught.value.code == "invalid_message"
        with pytest.raises(RpcError) as caught:
            await client.call("add", b"x" * (5 * MIB), Sum, timeout=5)
        assert caught.value.code == "message_too_large"
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_deadline_reaches_the_server(path: Path) -> None:
    async with running(path) as (server, client):
        ended = asyncio.Event()

        async def forever(_: Any, __: Connection) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        server.register("forever", None, forever)
        with pytest.raises(RpcUnavailable):
            await client.call("forever", None, Sum, timeout=0.05)
        await asyncio.wait_for(ended.wait(), 5)
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_without_a_server_the_deadline_holds(path: Path) -> None:
    client = RpcClient(path)
    client.start()
    try:
        with pytest.raises(RpcUnavailable):
            await client.call("add", Add(1, 1), Sum, timeout=0.05)
        assert not client.connected
        waiting = asyncio.ensure_future(client.call("add", Add(1, 1), Sum, timeout=10))
        server = make_server(path)
        await server.start()
        assert await waiting == Sum(2)
        await server.stop()
    finally:
        await client.stop()


async def test_pending_requests_fail_when_the_server_dies_and_a_new_one_is_found(
    path: Path,
) -> None:
    events: list[str] = []
    server = make_server(path)

    async def forever(_: Any, __: Connection) -> None:
        events.append("reached")
        await asyncio.Event().wait()

    server.register("forever", None, forever)
    await server.start()
    client = RpcClient(
        path,
        on_connect=lambda: events.append("connect"),
        on_disconnect=lambda: events.append("disconnect"),
    )
    client.start()
    try:
        pending = asyncio.ensure_future(client.call("forever", None, Sum, timeout=60))
        await until(lambda: "reached" in events)
        await server.stop()
        with pytest.raises(RpcUnavailable):
            await asyncio.wait_for(pending, 5)
        server = make_server(path)
        await server.start()
        assert await client.call("add", Add(4, 1), Sum, timeout=5) == Sum(5)
        assert events == ["connect", "reached", "disconnect", "connect"]
    finally:
        await client.stop()
        await server.stop()


async def test_requests_survive_a_server_that_hangs_up_at_once(path: Path) -> None:
    """A connection made and lost in one breath neither wedges the client nor makes it spin."""
    path.parent.mkdir(parents=True)
    accepted = 0

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.transport.abort()

    rude = await asyncio.start_unix_server(hang_up, str(path))
    client = RpcClient(path)
    client.start()
    try:
        with pytest.raises(RpcUnavailable):
            await client.call("add", Add(1, 1), Sum, timeout=0.4)
            await client.call("add", Add(1, 1), Sum, timeout=0.4)
        await until(lambda: accepted >= 3)
        before, start = accepted, asyncio.get_running_loop().time()
        await until(lambda: accepted >= before + 5)
        assert asyncio.get_running_loop().time() - start > 0.05
        rude.close()
        server = make_server(path)
        await server.start()
        try:  # the connection of this moment may still be one that the rude one never accepted
            total = await client.call("add", Add(1, 1), Sum, timeout=5)
        except RpcUnavailable:
            total = await client.call("add", Add(1, 1), Sum, timeout=5)
        assert total == Sum(2)
        await server.stop()
    finally:
        rude.close()
        await client.stop()


GARBAGE = {
    "oversized": (5 * MIB).to_bytes(4, "big") + b"x",
    "empty frame": b"\0\0\0\0",
    "not msgpack": b"\0\0\0\1\xc1",
    "wrong shape": frame(1, 2, 3),
    "wrong types": frame("x", 1, "add", 0, {}),
    "bad utf-8": b"\0\0\0\x07\x95\x00\x01\xa1\xff\x00\xc0",
    "deep nesting": (100_006).to_bytes(4, "big") + b"\x95\x00\x01\xa1a\x00" + b"\x91" * 100_000,
    "trailing bytes": b"\0\0\0\x08\x95\x00\x01\xa1a\x00\xc0\xc0",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_closes_only_its_connection(path: Path, name: str) -> None:
    async with running(path) as (server, client):
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)
        good = set(server.connections)
        reader, writer = await raw(path)
        try:
            writer.write(GARBAGE[name])
            assert await asyncio.wait_for(reader.read(), 5) == b""
        finally:
            writer.close()
        await until(lambda: server.connections == good)
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_odd_but_well_formed_frames(path: Path) -> None:
    async with running(path) as (_, client):
        reader, writer = await raw(path)
        odd = [
            frame(1, 7, "", 0, None),  # a reply to a server
            frame(9, 7, "add", 0, None),  # a kind that does not exist
            frame(3, 0, "nobody", 0, None),  # a notification nobody listens to
            frame(3, 0, "add", 0, "nonsense"),  # one with a body of another type
            frame(0, 2**64 - 1, "add", 2**63, Add(1, 2)),
            frame(0, 8, "multiply", -5, Add(1, 2)),  # its caller has stopped waiting
            frame(0, 9, "add", 1000, Add(3, 4)),
        ]
        try:
            for byte in b"".join(odd):
                writer.write(bytes([byte]))
            for id_, total in ((2**64 - 1, 3), (9, 7)):
                size = int.from_bytes(await asyncio.wait_for(reader.readexactly(4), 5), "big")
                reply = msgspec.msgpack.decode(await reader.readexactly(size))
                assert reply == [1, id_, "", 0, {"total": total}]
        finally:
            writer.close()
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_notifications_both_ways(path: Path) -> None:
    async with running(path) as (server, client):
        heard: list[Sum] = []
        told: list[tuple[str, Add]] = []

        async def later(request: Add, _: Connection) -> None:
            told.append(("later", request))

        server.register("tell", Add, lambda request, _: told.append(("tell", request)))
        server.register("tell_later", Add, later)
        client.on_notify("news", Sum, heard.append)
        await client.call("add", Add(0, 0), Sum, timeout=5)
        client.notify("tell", Add(1, 2))
        client.notify("tell_later", Add(3, 4))
        for connection in server.connections:
            connection.notify("unheard", Sum(0))
            connection.notify("news", Sum(9))
        await until(lambda: len(told) == 2 and len(heard) == 1)
        assert (told, heard) == ([("tell", Add(1, 2)), ("later", Add(3, 4))], [Sum(9)])


async def test_a_failing_notification_handler_keeps_the_connection(path: Path) -> None:
    async with running(path) as (server, client):
        heard: list[Sum] = []

        def fail(_: Sum) -> None:
            raise RuntimeError("bug")

        client.on_notify("bad", Sum, fail)
        client.on_notify("good", Sum, heard.append)
        await client.call("add", Add(0, 0), Sum, timeout=5)
        (connection,) = server.connections
        connection.notify("bad", Sum(1))
        connection.notify("good", Sum(2))
        await until(lambda: heard == [Sum(2)])
        assert server.connections == {connection}


async def test_a_reader_that_stopped_is_cut_off(path: Path) -> None:
    gone: list[Connection] = []
    async with running(path, on_disconnect=gone.append) as (server, client):
        await client.call("add", Add(0, 0), Sum, timeout=5)
        (good,) = server.connections
        _, writer = await raw(path)
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        await until(lambda: len(server.connections) == 2)
        (slow,) = server.connections - {good}
        piece = b"x" * MIB
        for _ in range(40):
            slow.notify("news", piece)
            assert slow.transport is not None
            assert slow.transport.get_write_buffer_size() < 18 * MIB
        await until(lambda: gone == [slow])
        assert server.connections == {good}
        writer.transport.abort()
        assert await client.call("add", Add(1, 1), Sum, timeout=5) == Sum(2)


async def test_handlers_end_with_their_connection(path: Path) -> None:
    async with running(path) as (server, client):
        state: list[str] = []

        async def forever(_: Any, __: Connection) -> None:
            state.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                state.append("ended")

        server.register("forever", None, forever)
        call: Awaitable[Any] = client.call("forever", None, Sum, timeout=60)
        pending = asyncio.ensure_future(call)
        await until(lambda: state == ["began"])
        await client.stop()
        with pytest.raises(RpcUnavailable):
            await asyncio.wait_for(pending, 5)
        await until(lambda: state == ["began", "ended"])
        assert not server.connections
