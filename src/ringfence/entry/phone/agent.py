"""The demo phone: a small SIP user agent over UDP or TCP that can be scripted."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

from ringfence.entry.phone import sdp
from ringfence.entry.phone.audio import Pacer
from ringfence.entry.phone.call import Call
from ringfence.entry.phone.digest import Credentials, Gate, authorize
from ringfence.entry.phone.message import Message, address_uri, parameter, respond, uri_parts
from ringfence.entry.phone.transactions import ClientTransaction, ServerTransaction, server_key
from ringfence.entry.phone.wire import Peer, TcpWire, UdpWire, Wire

_METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS"


class Phone:
    """A phone on one address. ``async with Phone("127.0.0.2") as phone: ...``

    ``login`` answers digest challenges, ``gate`` makes callers answer ours. ``t1`` is RFC 3261's T1
    in seconds. ``on_call`` gets each incoming call; without it calls wait for ``incoming()``.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        transport: str = "udp",
        user: str = "phone",
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
        login: Credentials | None = None,
        gate: Credentials | None = None,
        t1: float = 0.5,
    ) -> None:
        self.host = host
        self.user = user
        self.codecs = codecs
        self.login = login
        self.t1 = t1
        self.pacer = Pacer()
        self.calls: dict[str, Call] = {}
        self.on_call: Callable[[Call], Awaitable[None]] | None = None
        kinds: dict[str, type[Wire]] = {"udp": UdpWire, "tcp": TcpWire}
        self.wire = kinds[transport](host, port, self._received)
        self._gate = Gate(gate) if gate is not None else None
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str, str], ServerTransaction] = {}
        self._waiting: asyncio.Queue[Call] = asyncio.Queue()
        self._tasks: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Phone:
        await self.wire.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for client in self._clients.values():
            client.stop()
        for server in self._servers.values():
            server.stop()
        for call in self.calls.values():
            call.audio.close()
        await self.pacer.close()
        await self.wire.close()

    @property
    def address(self) -> Peer:
        """Host and port that this phone listens on."""
        return self.wire.address

    @property
    def uri(self) -> str:
        """SIP URI that reaches this phone."""
        suffix = ";transport=tcp" if self.wire.name == "tcp" else ""
        return f"sip:{self.user}@{self.address[0]}:{self.address[1]}{suffix}"

    @property
    def contact(self) -> str:
        return f"<{self.uri}>"

    def via(self) -> str:
        host, port = self.address
        branch = "z9hG4bK" + secrets.token_hex(10)
        return f"SIP/2.0/{self.wire.name.upper()} {host}:{port};branch={branch};rport"

    # --- calls -----------------------------------------------------------------------------------

    async def dial(
        self,
        uri: str,
        *,
        tone: int = 440,
        caller: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Call:
        """Place a call and return at once; ``caller`` is the user part of From."""
        caller = self.user if caller is None else caller
        call_id = f"{secrets.token_hex(10)}@{self.host}"
        call = Call(self, tone=tone, call_id=call_id, number=uri_parts(uri)[0], peer_number=caller)
        self.calls[call_id] = call
        call.local_uri = f"<sip:{caller}@{self.host}>;tag={call.local_tag}"
        call.remote_uri = f"<{uri}>"
        call.remote_target = uri
        self._invite(call, headers, None)
        return call

    async def incoming(self, within: float = 10.0) -> Call:
        """The next call that came in, while no ``on_call`` is set."""
        return await asyncio.wait_for(self._waiting.get(), within)

    async def options(self, uri: str, within: float = 5.0) -> Message | None:
        """Ask a peer whether it is there."""
        message = Message(method="OPTIONS", uri=uri)
        message.headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<{self.uri}>;tag={secrets.token_hex(6)}"),
            ("To", f"<{uri}>"),
            ("Call-ID", f"{secrets.token_hex(10)}@{self.host}"),
            ("CSeq", "1 OPTIONS"),
        ]
        return await self.exchange(message, within=within)

    # --- client side -----------------------------------------------------------------------------

    def next_hop(self, request: Message) -> Peer:
        """Where a request goes: its first Route, else its URI."""
        route = request.get("route")
        _, host, port, _ = uri_parts(address_uri(route) if route else request.uri)
        return host, port

    async def exchange(
        self, request: Message, peer: Peer | None = None, *, within: float | None = None
    ) -> Message | None:
        """Send a request and wait for its final response; None when none came in time."""
        done: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

        def settle(response: Message | None) -> None:
            if done.done():
                if response is not None and response.status == 200 and request.method == "INVITE":
                    self._repeat_ack(request.call_id)
            elif response is None or response.status >= 200:
                done.set_result(response)

        self._start(request, peer or self.next_hop(request), settle)
        try:
            return await asyncio.wait_for(done, within)
        except TimeoutError:
            return None

    def _start(
        self, request: Message, peer: Peer, on_response: Callable[[Message | None], None]
    ) -> None:
        transaction = ClientTransaction(self.wire, request, peer, self.t1, on_response)
        self._clients[request.branch, request.method] = transaction

    def _repeat_ack(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.ack is not None:
            self.wire.send(call.ack, self.next_hop(call.ack))

    def _invite(
        self, call: Call, headers: tuple[tuple[str, str], ...], challenge: Message | None
    ) -> None:
        request = call.request("INVITE")
        request.headers += [("Allow", _METHODS), *headers]
        if challenge is not None and self.login is not None:
            header = authorize(challenge, request, self.login)
            if header is not None:
                request.headers.append(header)
        call.attach_sdp(request)
        call.invite = request

        def progress(response: Message | None) -> None:
            if response is None:
                call.finish("remote")
            elif response.status in (401, 407) and self.login and challenge is None:
                self._invite(call, headers, response)
            else:
                self._progressed(call, request, response)

        self._start(request, self.next_hop(request), progress)

    def _progressed(self, call: Call, request: Message, response: Message) -> None:
        if call.ack is not None:
            if response.status == 200:
                self._repeat_ack(call.call_id)
            return
        call.status = response.status
        if response.status > 100 and response.status < 300:
            call.take_dialog(response, caller=True)
            remote = sdp.parse(response.body)
            if remote is not None:
                call.apply(remote)
        if 100 < response.status < 200 and call.state == "calling":
            call.state = "ringing"
        elif 200 <= response.status < 300:
            call.send_ack(request, response)
            if call.cancelled:
                self._spawn(self._bye_late(call))
            elif call.state != "ended":
                call.state = "answered"
        elif response.status >= 300:
            call.finish("local" if call.cancelled else "remote")
        call.changed()

    async def _bye_late(self, call: Call) -> None:
        await call.bye()

    # --- server side -----------------------------------------------------------------------------

    def _received(self, message: Message, peer: Peer) -> None:
        if message.is_request:
            self._requested(message, peer)
        else:
            client = self._clients.get((message.branch, message.cseq[1]))
            if client is not None:
                client.receive(message)
        call = self.calls.get(message.call_id)
        if call is not None:
            call.changed()

    def _requested(self, request: Message, peer: Peer) -> None:
        key = server_key(request)
        known = self._servers.get(key)
        call = self.calls.get(request.call_id)
        if request.method == "ACK":
            server = known or (call.server if call is not None else None)
            if server is not None:
                server.acknowledge()
            return
        if known is not None:
            known.repeat()
            return
        server = ServerTransaction(self.wire, request, peer, self.t1)
        if request.method == "BYE" and call is not None and call.refuses_bye:
            return
        self._servers[key] = server
        in_dialog = bool(parameter(request.get("to"), "tag"))
        if request.method == "INVITE" and not in_dialog:
            self._invited(server)
        elif request.method == "OPTIONS":
            self._reply(server, 200)
        elif request.method == "CANCEL":
            self._cancelled(server, call)
        elif call is None or (in_dialog and not self._ours(call, request)):
            self._reply(server, 481)
        elif request.method == "INVITE":
            self._reinvited(server, call)
        elif request.method == "BYE":
            self._reply(server, 200)
            call.finish("remote")
        else:
            self._reply(server, 405)

    @staticmethod
    def _ours(call: Call, request: Message) -> bool:
        """Both tags must be the dialog's (RFC 3261 section 12.2.2)."""
        tags = parameter(request.get("to"), "tag"), parameter(request.get("from"), "tag")
        return tags == (call.local_tag, call.remote_tag)

    def _reply(
        self,
        server: ServerTransaction,
        status: int,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        attach: Callable[[Message], None] | None = None,
    ) -> None:
        response = respond(server.request, status, to_tag=secrets.token_hex(6))
        response.headers += [("Allow", _METHODS), *headers]
        if attach is not None:
            attach(response)
        server.respond(response)

    def _invited(self, server: ServerTransaction) -> None:
        request = server.request
        if self._gate is not None and not self._gate.admits(request):
            self._reply(server, 401, headers=(self._gate.challenge(),))
            return
        called = uri_parts(request.uri)[0]
        caller = uri_parts(address_uri(request.get("from")))[0]
        call = Call(self, tone=440, call_id=request.call_id, number=called, peer_number=caller)
        call.server = server
        call.invite = request
        call.local_uri = f"{request.get('to')};tag={call.local_tag}"
        call.take_dialog(request, caller=False)
        self.calls[call.call_id] = call
        if self.on_call is not None:
            self._spawn(self.on_call(call))
        else:
            self._waiting.put_nowait(call)

    def _cancelled(self, server: ServerTransaction, call: Call | None) -> None:
        invite = call.server if call is not None else None
        if call is None or invite is None or invite.request.branch != server.request.branch:
            self._reply(server, 481)
            return
        if call.answers_cancel and not invite.finished:
            call.answer()
        self._reply(server, 200)
        if not invite.finished:
            call.cancelled = True
            call.reject(487)
            call.ended_by = "remote"

    def _reinvited(self, server: ServerTransaction, call: Call) -> None:
        if call.reinviting or (call.server is not None and not call.server.finished):
            self._reply(server, 491)
            return
        call.server = server
        offer = sdp.parse(server.request.body)
        attach = call.reoffered(offer) if offer is not None else call.attach_sdp
        call.take_target(server.request)
        self._reply(server, 200, headers=(("Contact", self.contact),), attach=attach)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            task.result()
