"""The SIP user agent: takes messages from the wire to transactions, dialogs and new calls."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from ringfence.engine.ports import DeviceConfig, TrunkConfig
from ringfence.engine.signalling.examine import ALLOW, SDP, misrouted, refusal
from ringfence.engine.signalling.gate import Challenged, Gate, Refused, Silence
from ringfence.engine.signalling.registrar import Registrar
from ringfence.engine.signalling.transactions import (
    ClientTransaction,
    ServerTransaction,
    TransactionLayer,
    add_via,
    mark_received,
)
from ringfence.engine.signalling.transport import Flow, TransportError, Transports, format_address
from ringfence.platform.settings import SipListen
from ringfence.protocols.sip.dialog import Dialog
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.malformed import answer_malformed
from ringfence.protocols.sip.message import Headers, Message, Request, Response, parse_message

_log = logging.getLogger("ringfence.sip")
LATE_ANSWER_SECONDS = 180.0
"""How long after an INVITE was given up its 2xx is still answered by ACK and BYE (Timer C)."""


class DialogUser(Protocol):
    """Whoever owns a dialog."""

    dialog: Dialog | None
    local_tag: str
    flow: Flow

    def on_request(self, transaction: ServerTransaction, request: Request) -> None: ...

    def on_ack(self, request: Request) -> None: ...


OnInvite = Callable[[ServerTransaction, Flow, TrunkConfig], None]


class UserAgent:
    """One node's SIP. ``on_invite`` gets each admitted initial INVITE, already answered 100."""

    def __init__(
        self,
        *,
        node: str,
        listen: Sequence[SipListen],
        advertised: str | None,
        t1: float,
        gate: Gate,
        registrar: Registrar,
        on_invite: OnInvite,
    ) -> None:
        self.node = node
        self.t1 = t1
        self.gate = gate
        self.registrar = registrar
        self.loop = asyncio.get_running_loop()
        self.transactions = TransactionLayer(self.loop, t1)
        self.transports = Transports(
            listen,
            advertised=advertised,
            on_message=self._on_message,
            on_error=self.transactions.transport_error,
            in_use=lambda channel: (
                registrar.uses(channel)
                or any(user.flow.channel is channel for user in self._dialogs.values())
            ),
        )
        self.draining = False
        """New calls go elsewhere: OPTIONS answers 503, so that a load balancer sees it."""
        self.counters: Counter[str] = Counter()
        self._on_invite = on_invite
        self._dialogs: dict[tuple[str, str], DialogUser] = {}
        self._given_up: set[str] = set()

    async def start(self) -> None:
        """Bind the sockets. Raises ListenFailed naming an address that is taken."""
        await self.transports.start()

    def close(self) -> None:
        self.transports.close()

    # --- names we give ourselves ------------------------------------------------------------------

    def new_tag(self) -> str:
        return f"{secrets.token_hex(6)}-{self.node}"

    def contact(self, flow: Flow) -> str:
        """Our Contact as the peer of this flow reaches us."""
        suffix = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"<sip:{self.node}@{format_address(flow.local)}{suffix}>"

    def with_via(self, request: Request, flow: Flow) -> Request:
        """The request with our Via on top."""
        add_via(request, flow)
        return request

    # --- dialogs ----------------------------------------------------------------------------------

    def remember(self, user: DialogUser) -> None:
        """Requests of this user's dialog go to it from now on."""
        assert user.dialog is not None
        self._dialogs[user.dialog.call_id, user.local_tag] = user

    def forget(self, user: DialogUser) -> None:
        if user.dialog is not None:
            self._dialogs.pop((user.dialog.call_id, user.local_tag), None)

    @property
    def dialogs(self) -> int:
        """Dialogs alive now."""
        return len(self._dialogs)

    def in_dialog_flow(self, dialog: Dialog, flow: Flow) -> Flow:
        """The way to the peer of a dialog: its route set or Contact, else the way it came.

        A Contact that names a host, a transport we lack, or a private address behind a public
        source, is not used: the peer is where its last message came from. Raises TransportError.
        """
        try:
            host, port, transport = dialog.next_hop()
            host = host.strip("[]")
            if transport == flow.transport and (host, port) == flow.remote and flow.alive:
                return flow
            address = ipaddress.ip_address(host)
        except (SipError, ValueError):
            return flow
        nated = address.is_private and not ipaddress.ip_address(flow.remote[0]).is_private
        absurd = address.is_unspecified or address.is_multicast
        if flow.alive and (nated or absurd or flow.reliable):
            return flow
        try:
            return self.transports.flow_to((host, port), transport)
        except TransportError:
            if flow.alive:
                return flow
            raise

    def expect_late_answer(self, call_id: str) -> None:
        """An INVITE of ours was given up without a final response: refuse a 2xx still to come."""
        self._given_up.add(call_id)
        self.loop.call_later(LATE_ANSWER_SECONDS, self._given_up.discard, call_id)

    def refuse_success(self, response: Response, flow: Flow) -> None:
        """ACK and BYE a 2xx that nobody waits for: another fork, or an INVITE given up long ago."""
        headers = Headers([("From", response.headers.get("from") or "")])
        headers.add("To", response.headers.get("to") or "")
        headers.add("Call-ID", response.call_id)
        contact = response.contact
        if contact is None or response.to.tag is None:
            return
        number = response.cseq[0]
        invite = Request("INVITE", contact.uri_text, headers)
        headers.add("CSeq", f"{number} INVITE")
        try:
            dialog = Dialog.from_response(invite, response)
        except SipError:
            return
        ack = self.with_via(dialog.request("ACK", cseq=number), flow)
        try:
            flow.send(ack.serialise())
        except TransportError:
            return
        self.transactions.request(dialog.request("BYE"), flow, _Nobody())

    # --- messages ---------------------------------------------------------------------------------

    def _on_message(self, data: bytes, flow: Flow) -> None:
        try:
            message: Message = parse_message(data)
        except SipError as error:
            self._on_malformed(data, flow, error)
            return
        try:
            if isinstance(message, Request):
                self._on_request(message, flow)
            elif isinstance(message, Response):
                self._on_response(message, flow)
        except SipError:
            self.counters["malformed"] += 1
        except Exception:
            self.counters["failed"] += 1
            _log.exception("message could not be handled")

    def _on_malformed(self, data: bytes, flow: Flow, error: SipError) -> None:
        """Tell whoever may be known, once, where it came from: nothing in it is believed."""
        self.counters["malformed"] += 1
        if not (self.gate.answers_strangers or self.gate.by_source(flow.remote[0])):
            return
        response = answer_malformed(data, error)
        if response is not None:
            with contextlib.suppress(SipError, TransportError):
                flow.send(response.serialise())

    def _on_response(self, response: Response, flow: Flow) -> None:
        if misrouted(response) or self.transactions.receive_response(response):
            return
        success = response.cseq[1] == "INVITE" and 200 <= response.status < 300
        if success and response.call_id in self._given_up:
            self.refuse_success(response, flow)

    def _on_request(self, request: Request, flow: Flow) -> None:
        transaction = self.transactions.receive_request(request, flow)
        if transaction is None:
            return
        mark_received(request, flow)
        try:
            self._dispatch(transaction, request, flow)
        except Exception:
            self.transactions.forget(transaction)
            raise

    def _dispatch(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        user = self._dialog_user(request)
        if request.method == "ACK":
            if user is not None:
                user.on_ack(request)
        elif request.method == "CANCEL":
            self._on_cancel(transaction, request, flow)
        elif user is not None:
            try:
                user.on_request(transaction, request)
            except SipError as error:
                transaction.respond(request.response(error.status))
        else:
            self._on_initial(transaction, request, flow, has_tag=request.to.tag is not None)

    def _dialog_user(self, request: Request) -> DialogUser | None:
        """Whose dialog a request is in: both tags count (12.2.2), a fork is another dialog."""
        user = self._dialogs.get((request.call_id, request.to.tag or ""))
        if user is None or user.dialog is None:
            return None
        remote = user.dialog.remote_tag
        return user if not remote or remote == request.from_.tag else None

    def _on_cancel(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        invite = self.transactions.find_cancelled(request)
        if invite is None:
            if isinstance(self.gate.admit(request, flow), TrunkConfig):
                transaction.respond(request.response(481, to_tag=self.new_tag()))
            else:
                self._silence(transaction)
            return
        transaction.respond(request.response(200, to_tag=self.new_tag()))
        if invite.on_cancel is not None:
            invite.on_cancel()

    def _on_initial(
        self, transaction: ServerTransaction, request: Request, flow: Flow, *, has_tag: bool
    ) -> None:
        verdict = self.gate.admit(request, flow)
        if isinstance(verdict, Silence):
            self._silence(transaction)
        elif isinstance(verdict, Challenged):
            response = request.response(401, to_tag=self.new_tag())
            for value in verdict.challenges:
                response.headers.add("WWW-Authenticate", value)
            self.transactions.respond_once(transaction, response)
        elif isinstance(verdict, Refused):
            self.counters["refused"] += 1
            response = request.response(verdict.status, to_tag=self.new_tag())
            self.transactions.respond_once(transaction, response)
        elif has_tag and isinstance(verdict, TrunkConfig):
            transaction.respond(request.response(481))
        elif (refused := refusal(request)) is not None:
            to = request.headers.get("to") or ""
            if request.to.tag is None:
                refused.headers.set("To", f"{to};tag={self.new_tag()}")
            transaction.respond(refused)
        elif isinstance(verdict, DeviceConfig):
            response = self.registrar.register(verdict, request, flow, self.new_tag())
            transaction.respond(response)
        elif request.method == "OPTIONS":
            status = 503 if self.draining else 200
            response = request.response(status, to_tag=self.new_tag())
            response.headers.add("Allow", ALLOW)
            response.headers.add("Accept", SDP)
            transaction.respond(response)
        elif request.method == "INVITE":
            transaction.respond(request.response(100))
            self._on_invite(transaction, flow, verdict)
        elif request.method == "REGISTER":
            response = request.response(405, to_tag=self.new_tag())
            response.headers.add("Allow", ALLOW)
            transaction.respond(response)
        else:
            transaction.respond(request.response(481, to_tag=self.new_tag()))

    def _silence(self, transaction: ServerTransaction) -> None:
        self.counters["unanswered"] += 1
        self.transactions.forget(transaction)


class _Nobody:
    """The user of a request whose outcome changes nothing."""

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        return

    def on_no_response(self, transaction: ClientTransaction, failed: bool) -> None:
        return
