"""Typed request/response and notifications between processes over a Unix socket.

Frame: u32 big-endian length, then MessagePack ``[kind, id, name, deadline_ms, body]`` where body is
the MessagePack of one msgspec value. The deadline is the time the caller still waits: a server
drops a request that it cannot start in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from ringfence.kernel.errors import RingfenceError, Unavailable

_REQUEST, _REPLY, _ERROR, _NOTIFY = 0, 1, 2, 3
_MAX_FRAME = 4 << 20
_MAX_BUFFERED = 16 << 20

_log = logging.getLogger("ringfence.rpc")
_Frame = tuple[int, int, str, int, msgspec.Raw]
_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(_Frame)
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
T = TypeVar("T")


class RpcError(RingfenceError):
    """The other side answered with an error; ``code`` is the one it gave."""

    http_status = 502

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RpcUnavailable(Unavailable):
    """No connection, or no answer before the deadline."""

    code = "rpc_unavailable"


class _ErrorBody(msgspec.Struct, array_like=True):
    code: str
    message: str


def _decode(kind: Any, body: msgspec.Raw) -> Any:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    return decoder.decode(body)


def _encode_frame(kind: int, id_: int, name: str, deadline_ms: int, body: Any) -> bytes:
    """Raises RpcError when the frame is larger than the other side would take."""
    raw = msgspec.Raw(_encoder.encode(body))
    frame = _encoder.encode((kind, id_, name, deadline_ms, raw))
    if len(frame) > _MAX_FRAME:
        raise RpcError("message_too_large", "the message is larger than a frame may be")
    return len(frame).to_bytes(4, "big") + frame


class _FrameProtocol(asyncio.Protocol):
    """Splits the byte stream into frames; subclasses take each frame."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        position = 0
        while len(buffer) - position >= 4:
            length = int.from_bytes(buffer[position : position + 4], "big")
            if length > _MAX_FRAME:
                self.close()
                return
            if len(buffer) - position - 4 < length:
                break
            frame = bytes(buffer[position + 4 : position + 4 + length])
            position += 4 + length
            try:
                self.frame_received(_frame_decoder.decode(frame))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                _log.warning("malformed frame")
                self.close()
                return
        del buffer[:position]

    def frame_received(self, frame: _Frame) -> None:
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MAX_BUFFERED:
            transport.abort()  # a peer that stopped reading must not grow our memory
            return
        transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


Handler = Callable[[Any, "Connection"], Any | Awaitable[Any]]


class Connection(_FrameProtocol):
    """Server side of one client's connection."""

    def __init__(self, server: RpcServer) -> None:
        super().__init__()
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def notify(self, name: str, body: Any) -> None:
        """Send a message that has no answer. Lost if the client is gone."""
        self.write(_encode_frame(_NOTIFY, 0, name, 0, body))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        for task in self._tasks:
            task.cancel()
        if self._server.on_disconnect is not None:
            self._server.on_disconnect(self)

    def frame_received(self, frame: _Frame) -> None:
        kind, id_, name, deadline_ms, raw = frame
        if kind not in (_REQUEST, _NOTIFY):
            return
        wanted = kind == _REQUEST
        entry = self._server.handlers.get(name)
        if entry is None:
            if wanted:
                self._fail(id_, "unknown_method", f"no method {name}")
            return
        request_type, handler = entry
        try:
            request = _decode(request_type, raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if wanted:
                self._fail(id_, "invalid_message", str(error))
            return
        try:
            result = handler(request, self)
            if not inspect.isawaitable(result):
                if wanted:
                    self.write(_encode_frame(_REPLY, id_, "", 0, result))
                return
        except Exception as error:
            self._handler_failed(name, id_ if wanted else None, error)
            return
        seconds = deadline_ms / 1000 if wanted else None
        task = asyncio.ensure_future(self._finish(name, id_, result, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(
        self, name: str, id_: int, result: Awaitable[Any], seconds: float | None
    ) -> None:
        try:
            async with asyncio.timeout(seconds) as deadline:
                value = await result
            if seconds is not None:
                self.write(_encode_frame(_REPLY, id_, "", 0, value))
        except Exception as error:
            if not deadline.expired():  # else the caller has stopped waiting
                self._handler_failed(name, id_ if seconds is not None else None, error)

    def _handler_failed(self, name: str, id_: int | None, error: Exception) -> None:
        code, message = "internal_error", type(error).__name__
        if isinstance(error, RingfenceError):
            code, message = error.code, error.message
        else:
            _log.error("handler failed", exc_info=error, extra={"kv": {"method": name}})
        if id_ is not None:
            self._fail(id_, code, message)

    def _fail(self, id_: int, code: str, message: str) -> None:
        self.write(_encode_frame(_ERROR, id_, "", 0, _ErrorBody(code, message)))


class RpcServer:
    """Serves named methods on a Unix socket that only its owner may open."""

    def __init__(self, path: Path, *, on_disconnect: Callable[[Connection], None] | None = None):
        self.path = path
        self.handlers: dict[str, tuple[Any, Handler]] = {}
        self.connections: set[Connection] = set()
        self.on_disconnect = on_disconnect
        self._server: asyncio.AbstractServer | None = None

    def register(self, name: str, request_type: Any, handler: Handler) -> None:
        """Serve ``name``: ``handler(request, connection)`` returns the reply, or awaits to it."""
        self.handlers[name] = (request_type, handler)

    async def start(self) -> None:
        """Listen; a socket file left by a dead process is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        loop = asyncio.get_running_loop()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self.path))
            self.path.chmod(0o600)  # before it listens: nobody else can have connected
            self._server = await loop.create_unix_server(lambda: Connection(self), sock=listener)
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close()


class _ClientProtocol(_FrameProtocol):
    def __init__(self, client: RpcClient) -> None:
        super().__init__()
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._client._made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client._lost(self)

    def frame_received(self, frame: _Frame) -> None:
        self._client._received(frame)


def _expire(future: asyncio.Future[msgspec.Raw]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


class RpcClient:
    """Client of one socket. Reconnects by itself; requests wait until their deadline for that."""

    def __init__(
        self,
        path: Path,
        *,
        on_connect: Callable[[], None] | None = None,
        on_disconnect: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.notifications: dict[str, tuple[Any, Callable[[Any], None]]] = {}
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._protocol: _ClientProtocol | None = None
        self._waiting: dict[int, bytes] = {}
        self._pending: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._next_id = 1
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether a connection stands now."""
        return self._protocol is not None

    def on_notify(self, name: str, body_type: Any, handler: Callable[[Any], None]) -> None:
        """Call ``handler`` with each notification of this name."""
        self.notifications[name] = (body_type, handler)

    def start(self) -> None:
        """Connect in the background and keep connected."""
        self._task = asyncio.ensure_future(self._keep_connected())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._protocol is not None:
            self._protocol.close()

    async def call(self, name: str, request: Any, reply_type: type[T], *, timeout: float) -> T:  # noqa: ASYNC109
        """Send a request and wait for its reply.

        Raises RpcUnavailable without a connection or reply within ``timeout`` seconds or when the
        connection breaks, RpcError when the server answered with an error, when its reply is not of
        ``reply_type``, or when the request is too large to be sent.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[msgspec.Raw] = loop.create_future()
        timer = loop.call_later(timeout, _expire, future)
        id_ = self._next_id
        self._next_id += 1
        self._pending[id_] = future
        try:
            frame = _encode_frame(_REQUEST, id_, name, max(1, int(timeout * 1000)), request)
            if self._protocol is not None:
                self._protocol.write(frame)
            else:
                self._waiting[id_] = frame
            raw = await future
        except TimeoutError:
            raise RpcUnavailable(f"no answer to {name} from {self.path.name} in time") from None
        finally:
            timer.cancel()
            self._pending.pop(id_, None)
            self._waiting.pop(id_, None)
        try:
            reply: T = _decode(reply_type, raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise RpcError("invalid_message", f"the reply to {name} is not of its type") from None
        return reply

    def notify(self, name: str, body: Any) -> None:
        """Send a message that has no answer; dropped without a connection."""
        if self._protocol is not None:
            self._protocol.write(_encode_frame(_NOTIFY, 0, name, 0, body))

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        delay = 0.02
        while True:
            self._wake.clear()
            try:
                await loop.create_unix_connection(lambda: _ClientProtocol(self), str(self.path))
            except OSError:
                delay = min(delay * 2, 0.5)
            else:
                delay = 0.02
                await self._wake.wait()
            await asyncio.sleep(delay)  # a peer that hangs up at once must not make us spin

    def _made(self, protocol: _ClientProtocol) -> None:
        self._protocol = protocol
        for frame in self._waiting.values():
            protocol.write(frame)
        self._waiting.clear()
        if self._on_connect is not None:
            self._on_connect()

    def _lost(self, protocol: _ClientProtocol) -> None:
        if protocol is not self._protocol:
            return
        self._protocol = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(RpcUnavailable(f"{self.path.name} closed the connection"))
        if self._on_disconnect is not None:
            self._on_disconnect()
        self._wake.set()

    def _received(self, frame: _Frame) -> None:
        kind, id_, name, _, raw = frame
        if kind == _NOTIFY:
            entry = self.notifications.get(name)
            if entry is not None:
                body = _decode(entry[0], raw)
                try:
                    entry[1](body)
                except Exception:
                    _log.exception("notification handler failed", extra={"kv": {"name": name}})
            return
        future = self._pending.get(id_)
        if future is None or future.done():
            return
        if kind == _REPLY:
            future.set_result(raw)
        else:
            error = _decode(_ErrorBody, raw)
            future.set_exception(RpcError(error.code, error.message))
