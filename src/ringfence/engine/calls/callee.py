"""The leg towards a target: our side is the UAC (RFC 3261 13.2)."""

from __future__ import annotations

import contextlib
from uuid import UUID

from ringfence.engine.calls.events import Answered, Failed, Progress
from ringfence.engine.calls.leg import Leg, Mailbox
from ringfence.engine.ports import TrunkConfig
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.causes import NO_RESPONSE, TRANSPORT_FAILED, Cause, cause_of
from ringfence.engine.signalling.examine import ALLOW
from ringfence.engine.signalling.transactions import ClientTransaction, ServerTransaction
from ringfence.engine.signalling.transport import Flow, TransportError
from ringfence.protocols.sip.dialog import Dialog
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Headers, Request, Response

_VIA = frozenset({"via"})


def sip_call_id(leg: UUID, node: str) -> str:
    """The Call-ID of a leg that we begin."""
    return f"{leg.hex}@{node}"


class CalleeLeg(Leg):
    """Rings one target, and bridges, cancels or hangs it up."""

    role = "callee"

    def __init__(
        self, agent: UserAgent, call: Mailbox, leg_id: UUID, trunk: TrunkConfig | None, flow: Flow
    ) -> None:
        super().__init__(agent, call, leg_id, trunk, flow)
        self.sip_call_id = sip_call_id(leg_id, agent.node)
        self._invite: ClientTransaction | None = None
        self._cseq = 0
        self._cancelled = False
        self._cancel_sent = False
        self._progressed = False
        self._ack: bytes | None = None
        self.rang = False
        """Whether the destination itself was reached, by any 1xx but 100."""
        self.media_sdp = b""

    def invite(self, *, uri: str, caller: str, sdp: bytes, max_forwards: int) -> None:
        """Send the INVITE. ``caller`` is a number, or empty to withhold it (RFC 3323)."""
        host, _ = self.flow.local
        host = f"[{host}]" if ":" in host else host
        if caller:
            origin = f"<sip:{caller}@{host}>;tag={self.local_tag}"
        else:
            origin = f'"Anonymous" <sip:anonymous@anonymous.invalid>;tag={self.local_tag}'
        headers = Headers(
            [
                ("Max-Forwards", str(max_forwards)),
                ("From", origin),
                ("To", f"<{uri}>"),
                ("Call-ID", self.sip_call_id),
                ("CSeq", "1 INVITE"),
                ("Contact", self.agent.contact(self.flow)),
                ("Allow", ALLOW),
                ("Content-Type", "application/sdp"),
            ]
        )
        if not caller:
            headers.add("Privacy", "id")
        request = Request("INVITE", uri, headers, sdp)
        self.dialog = Dialog(
            call_id=self.sip_call_id,
            local=origin,
            remote=f"<{uri}>",
            remote_target=uri,
            route_set=(),
            local_cseq=1,
            remote_cseq=None,
        )
        self.agent.remember(self)
        self._send_invite(request)

    def _send_invite(self, request: Request) -> None:
        self._invite = self.agent.transactions.request(request, self.flow, self)
        assert self.dialog is not None
        self.dialog.local_cseq = request.cseq[0]
        self.save("invited", vias=(str(request.via),))

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to our INVITE, CANCEL or BYE."""
        if transaction.request.method == "CANCEL":
            return
        if transaction.request.method == "BYE":
            super().on_response(transaction, response)
            return
        if transaction is not self._invite:
            return
        if response.status < 200:
            self._on_progress(response)
        elif response.status < 300:
            self._on_success(transaction, response)
        elif not self.over:
            self._on_failure(transaction, response)

    def _on_progress(self, response: Response) -> None:
        self._progressed = True
        self.rang = self.rang or response.status > 100
        if self._cancelled:
            self._send_cancel()
        elif response.status > 100:
            self.call.post(Progress(self, response.status, response.body))

    def _on_success(self, transaction: ClientTransaction, response: Response) -> None:
        if self._ack is not None and self.dialog and response.to.tag == self.dialog.remote_tag:
            self._resend_ack()
            return
        if self._ack is not None or self.over:
            self.agent.refuse_success(response, self.flow)  # another fork answered too
            return
        usable = True
        try:
            dialog = Dialog.from_response(transaction.request, response)
        except SipError:  # no usable Contact or Record-Route: all we can do is to end it
            usable = False
            response.headers.remove("contact")
            response.headers.remove("record-route")
            try:
                dialog = Dialog.from_response(transaction.request, response)
            except SipError:  # not even a To tag
                self._fail(response.status, cause_of(502))
                return
        self.dialog = dialog
        dialog.confirmed = True
        ack = dialog.request("ACK", cseq=transaction.request.cseq[0])
        for name in ("authorization", "proxy-authorization"):
            value = transaction.request.headers.get(name)
            if value is not None:
                ack.headers.add(name.title(), value)
        with contextlib.suppress(TransportError, SipError):  # else keep to the INVITE's flow
            self.flow = self.agent.in_dialog_flow(dialog, self.flow)
        self._ack = self.agent.with_via(ack, self.flow).serialise()
        self._resend_ack()
        self.answered = True
        self.save("confirmed")
        if self._cancelled:
            self.bye(16)  # the answer crossed our CANCEL (9.1)
        elif usable:
            self.call.post(Answered(self, response.body))
        else:
            self.bye(111)
            self.call.post(Failed(self, response.status, cause_of(502)))

    def _on_bye(self, transaction: ServerTransaction, request: Request) -> None:
        if self.answered:
            super()._on_bye(transaction, request)
        else:
            transaction.respond(request.response(481))  # not its to send before the answer (15)

    def _resend_ack(self) -> None:
        assert self._ack is not None
        try:
            self.flow.send(self._ack)
        except TransportError:
            return  # a repeated 2xx asks for it again

    def _on_failure(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status in (401, 407) and not self._cancelled:
            original = transaction.request
            headers = Headers((n, v) for n, v in original.headers if n.lower() not in _VIA)
            headers.set("CSeq", f"{original.cseq[0] + 1} INVITE")
            again = Request("INVITE", original.uri, headers, original.body)
            authorised = self.authorise(again, response)
            if authorised is not None:
                self._progressed = False
                self._send_invite(authorised)
                return
        self.final_status = response.status
        self._fail(response.status, cause_of(response.status))

    def on_no_response(self, transaction: ClientTransaction, failed: bool) -> None:
        if transaction.request.method == "CANCEL":
            return
        if transaction is not self._invite:
            super().on_no_response(transaction, failed)
            return
        self.agent.expect_late_answer(self.sip_call_id)
        self._fail(None, TRANSPORT_FAILED if failed else NO_RESPONSE)

    def _fail(self, status: int | None, cause: Cause) -> None:
        self.q850 = self.q850 or cause.q850
        self.ended_by = self.ended_by or "remote"
        self._finish()
        self.call.post(Failed(self, status, cause))

    def cancel(self, q850: int | None = None) -> None:
        """Give up ringing; the leg is over when the INVITE got its final response."""
        if self.over or self._cancelled or self.answered:
            return
        self._cancelled = True
        self.ended_by = self.ended_by or "local"
        self.q850 = self.q850 or q850
        if self._invite is None:
            self._finish()  # it could not even be written
        elif self._progressed:
            self._send_cancel()

    def _send_cancel(self) -> None:
        if self._invite is not None and not self._cancel_sent:
            self._cancel_sent = True
            self.agent.transactions.cancel(self._invite, self)

    def hang_up(self, q850: int | None = None) -> None:
        """End the leg whatever its state."""
        if self.answered:
            self.bye(q850)
        else:
            self.cancel(q850)
