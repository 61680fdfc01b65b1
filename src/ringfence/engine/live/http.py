"""Streams over HTTP: server-sent events and WebSocket, opened with a ticket of ``web``."""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import WSCloseCode, web

from ringfence.engine.live.access import Access, AccessEnded, Held
from ringfence.engine.live.hub import Hub, JournalEntry, Listener
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import InvalidInput, RingfenceError, Unauthorized
from ringfence.platform.tickets import Ticket

HEARTBEAT_SECONDS = 15.0
_WRITE_SECONDS = 15.0
_LAST_WORD_SECONDS = 2.0
_LIFETIME_SECONDS = 3600.0
"""A stream ends after so long; a new ticket resumes it."""
ACCESS_ENDED: Final = 4401
"""Close code of a WebSocket (of those for private use, RFC 6455 section 7.4.2), as HTTP's 401."""
_POSITION = re.compile(r"[0-9]{1,19}")
_MAX_POSITION = 2**63 - 1
_MAX_SAID = 4096
"""Bytes of a message of a WebSocket client, who has nothing to say."""

Send = Callable[[list[JournalEntry]], Awaitable[None]]
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Access-Control-Allow-Origin": "*",  # the ticket is the only credential; no cookie is read
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class LiveApi:
    """``/v1/events`` (SSE), ``/v1/ws`` (WebSocket) and ``/health``."""

    def __init__(
        self,
        hub: Hub,
        access: Access,
        verify: Callable[[str], Ticket | None],
        clock: Clock,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._hub = hub
        self._access = access
        self._verify = verify
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/events", self._events),
                web.get("/v1/ws", self._websocket),
                web.get("/health", self._health),
            ]
        )
        app.on_shutdown.append(self._say_goodbye)
        return app

    async def _say_goodbye(self, app: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"shutdown")

    async def _health(self, request: web.Request) -> web.Response:
        available = self._hub.available and self._access.available
        return web.json_response({"status": "ok" if available else "degraded"})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})

        async def send(entries: list[JournalEntry]) -> None:
            text = "".join(f"id: {entry.position}\ndata: {entry.text}\n\n" for entry in entries)
            await response.write(text.encode() or b": alive\n\n")

        try:
            async with self._listen(request) as (listener, held):
                await response.prepare(request)
                await response.write(b": open\n\n")
                await _first(held.until_ended(), self._forward(listener, send))
        except RingfenceError as error:
            if not response.prepared:
                return _refusal(error)
            last = f'event: end\ndata: {{"code":"{error.code}"}}\n\n'
            await _say_last(request, response.write(last.encode()))
        except TimeoutError:
            _abort(request)
        except ConnectionError:
            pass  # gone
        return response

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=self._heartbeat_seconds, max_msg_size=_MAX_SAID)

        async def send(entries: list[JournalEntry]) -> None:
            for entry in entries:
                await socket.send_str(entry.text)

        try:
            async with self._listen(request) as (listener, held):
                socket.headers.update(HEADERS)
                await socket.prepare(request)
                self._sockets.add(socket)
                await _first(
                    held.until_ended(), self._forward(listener, send), _until_closed(socket)
                )
        except RingfenceError as error:
            if not socket.prepared:
                return _refusal(error)
            ended = isinstance(error, AccessEnded)
            code = ACCESS_ENDED if ended else WSCloseCode.TRY_AGAIN_LATER
            await _say_last(request, socket.close(code=code, message=error.code.encode()))
        except TimeoutError:
            _abort(request)
        except ConnectionError:
            pass  # gone
        else:
            await socket.close(message=b"lifetime")
        return socket

    @asynccontextmanager
    async def _listen(self, request: web.Request) -> AsyncIterator[tuple[Listener, Held]]:
        """Raises Unauthorized, InvalidInput, and what Access.hold and Hub.listen raise."""
        ticket = self._verify(request.query.get("ticket", ""))
        if ticket is None:
            raise Unauthorized("the ticket is missing, wrong or expired")
        after = _position(request)
        async with (
            self._access.hold(ticket) as held,
            self._hub.listen(ticket.tenant, after) as listener,
        ):
            yield listener, held

    async def _forward(self, listener: Listener, send: Send) -> None:
        """Until the stream's lifetime is over. Raises TimeoutError when nobody reads."""
        ends = self._clock.monotonic() + _LIFETIME_SECONDS
        while self._clock.monotonic() < ends:
            entries = await listener.take(self._heartbeat_seconds)
            async with asyncio.timeout(_WRITE_SECONDS):
                await send(entries)


def _position(request: web.Request) -> int | None:
    """Where the stream goes on; None: with what comes next. Raises InvalidInput."""
    query = request.query
    text = request.headers.get("Last-Event-ID") or query.get("after", query.get("last_event_id"))
    if text is None:
        return None
    if not (_POSITION.fullmatch(text) and int(text) <= _MAX_POSITION):
        raise InvalidInput("Last-Event-ID is the id of an event, a number")
    return int(text)


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Until the first of these ends, raising what it raised; the others are given up."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        over, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    if others:
        await asyncio.wait(others)
    for task in tasks:
        if task in over:
            task.result()


async def _say_last(request: web.Request, word: Awaitable[Any]) -> None:
    """Who does not take the last word in time is cut off without it."""
    try:
        async with asyncio.timeout(_LAST_WORD_SECONDS):
            await word
    except (ConnectionError, TimeoutError):
        _abort(request)


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass  # clients have nothing to say; reading answers their pings and sees them close


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _refusal(error: RingfenceError) -> web.Response:
    body = {"code": error.code, "message": error.message, "details": error.details}
    return web.json_response(body, status=error.http_status, headers=HEADERS)
