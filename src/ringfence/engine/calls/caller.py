"""The leg of the one who called: our side is the UAS (RFC 3261 13.3)."""

from __future__ import annotations

from uuid import UUID

from ringfence.engine.calls.events import Cancelled
from ringfence.engine.calls.leg import Leg, Mailbox
from ringfence.engine.ports import TrunkConfig
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.transactions import ServerTransaction
from ringfence.engine.signalling.transport import Flow
from ringfence.protocols.sip.dialog import Dialog
from ringfence.protocols.sip.message import Request, Response


class CallerLeg(Leg):
    """Answers, refuses or hangs up the call that came in."""

    role = "caller"

    def __init__(
        self,
        agent: UserAgent,
        call: Mailbox,
        leg_id: UUID,
        trunk: TrunkConfig,
        flow: Flow,
        transaction: ServerTransaction,
    ) -> None:
        super().__init__(agent, call, leg_id, trunk, flow)
        self.transaction = transaction
        self.request = transaction.request
        self.dialog = Dialog.from_request(self.request, self.local_tag)
        self.cancelled = False
        transaction.on_cancel = self.on_cancel
        agent.remember(self)
        self.save("incoming", vias=tuple(self.request.headers.values("via")))

    def save_answering(self) -> None:
        """Record that the answer is about to leave: after a crash nobody knows whether it did."""
        self.save("confirmed", vias=tuple(self.request.headers.values("via")))

    def _response(self, status: int) -> Response:
        return self.request.response(status, to_tag=self.local_tag)

    def progress(self, status: int, sdp: bytes = b"") -> None:
        """Send a 18x; with SDP it opens early media."""
        response = self._response(status)
        response.headers.add("Contact", self.agent.contact(self.flow))
        if sdp:
            response.headers.add("Content-Type", "application/sdp")
            response.body = sdp
        self.transaction.respond(response)

    def answer(self, sdp: bytes, *, our_offer: bool) -> None:
        """Send the 200; call only after the answer event is durable."""
        self.answered = True
        self.save("confirmed")
        self.send_success(self.transaction, sdp, our_offer=our_offer)

    def reject(
        self, status: int, *, q850: int | None = None, retry_after: int | None = None
    ) -> None:
        """Send a final 3xx-6xx; the leg is over."""
        if self.over or self.answered:
            return
        response = self._response(status)
        if q850 is not None:
            response.headers.add("Reason", f"Q.850;cause={q850}")
        if retry_after is not None:
            response.headers.add("Retry-After", str(retry_after))
        self.transaction.respond(response)
        self.final_status = status
        self.q850 = self.q850 or q850
        self.ended_by = self.ended_by or "local"
        self._finish()

    def hang_up(
        self, status: int, *, q850: int | None = None, retry_after: int | None = None
    ) -> None:
        """End the leg whatever its state; ``status`` refuses what was not answered."""
        if self.answered:
            self.bye(q850)
        else:
            self.reject(status, q850=q850, retry_after=retry_after)

    def _on_bye(self, transaction: ServerTransaction, request: Request) -> None:
        if self.answered:
            super()._on_bye(transaction, request)
            return
        transaction.respond(request.response(200))  # an early dialog given up is a CANCEL (15)
        self.on_cancel()

    def on_cancel(self) -> None:
        """CANCEL came; its own 200 has been sent."""
        if not self.answered and not self.over and not self.cancelled:
            self.cancelled = True
            self.ended_by = "remote"
            self.call.post(Cancelled())
