"""Drives the transaction tables with sockets and timers (RFC 3261 section 17)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from ringfence.engine.signalling.transport import Address, Flow, TransportError
from ringfence.protocols.sip.message import Headers, Request, Response
from ringfence.protocols.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Effect,
    Input,
    Machine,
    State,
    classify,
    timer_seconds,
)
from ringfence.protocols.sip.values import BRANCH_COOKIE

_START = {getattr(Effect, f"START_{name}"): getattr(Input, name) for name in "ABDEFGHIJKLM"}


class ClientUser(Protocol):
    """Who sent a request."""

    def on_response(self, transaction: ClientTransaction, response: Response) -> None: ...

    def on_no_response(self, transaction: ClientTransaction, failed: bool) -> None:
        """No final answer: timed out, or (``failed``) the transport refused."""


class _Transaction:
    __slots__ = ("_attempts", "_timers", "flow", "key", "layer", "machine", "request")
    key: object

    def __init__(self, layer: TransactionLayer, machine: Machine, request: Request, flow: Flow):
        self.layer = layer
        self.machine = machine
        self.request = request
        self.flow = flow
        self._timers: dict[Input, asyncio.TimerHandle] = {}
        self._attempts: dict[Input, int] = {}

    def _start(self, timer: Input) -> None:
        attempt = self._attempts.get(timer, 0)
        if timer is Input.E and self.machine.state is State.PROCEEDING:
            attempt = 3  # T2 at once (17.1.2.2)
        layer = self.layer
        seconds = timer_seconds(timer, t1=layer.t1, reliable=self.flow.reliable, attempt=attempt)
        if seconds is None:
            return
        if seconds == 0:
            self.feed(timer)
            return
        self._attempts[timer] = attempt + 1
        self._timers[timer] = layer.loop.call_later(seconds, self._fire, timer)

    def _fire(self, timer: Input) -> None:
        self._timers.pop(timer, None)
        self.feed(timer)

    def feed(self, event: Input, message: Request | Response | None = None) -> None:
        for effect in self.machine.feed(event):
            timer = _START.get(effect)
            if timer is not None:
                self._start(timer)
            elif effect is Effect.STOP_TIMERS:
                self._stop()
            else:
                self._effect(effect, message)
        if self.machine.state is State.TERMINATED:
            self._stop()
            self.layer.forget(self)

    def _stop(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    def _effect(self, effect: Effect, message: Request | Response | None) -> None:
        raise NotImplementedError


class ClientTransaction(_Transaction):
    """A request of ours and what comes back."""

    __slots__ = ("_ack", "_wire", "user")

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, user: ClientUser
    ) -> None:
        invite = request.method == "INVITE"
        super().__init__(layer, Machine(INVITE_CLIENT if invite else CLIENT), request, flow)
        self.user = user
        self.key = (request.via.branch or "", request.method)
        self._wire = request.serialise()
        self._ack: bytes | None = None

    def start(self) -> None:
        invite = self.request.method == "INVITE"
        for timer in (Input.A, Input.B) if invite else (Input.E, Input.F):
            self._start(timer)
        self._send(self._wire)

    def abandon(self) -> None:
        """Give up on a cancelled INVITE that never gets its final response (9.1)."""
        if self.machine.state is State.PROCEEDING:
            self.machine.state = State.TERMINATED
            self._stop()
            self.layer.forget(self)
            self.user.on_no_response(self, False)

    def _send(self, data: bytes) -> None:
        try:
            self.flow.send(data)
        except TransportError:
            self.layer.loop.call_soon(self.feed, Input.TRANSPORT_ERROR)

    def _effect(self, effect: Effect, message: Request | Response | None) -> None:
        if effect is Effect.DELIVER:
            assert isinstance(message, Response)
            self.user.on_response(self, message)
        elif effect is Effect.RESEND:
            self._send(self._wire)
        elif effect is Effect.SEND_ACK:
            assert isinstance(message, Response)
            if self._ack is None:
                self._ack = self._make_ack(message).serialise()
            self._send(self._ack)
        else:
            self.user.on_no_response(self, effect is Effect.FAILED)

    def _make_ack(self, response: Response) -> Request:
        """ACK for a 3xx-6xx, hop by hop (17.1.1.3)."""
        request = self.request
        headers = Headers([("Via", str(request.via)), ("Max-Forwards", "70")])
        for value in request.headers.get_all("route"):
            headers.add("Route", value)
        headers.add("From", request.headers.get("from") or "")
        headers.add("To", response.headers.get("to") or "")
        headers.add("Call-ID", request.call_id)
        headers.add("CSeq", f"{request.cseq[0]} ACK")
        return Request("ACK", request.uri, headers)


class ServerTransaction(_Transaction):
    """A request to us and the responses we give."""

    __slots__ = ("_last", "on_cancel")

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, key: object) -> None:
        invite = request.method == "INVITE"
        super().__init__(layer, Machine(INVITE_SERVER if invite else SERVER), request, flow)
        self.key = key
        self.on_cancel: Callable[[], None] | None = None
        """Called when a CANCEL for this INVITE came and was answered."""
        self._last: bytes | None = None

    @property
    def answered(self) -> bool:
        """Whether a final response has been sent."""
        return self.machine.state not in (State.TRYING, State.PROCEEDING)

    def respond(self, response: Response) -> None:
        """Send a response; after a final one only a 2xx to an INVITE may be repeated."""
        self.feed(classify(response.status), response)

    def _effect(self, effect: Effect, message: Request | Response | None) -> None:
        if effect is Effect.SEND:
            assert isinstance(message, Response)
            self._last = message.serialise()
        if effect in (Effect.SEND, Effect.RESEND) and self._last is not None:
            self.layer.send_response(self._last, self.flow, self.request)


class TransactionLayer:
    """Matches messages to transactions and makes new ones."""

    def __init__(self, loop: asyncio.AbstractEventLoop, t1: float) -> None:
        self.loop = loop
        self.t1 = t1
        self._clients: dict[object, ClientTransaction] = {}
        self._servers: dict[object, ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def request(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Send a request in a new client transaction; its Via is put on here."""
        add_via(request, flow)
        return self.request_as_is(request, flow, user)

    def request_as_is(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Send a request that has its Via already: a CANCEL has its INVITE's (9.1)."""
        transaction = ClientTransaction(self, request, flow, user)
        self._clients[transaction.key] = transaction
        transaction.start()
        return transaction

    def cancel(self, invite: ClientTransaction, user: ClientUser) -> None:
        """Send CANCEL for a pending INVITE: same branch, Route, CSeq number (9.1)."""
        original = invite.request
        headers = Headers([("Via", str(original.via)), ("Max-Forwards", "70")])
        for value in original.headers.get_all("route"):
            headers.add("Route", value)
        for name in ("From", "To", "Call-ID"):
            headers.add(name, original.headers.get(name) or "")
        headers.add("CSeq", f"{original.cseq[0]} CANCEL")
        request = Request("CANCEL", original.uri, headers)
        self.request_as_is(request, invite.flow, user)
        self.loop.call_later(64 * self.t1, invite.abandon)

    def receive_response(self, response: Response) -> bool:
        """Feed a response to its transaction; False when there is none."""
        transaction = self._clients.get((response.via.branch or "", response.cseq[1]))
        if transaction is None:
            return False
        transaction.feed(classify(response.status), response)
        return True

    def receive_request(self, request: Request, flow: Flow) -> ServerTransaction | None:
        """A new server transaction, or None when the request is a retransmission or a matched ACK.

        The ACK of a 2xx is for a dialog, also where an old client gives it its INVITE's branch: it
        comes back as a transaction of method ACK that nothing remembers.
        """
        ack = request.method == "ACK"
        key = _server_key(request, "INVITE" if ack else request.method)
        known = self._servers.get(key)
        if known is not None and not (ack and known.machine.state is State.ACCEPTED):
            known.feed(Input.ACK if ack else Input.REQUEST, request)
            return None
        transaction = ServerTransaction(self, request, flow, key)
        if not ack:
            self._servers[key] = transaction
        return transaction

    def find_cancelled(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL is for (9.2)."""
        return self._servers.get(_server_key(cancel, "INVITE"))

    def forget(self, transaction: _Transaction) -> None:
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(transaction.key, None)
        elif self._servers.get(transaction.key) is transaction:
            del self._servers[transaction.key]

    def respond_once(self, transaction: ServerTransaction, response: Response) -> None:
        """Answer without state (8.2.7), as strangers are: a forged source gets no second packet."""
        self.forget(transaction)
        self.send_response(response.serialise(), transaction.flow, transaction.request)

    def transport_error(self, remote: Address, transport: str) -> None:
        """What was sent to this address did not arrive: its pending transactions fail."""
        for transaction in list(self._clients.values()):
            if transaction.flow.remote == remote and transaction.flow.transport == transport:
                transaction.feed(Input.TRANSPORT_ERROR)

    def send_response(self, data: bytes, flow: Flow, request: Request) -> None:
        """Send response bytes back the way the request came (18.2.2, RFC 3581)."""
        remote = flow.remote
        if not flow.reliable and "rport" not in request.via.params:
            remote = remote[0], request.via.port or 5060
        try:
            flow.channel.send(data, remote)
        except TransportError:
            return  # the client retransmits or gives up; nothing here can help it


def add_via(request: Request, flow: Flow) -> None:
    """Put our Via on top with a fresh branch and rport."""
    host, port = flow.local
    host = f"[{host}]" if ":" in host else host
    branch = BRANCH_COOKIE + secrets.token_hex(10)
    value = f"SIP/2.0/{flow.transport.upper()} {host}:{port};branch={branch};rport"
    request.headers.prepend("Via", value)


def mark_received(request: Request, flow: Flow) -> None:
    """Write ``received`` and ``rport`` into the top Via (18.2.1, RFC 3581 section 4)."""
    via = request.via
    host, port = flow.remote
    if via.host == host and "rport" not in via.params:
        return
    via.params["received"] = host
    if "rport" in via.params:
        via.params["rport"] = str(port)
    request.headers.replace_top("via", str(via))


def _server_key(request: Request, method: str) -> object:
    """Matching by branch and sent-by (17.2.3); RFC 2543 clients by the fields they copy."""
    via = request.via
    branch = via.branch
    if branch and branch != BRANCH_COOKIE and branch.startswith(BRANCH_COOKIE):
        return branch, via.host, via.port, method
    number = request.cseq[0]
    return request.uri, request.from_.tag, request.call_id, number, via.host, via.port, method
