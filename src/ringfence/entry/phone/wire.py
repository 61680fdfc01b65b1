"""Sockets of the demo phone, and the raw log of everything that crossed them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from ringfence.entry.phone.message import MalformedMessage, Message, parse, split_stream

Peer = tuple[str, int]


@dataclass(frozen=True)
class WireMessage:
    """One SIP message as it was on the wire; ``at`` is the event loop's time in seconds."""

    at: float
    sent: bool
    peer: Peer
    data: bytes
    message: Message

    def __str__(self) -> str:
        head = self.data.split(b"\r\n", 1)[0].decode("utf-8", "replace")
        return f"{self.at:.3f} {'->' if self.sent else '<-'} {self.peer[0]}:{self.peer[1]} {head}"


Receiver = Callable[[Message, Peer], None]


class Wire:
    """Sends and receives SIP on one address over one transport. Subclasses hold the sockets."""

    reliable = False
    name = ""

    def __init__(self, host: str, port: int, receiver: Receiver) -> None:
        self.address: Peer = (host, port)
        self.log: list[WireMessage] = []
        self.deaf = False
        """True: drops what arrives and sends nothing, as a machine without power."""
        self._receiver = receiver

    async def open(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def _transmit(self, data: bytes, peer: Peer) -> None:
        raise NotImplementedError

    def send(self, message: Message, peer: Peer) -> None:
        if self.deaf:
            return
        data = message.to_bytes()
        self._note(True, peer, data, message)
        self._transmit(data, peer)

    def receive(self, data: bytes, peer: Peer) -> None:
        if self.deaf or not data.strip():
            return
        try:
            message = parse(data)
        except MalformedMessage:
            self._note(False, peer, data, Message())
            return
        self._note(False, peer, data, message)
        self._receiver(message, peer)

    def _note(self, sent: bool, peer: Peer, data: bytes, message: Message) -> None:
        now = asyncio.get_running_loop().time()
        self.log.append(WireMessage(now, sent, peer, data, message))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        self._wire.receive(data, addr)


class UdpWire(Wire):
    """SIP over UDP on one socket."""

    name = "udp"
    _transport: asyncio.DatagramTransport

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=self.address
        )
        self.address = self._transport.get_extra_info("sockname")

    async def close(self) -> None:
        self._transport.close()

    def _transmit(self, data: bytes, peer: Peer) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, peer)


class _Stream(asyncio.Protocol):
    """One connection; the peer that connected to us is known by its source address."""

    def __init__(self, wire: TcpWire, peer: Peer | None = None) -> None:
        self._wire = wire
        self._peer = peer
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.pending: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._peer = self._peer or transport.get_extra_info("peername")
        self._wire.connections[self._peer] = self
        transport.writelines(self.pending)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        assert self._peer is not None
        for message in split_stream(self._buffer):
            self._wire.receive(message, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._peer is not None and self._wire.connections.get(self._peer) is self:
            del self._wire.connections[self._peer]

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self.pending.append(data)
        else:
            self.transport.write(data)


class TcpWire(Wire):
    """SIP over TCP: listens, and connects to peers that it has no connection with."""

    reliable = True
    name = "tcp"

    def __init__(self, host: str, port: int, receiver: Receiver) -> None:
        super().__init__(host, port, receiver)
        self.connections: dict[Peer, _Stream] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Stream(self), *self.address)
        self.address = self._server.sockets[0].getsockname()

    async def close(self) -> None:
        for task in self._connecting:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for stream in tuple(self.connections.values()):
            if stream.transport is not None:
                stream.transport.close()

    def _transmit(self, data: bytes, peer: Peer) -> None:
        stream = self.connections.get(peer)
        if stream is None:
            stream = self.connections[peer] = _Stream(self, peer)
            task = asyncio.get_running_loop().create_task(self._connect(stream, peer))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        stream.write(data)

    async def _connect(self, stream: _Stream, peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: stream, *peer, local_addr=(self.address[0], 0))
        except OSError:
            with contextlib.suppress(KeyError):
                del self.connections[peer]
