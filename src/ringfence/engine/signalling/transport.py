"""UDP and TCP transports for SIP (RFC 3261 section 18), and the flows that messages travel on."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import SipListen
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.framing import PING, PONG, StreamFramer

_log = logging.getLogger("ringfence.sip.transport")
_DRAIN = 64
"""Datagrams taken at one wake-up, so that timers are never starved."""
_RECEIVE_BUFFER = 4 << 20
_IP_RECVERR = 11
_MSG_ERRQUEUE = 0x2000
_ICMP_TOO_BIG = 4
"""Fragmentation needed: the kernel sends the retransmission in fragments."""
_TCP_LIMIT = 4096
_TCP_PER_HOST = 256
"""Connections that one address may hold: a stranger must not take them all."""
_TCP_IDLE_SECONDS = 300.0
_MAX_UNSENT = 1 << 20
_RESOLVE_SECONDS = 3.0

Address = tuple[str, int]


class ListenFailed(RingfenceError):
    """An address of ``sip.listen`` cannot be bound."""

    code = "sip_listen_failed"


class TransportError(OSError):
    """A message cannot be sent: nothing listens there, or no transport fits."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Where a message came from or goes: what call control may know of its way.

    ``local`` is the advertised address (it stands in Via and Contact). TLS facts come with TLS.
    """

    transport: str
    local: Address
    remote: Address
    channel: _UdpListener | _TcpConnection

    def send(self, data: bytes) -> None:
        """Send one message. Raises TransportError when it is known to be impossible."""
        self.channel.send(data, self.remote)

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"

    @property
    def alive(self) -> bool:
        """Whether a message may still be sent on it."""
        return not self.channel.closed

    @property
    def remote_text(self) -> str:
        """``udp 192.0.2.1:5060``"""
        return f"{self.transport} {format_address(self.remote)}"


OnMessage = Callable[[bytes, Flow], None]
OnError = Callable[[Address, str], None]


def format_address(address: Address) -> str:
    """``host:port`` with brackets around IPv6."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_wildcard(host: str) -> bool:
    return ipaddress.ip_address(host).is_unspecified


def source_address_for(remote_host: str) -> str:
    """The address this machine would send from to reach a host; sends nothing."""
    family = socket.AF_INET6 if ":" in remote_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote_host, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        host: str = probe.getsockname()[0]
        return host


class _UdpListener:
    closed = False

    def __init__(self, listen: SipListen, manager: Transports) -> None:
        self._manager = manager
        self.family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self.host, self.port = listen.host, listen.port
        self.wildcard = is_wildcard(listen.host)
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if self.family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        self._socket.setblocking(False)
        self._socket.bind((listen.host, listen.port))
        self._watch()

    def _watch(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        receive, manager = self._socket.recvfrom, self._manager
        for _ in range(_DRAIN):
            try:
                data, source = receive(65_535)
            except BlockingIOError:
                return
            except OSError:
                self._read_errors()
                continue
            if len(data) <= 4:
                continue  # keep-alive
            remote = (source[0], source[1])
            manager.on_message(data, Flow("udp", manager.advertised(self, remote), remote, self))

    def _read_errors(self) -> None:
        """ICMP errors of datagrams we sent (RFC 3261 18.4), with the destination they were for."""
        loop = asyncio.get_running_loop()
        # libuv stops watching a socket that had an error (uv__poll_io): start again
        loop.remove_reader(self._socket.fileno())
        self._watch()
        for _ in range(_DRAIN):
            try:
                _, ancillary, _, destination = self._socket.recvmsg(512, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            for level, kind, data in ancillary:
                if level == socket.IPPROTO_IP and kind == _IP_RECVERR and len(data) >= 8:
                    origin, icmp_type, code = struct.unpack_from("=4xBBB", data)
                    unreachable = icmp_type == 3 and code != _ICMP_TOO_BIG
                    if origin == 2 and unreachable and destination:
                        remote = (destination[0], destination[1])
                        # not at once: whoever is just sending has not taken note of it yet
                        loop.call_soon(self._manager.on_error, remote, "udp")

    def send(self, data: bytes, remote: Address) -> None:
        if self.closed:
            raise TransportError("listener closed")
        try:
            self._socket.sendto(data, remote)
        except BlockingIOError:
            return  # as good as lost on the way; the transaction retransmits
        except OSError as error:
            self._read_errors()
            try:
                self._socket.sendto(data, remote)  # the error may have been of an earlier datagram
            except BlockingIOError:
                return
            except OSError:
                raise TransportError(str(error)) from error

    def close(self) -> None:
        self.closed = True
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()


class _TcpConnection(asyncio.Protocol):
    """One TCP connection, taken or made by us; messages wait while it is being made."""

    def __init__(self, manager: Transports, remote: Address | None = None) -> None:
        self._manager = manager
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._remote = remote
        self._idle: asyncio.TimerHandle | None = None
        self.closed = False
        self.registered = False
        self.local: Address = ("", 0)

    def connection_made(self, base: asyncio.BaseTransport) -> None:
        transport = self._transport = cast(asyncio.Transport, base)  # uvloop's are no subclass
        inbound = self._remote is None
        peer = transport.get_extra_info("peername")
        self._remote = (peer[0], peer[1])
        self.local = self._manager.tcp_advertised(transport.get_extra_info("sockname")[0])
        if not self._manager.register(self._remote, self, inbound=inbound):
            transport.abort()
            return
        for data in self._waiting:
            transport.write(data)
        self._waiting.clear()
        self._touch()

    def _touch(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(_TCP_IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Nothing came for long; a connection that somebody is reached by stays all the same."""
        if self._manager.in_use(self):
            self._touch()
        else:
            self.close()

    def data_received(self, data: bytes) -> None:
        self._touch()
        try:
            units = self._framer.feed(data)
        except SipError:
            self.close()
            return
        assert self._remote is not None
        for unit in units:
            if unit == PING:
                self._write(PONG)
            else:
                self._manager.on_message(unit, Flow("tcp", self.local, self._remote, self))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._idle is not None:
            self._idle.cancel()
        if self._remote is not None:
            self._manager.unregister(self._remote, self)

    def fail(self) -> None:
        """The connection could not be made: whoever waits for an answer is told."""
        self.closed = True
        assert self._remote is not None
        self._manager.unregister(self._remote, self)
        self._manager.on_error(self._remote, "tcp")

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting.append(data)
        elif self._transport.get_write_buffer_size() > _MAX_UNSENT:
            self.closed = True
            self._transport.abort()  # close() would wait for it to read
        else:
            self._transport.write(data)

    def send(self, data: bytes, remote: Address) -> None:
        if self.closed:
            raise TransportError("connection closed")
        self._write(data)

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.close()


class Transports:
    """All listening sockets and connections of the signalling process."""

    def __init__(
        self,
        listen: Sequence[SipListen],
        *,
        advertised: str | None,
        on_message: OnMessage,
        on_error: OnError,
        in_use: Callable[[object], bool],
    ) -> None:
        """``in_use`` tells whether a dialog or a registration lives on a connection."""
        self._listen = listen
        self._advertised = advertised
        self.on_message = on_message
        self.on_error = on_error
        self.in_use = in_use
        self._udp: list[_UdpListener] = []
        self._tcp_listen: list[SipListen] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._connections: dict[Address, _TcpConnection] = {}
        self._hosts: Counter[str] = Counter()
        self._sources: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind everything. Raises ListenFailed naming the address that is taken."""
        loop = asyncio.get_running_loop()
        for item in self._listen:
            try:
                if item.transport == "udp":
                    self._udp.append(_UdpListener(item, self))
                else:
                    self._tcp_listen.append(item)
                    server = await loop.create_server(
                        lambda: _TcpConnection(self), item.host, item.port
                    )
                    self._servers.append(server)
            except OSError as error:
                where = f"{item.transport}://{item.host}:{item.port}"
                raise ListenFailed(f"cannot listen on {where}: {error.strerror}") from None

    def close(self) -> None:
        for listener in self._udp:
            listener.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.close()

    # --- addresses we tell others -----------------------------------------------------------------

    def _source_for(self, remote_host: str) -> str:
        known = self._sources.get(remote_host)
        if known is None:
            if len(self._sources) > 4096:
                self._sources.clear()
            known = self._sources[remote_host] = source_address_for(remote_host)
        return known

    def advertised(self, listener: _UdpListener, remote: Address) -> Address:
        """Our address as a peer at ``remote`` reaches it."""
        if self._advertised is not None:
            return self._advertised, listener.port
        host = self._source_for(remote[0]) if listener.wildcard else listener.host
        return host, listener.port

    def tcp_advertised(self, local_host: str) -> Address:
        """Our listening address for a connection whose local end is ``local_host``."""
        for item in self._tcp_listen:
            if item.host == local_host or is_wildcard(item.host):
                return self._advertised or local_host, item.port
        first = self._tcp_listen[0]
        return self._advertised or first.host, first.port

    # --- flows ------------------------------------------------------------------------------------

    async def resolve(self, host: str, port: int, transport: str) -> Flow:
        """A flow to a host by name or address. Raises TransportError."""
        host = host.strip("[]")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(_RESOLVE_SECONDS):
                    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            except (OSError, UnicodeError) as error:
                raise TransportError(f"cannot resolve the peer's name: {error}") from error
            families = {listener.family for listener in self._udp}
            usable = [item for item in found if transport != "udp" or item[0] in families]
            if not usable:
                raise TransportError("no address of a family we listen on") from None
            host = str(usable[0][4][0])
        return self.flow_to((host, port), transport)

    def flow_to(self, remote: Address, transport: str, ours: Address | None = None) -> Flow:
        """A flow to an address; a TCP connection is reused or begun. Of UDP listeners the one that
        is ``ours`` to that peer is taken, if it is given and there. Raises TransportError."""
        if transport == "udp":
            family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
            flows = [
                Flow("udp", self.advertised(listener, remote), remote, listener)
                for listener in self._udp
                if listener.family == family
            ]
            if not flows:
                raise TransportError("no UDP listener of this address family")
            return next((flow for flow in flows if flow.local == ours), flows[0])
        if transport != "tcp" or not self._tcp_listen:
            raise TransportError("transport not configured")
        connection = self._connections.get(remote)
        if connection is None or connection.closed:
            connection = _TcpConnection(self, remote)
            first = self._tcp_listen[0]
            local = self._source_for(remote[0]) if is_wildcard(first.host) else first.host
            connection.local = self._advertised or local, first.port
            self._connections[remote] = connection
            task = asyncio.ensure_future(self._connect(connection, remote))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return Flow("tcp", connection.local, remote, connection)

    async def _connect(self, connection: _TcpConnection, remote: Address) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(5):
                await loop.create_connection(lambda: connection, *remote)
        except (OSError, TimeoutError):
            connection.fail()

    def register(self, remote: Address, connection: _TcpConnection, *, inbound: bool) -> bool:
        """Remember an open connection; False when others, or this host, made too many."""
        if inbound and (
            len(self._connections) >= _TCP_LIMIT or self._hosts[remote[0]] >= _TCP_PER_HOST
        ):
            _log.warning("too many TCP connections")
            return False
        self._connections[remote] = connection
        self._hosts[remote[0]] += 1
        connection.registered = True
        return True

    def unregister(self, remote: Address, connection: _TcpConnection) -> None:
        if self._connections.get(remote) is connection:
            del self._connections[remote]
        if connection.registered:
            connection.registered = False
            self._hosts[remote[0]] -= 1
            if not self._hosts[remote[0]]:
                del self._hosts[remote[0]]
