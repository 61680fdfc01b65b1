"""One side of a call: its dialog and everything that happens inside it (RFC 3261 12-15)."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import Protocol
from uuid import UUID

from ringfence.engine.calls.events import (
    Acknowledged,
    CallEventIn,
    HungUp,
    LateAnswer,
    LegOver,
    NoAck,
    Reoffer,
)
from ringfence.engine.calls.party import is_hold
from ringfence.engine.journal.journal import CallLog
from ringfence.engine.journal.records import LegState
from ringfence.engine.ports import TrunkConfig
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.examine import ALLOW
from ringfence.engine.signalling.transactions import ClientTransaction, ServerTransaction
from ringfence.engine.signalling.transport import Flow, TransportError, format_address
from ringfence.engine.verbs.model import DialTarget
from ringfence.kernel.events import EventKind
from ringfence.platform.spool import SpoolError
from ringfence.protocols.sip import digest
from ringfence.protocols.sip.dialog import Dialog
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Request, Response

_log = logging.getLogger("ringfence.call")
_Q850 = re.compile(r"\s*Q\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*([0-9]{1,3})", re.IGNORECASE)


class Mailbox(Protocol):
    """The call that a leg belongs to."""

    id: UUID
    log: CallLog

    def post(self, event: CallEventIn) -> None: ...


def recordable(text: str) -> str:
    """The text with what is not UTF-8 in it (a display name in Latin-1) replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def reason_q850(message: Request | Response) -> int | None:
    """The Q.850 cause of a Reason header (RFC 3326), if there is one from 1 to 127."""
    for value in message.headers.values("reason"):
        match = _Q850.match(value)
        if match and 1 <= int(match.group(1)) <= 127:
            return int(match.group(1))
    return None


class _PendingAck:
    """A 2xx of ours to an INVITE, sent again until its ACK comes (13.3.1.4)."""

    __slots__ = ("cseq", "elapsed", "handle", "interval", "offered", "response", "transaction")

    def __init__(self, transaction: ServerTransaction, response: Response, t1: float) -> None:
        self.transaction = transaction
        self.response = response
        self.cseq = response.cseq[0]
        self.interval = t1
        self.elapsed = 0.0
        self.offered = False
        self.handle: asyncio.TimerHandle | None = None


class Leg:
    """What caller and callee legs share. ``over``: nothing of it is left on the wire."""

    role = ""
    target: DialTarget | None = None
    """What was dialled, on the side of the called."""

    def __init__(
        self, agent: UserAgent, call: Mailbox, leg_id: UUID, trunk: TrunkConfig | None, flow: Flow
    ) -> None:
        self.agent = agent
        self.call = call
        self.id = leg_id
        self.trunk = trunk
        self.flow = flow
        self.dialog: Dialog | None = None
        self.local_tag = agent.new_tag()
        self.over = False
        self.held = False
        self.answered = False
        self.ended_by: str | None = None
        self.final_status: int | None = None
        self.q850: int | None = None
        self._pending_ack: _PendingAck | None = None
        self._reoffer: ServerTransaction | None = None
        self._bye: ClientTransaction | None = None
        self._bye_waits = False
        self._challenged: set[str] = set()

    @property
    def unacknowledged(self) -> bool:
        """A 2xx of ours is on its way."""
        return self._pending_ack is not None

    # --- the other side asks ----------------------------------------------------------------------

    def on_request(self, transaction: ServerTransaction, request: Request) -> None:
        """A request inside the dialog, other than ACK and CANCEL."""
        dialog = self.dialog
        if self.over or dialog is None:
            transaction.respond(request.response(481))
        elif not dialog.in_order(request):
            transaction.respond(request.response(500))
        elif request.method == "BYE":
            self._on_bye(transaction, request)
        elif request.method == "INVITE":
            self._on_reinvite(transaction, request, dialog)
        elif request.method == "OPTIONS":
            transaction.respond(self._with_allow(request.response(200)))
        else:
            transaction.respond(self._with_allow(request.response(405)))

    def _on_bye(self, transaction: ServerTransaction, request: Request) -> None:
        transaction.respond(request.response(200))
        self._refuse_reoffer()
        self.ended_by = self.ended_by or "remote"
        self.q850 = self.q850 or reason_q850(request) or 16
        self._stop_pending_ack()
        if self._bye is None:  # else both hung up at once and our BYE is still to be answered
            self._finish()
        self.call.post(HungUp(self, reason_q850(request)))

    def _on_reinvite(
        self, transaction: ServerTransaction, request: Request, dialog: Dialog
    ) -> None:
        if self._bye is not None or self._bye_waits:
            transaction.respond(request.response(481))
            return
        busy = self._reoffer is not None and not self._reoffer.answered
        if busy or self._pending_ack is not None:
            response = request.response(500)
            response.headers.add("Retry-After", str(secrets.randbelow(10)))
            transaction.respond(response)
            return
        contact = request.contact
        if contact is not None:
            _ = contact.uri
            dialog.refresh_target(contact.uri_text)
        self._reoffer = transaction
        self.save("confirmed")
        self.call.post(Reoffer(self, transaction, request.body))

    def on_ack(self, request: Request) -> None:
        """The ACK of a 2xx of ours."""
        pending = self._pending_ack
        if pending is None or pending.cseq != request.cseq[0]:
            return
        self._stop_pending_ack()
        if pending.offered and not self._bye_waits:
            self.call.post(LateAnswer(self, request.body))
        if self._bye_waits:
            self._bye_waits = False
            self._send_bye()
        else:
            self.call.post(Acknowledged(self))

    # --- we answer --------------------------------------------------------------------------------

    def send_success(
        self, transaction: ServerTransaction, sdp: bytes, *, our_offer: bool = False
    ) -> None:
        """Answer an INVITE 200 with SDP and repeat it until the ACK; NoAck after 64·T1.

        ``our_offer``: the SDP is an offer, its answer comes in the ACK. Nothing happens when the
        INVITE was refused meanwhile, because its leg was hung up.
        """
        if transaction.answered:
            return
        response = transaction.request.response(200, to_tag=self.local_tag)
        response.headers.add("Contact", self.agent.contact(self.flow))
        self._with_allow(response)
        response.headers.add("Content-Type", "application/sdp")
        response.body = sdp
        transaction.respond(response)
        pending = self._pending_ack = _PendingAck(transaction, response, self.agent.t1)
        pending.offered = our_offer
        pending.handle = self.agent.loop.call_later(pending.interval, self._repeat_success)

    def _repeat_success(self) -> None:
        pending = self._pending_ack
        if pending is None:
            return
        pending.elapsed += pending.interval
        if pending.elapsed >= 64 * self.agent.t1:
            self._pending_ack = None
            if self._bye_waits:
                self._bye_waits = False
                self._send_bye()
            else:
                self.call.post(NoAck(self))
            return
        pending.transaction.respond(pending.response)
        pending.interval = min(pending.interval * 2, 8 * self.agent.t1)
        pending.handle = self.agent.loop.call_later(pending.interval, self._repeat_success)

    def _stop_pending_ack(self) -> None:
        if self._pending_ack is not None and self._pending_ack.handle is not None:
            self._pending_ack.handle.cancel()
        self._pending_ack = None

    def note_hold(self, sdp: bytes) -> None:
        """What the peer's newest description says of hold."""
        held = is_hold(sdp)
        if held is not self.held:
            self.held = held
            kind = EventKind.LEG_HELD if held else EventKind.LEG_RESUMED
            self.call.log.event(kind, leg=self.id.hex)

    def reject_reoffer(self, transaction: ServerTransaction, status: int) -> None:
        """Refuse a re-INVITE; the session stays as it was (14.2)."""
        transaction.respond(transaction.request.response(status))

    def _refuse_reoffer(self) -> None:
        """A re-INVITE still to be answered has lost its dialog (15.1.2)."""
        if self._reoffer is not None and not self._reoffer.answered:
            self._reoffer.respond(self._reoffer.request.response(487))

    @staticmethod
    def _with_allow(response: Response) -> Response:
        response.headers.add("Allow", ALLOW)
        return response

    # --- we hang up -------------------------------------------------------------------------------

    def bye(self, q850: int | None = None) -> None:
        """End a confirmed dialog; LegOver follows when the BYE is answered or timed out."""
        if self.over or self._bye is not None or self._bye_waits:
            return
        self.ended_by = self.ended_by or "local"
        self.q850 = self.q850 or q850
        if self._pending_ack is not None:
            self._bye_waits = True  # not before the ACK (15)
            return
        self._send_bye()

    def _send_bye(self) -> None:
        assert self.dialog is not None
        self._refuse_reoffer()
        request = self.dialog.request("BYE")
        if self.q850 is not None:
            request.headers.add("Reason", f"Q.850;cause={self.q850}")
        self._bye = self.send_in_dialog(request)
        if self._bye is None:
            self._finish()

    def send_in_dialog(self, request: Request) -> ClientTransaction | None:
        """Send a request inside the dialog; None when there is no way to the peer."""
        assert self.dialog is not None
        try:
            self.flow = self.agent.in_dialog_flow(self.dialog, self.flow)
            return self.agent.transactions.request(request, self.flow, self)
        except (TransportError, SipError):
            return None

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to our BYE."""
        if response.status < 200:
            return
        if response.status in (401, 407) and self.dialog is not None:
            again = self.authorise(self.dialog.request("BYE"), response)
            if again is not None and self.send_in_dialog(again) is not None:
                return
        self._finish()

    def on_no_response(self, transaction: ClientTransaction, failed: bool) -> None:
        self._finish()

    def authorise(self, request: Request, response: Response) -> Request | None:
        """Add credentials that answer a 401 or 407; None when we have none, or they failed once."""
        trunk = self.trunk
        if request.method in self._challenged or trunk is None or not trunk.auth_username:
            return None
        proxy = response.status == 407
        name = "proxy-authenticate" if proxy else "www-authenticate"
        for value in response.headers.get_all(name):
            try:
                challenge = digest.parse_challenge(value)
            except SipError:
                continue
            credentials = digest.answer(
                challenge,
                username=trunk.auth_username,
                password=trunk.auth_password or "",
                method=request.method,
                uri=request.uri,
                cnonce=secrets.token_hex(8),
            )
            header = "Proxy-Authorization" if proxy else "Authorization"
            request.headers.add(header, str(credentials))
            self._challenged.add(request.method)
            return request
        return None

    # --- the end ----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing is left to be sent or awaited."""
        if self.over:
            return
        self.over = True
        self._stop_pending_ack()
        self._refuse_reoffer()
        self.agent.forget(self)
        self.save("ended")
        self.call.post(LegOver(self))

    def save(self, state: str, *, vias: tuple[str, ...] = ()) -> None:
        """Write what would end this leg after a crash."""
        dialog = self.dialog
        if dialog is None:
            return
        record = LegState(
            self.call.id,
            self.id,
            state,
            self.flow.remote_text,
            format_address(self.flow.local),
            recordable(dialog.call_id),
            recordable(dialog.local),
            recordable(dialog.remote),
            recordable(dialog.remote_target),
            tuple(map(recordable, dialog.route_set)),
            (vias and dialog.remote_cseq) or dialog.local_cseq,
            tuple(map(recordable, vias)),
        )
        try:
            self.call.log.leg_state(record)
        except SpoolError:
            _log.error("leg could not be recorded", extra={"kv": {"call": self.call.id.hex}})
