"""The socket of the egress process."""

from __future__ import annotations

import asyncio
import grp
import os
import socket
import struct
from typing import Any

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.gate.gate import Gate
from ringfence.platform.gate.messages import FetchAsk, MailAsk, RestAsk
from ringfence.platform.rpc import Connection, RpcServer
from ringfence.platform.settings import Settings

_PEER = struct.Struct("3i")


class NotOurs(RingfenceError):
    """A process of another user asks."""

    code = "egress_not_ours"
    http_status = 403


class GateServer:
    """Serves a gate to processes of this user, of root and, where one is set, of a group."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self._gate = gate
        self._group = settings.egress.socket_group
        self._rpc = RpcServer(settings.egress_socket)
        self._rpc.register("fetch", FetchAsk, self._fetch)
        self._rpc.register("rest", RestAsk, self._rest)
        self._rpc.register("mail", MailAsk, self._mail)

    async def start(self) -> None:
        await self._rpc.start()
        if self._group is not None:
            gid = grp.getgrnam(self._group).gr_gid
            await asyncio.to_thread(os.chown, self._rpc.path, -1, gid)
            self._rpc.path.chmod(0o660)

    async def stop(self) -> None:
        await self._rpc.stop()
        await self._gate.close()

    def _fetch(self, ask: FetchAsk, connection: Connection) -> Any:
        self._check(connection)
        return self._gate.fetch(ask)

    def _rest(self, ask: RestAsk, connection: Connection) -> Any:
        self._check(connection)
        return self._gate.rest(ask)

    def _mail(self, ask: MailAsk, connection: Connection) -> Any:
        self._check(connection)
        return self._gate.mail(ask)

    def _check(self, connection: Connection) -> None:
        """Raises NotOurs. Where a group may ask, the socket's mode decides."""
        if self._group is None and _user(connection) not in (os.geteuid(), 0):
            raise NotOurs("only processes of this installation may ask")


def _user(connection: Connection) -> int | None:
    """Whose process is at the other end, as the kernel says."""
    transport = connection.transport
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is None:
        return None
    raw = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[1])
