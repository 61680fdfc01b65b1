"""One call of the demo phone: its dialog, its state, its audio."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ringfence.entry.phone import sdp
from ringfence.entry.phone.audio import AudioStream
from ringfence.entry.phone.message import Message, address_uri, parameter, respond, split_values
from ringfence.entry.phone.recorder import Heard
from ringfence.entry.phone.transactions import ServerTransaction
from ringfence.entry.phone.wire import WireMessage

if TYPE_CHECKING:
    from ringfence.entry.phone.agent import Phone


class CallFailed(Exception):
    """The call ended before what was waited for; ``status`` is its final SIP status, 0 for none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the call ended with {status or 'no answer'}")
        self.status = status


class Call:
    """A call placed or taken. ``state`` goes calling -> ringing -> answered -> ended.

    Times are seconds. The waiting methods raise TimeoutError.
    """

    def __init__(self, phone: Phone, *, tone: int, call_id: str, number: str, peer_number: str):
        self.phone = phone
        self.call_id = call_id
        self.number = number
        """User part that was called."""
        self.peer_number = peer_number
        """User part of the caller, as the message said it."""
        self.state = "calling"
        self.status = 0
        """Last SIP status of the INVITE, received or sent."""
        self.ended_by = ""
        """``local`` or ``remote``, once ended."""
        self.acknowledges = True
        """False: a 200 to our INVITE is never acknowledged."""
        self.answers_cancel = False
        """True: a CANCEL is met with a 200 to the INVITE that crossed it."""
        self.refuses_bye = False
        """True: BYE is not answered."""
        self.audio = AudioStream(phone.pacer, phone.host, tone=tone, codec=phone.codecs[0])
        self.local_tag = secrets.token_hex(6)
        self.local_uri = ""
        self.remote_uri = ""
        self.remote_target = ""
        self.route_set: list[str] = []
        self.cseq = secrets.randbelow(1000) + 1
        self.direction = "sendrecv"
        self.remote_direction = "sendrecv"
        self.server: ServerTransaction | None = None
        self.invite: Message | None = None
        self.cancelled = False
        self.ack: Message | None = None
        self.reinviting = False
        self._sdp_id = secrets.randbits(31)
        self._sdp_version = 0
        self._waiters: set[asyncio.Event] = set()

    # --- waiting ---------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], within: float = 10.0) -> None:
        """Wait until the condition holds; it is checked at every message of this call."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            async with asyncio.timeout(within):
                while not condition():
                    event.clear()
                    await event.wait()
        finally:
            self._waiters.discard(event)

    def changed(self) -> None:
        for event in self._waiters:
            event.set()

    async def ringing(self, within: float = 10.0) -> int:
        """Wait for an 18x and return it. Raises CallFailed when the call ends first."""
        await self.until(lambda: self.state != "calling", within)
        if self.state == "ended":
            raise CallFailed(self.status)
        return self.status

    async def answered(self, within: float = 10.0) -> None:
        """Wait for the answer. Raises CallFailed when the call ends first."""
        await self.until(lambda: self.state in ("answered", "ended"), within)
        if self.state == "ended":
            raise CallFailed(self.status)

    async def ended(self, within: float = 10.0) -> int:
        """Wait for the end and return the INVITE's final status."""
        await self.until(lambda: self.state == "ended", within)
        return self.status

    async def acknowledged(self, within: float = 10.0) -> None:
        """Wait for the ACK of the final response this side gave."""
        assert self.server is not None
        await asyncio.wait_for(self.server.acknowledged.wait(), within)

    # --- what happened ---------------------------------------------------------------------------

    @property
    def messages(self) -> list[WireMessage]:
        """The raw wire log of this call, with times."""
        return [entry for entry in self.phone.wire.log if entry.message.call_id == self.call_id]

    def seen(self, what: str | int, *, sent: bool = False, cseq: str = "") -> list[WireMessage]:
        """Messages of the log: requests of a method or responses of a status (to ``cseq``)."""
        return [
            entry
            for entry in self.messages
            if entry.sent is sent
            and (entry.message.method == what or entry.message.status == what)
            and cseq in ("", entry.message.cseq[1])
        ]

    def heard(self) -> Heard:
        """What this side heard since the start or the last ``forget``."""
        return self.audio.heard()

    def forget(self) -> None:
        """Let what was heard so far not count."""
        self.audio.forget()

    # --- the caller's part -----------------------------------------------------------------------

    async def cancel(self, within: float = 10.0) -> None:
        """Give the call up before it is answered; waits for its end."""
        assert self.invite is not None
        self.cancelled = True
        request = Message(method="CANCEL", uri=self.invite.uri)
        request.headers.append(("Via", self.invite.get("via")))
        for name in ("Route", "Max-Forwards", "From", "To", "Call-ID"):
            request.headers += [(name, value) for value in self.invite.all(name)]
        request.headers.append(("CSeq", f"{self.invite.cseq[0]} CANCEL"))
        peer = self.phone.next_hop(self.invite)
        answer = await self.phone.exchange(request, peer)
        if answer is None or answer.status >= 300:
            self.finish("local")
        await self.until(lambda: self.state == "ended", within)

    # --- the callee's part -----------------------------------------------------------------------

    def ring(self, status: int = 180, *, media: bool = False) -> None:
        """Send a provisional response; with ``media`` it carries SDP and audio starts early."""
        self.state = "ringing"
        self._respond(status, media=media)

    def answer(self, *, tone: int | None = None) -> None:
        """Take the call."""
        if tone is not None:
            self.audio.tone = tone
        self.state = "answered"
        self._respond(200, media=True)

    def reject(self, status: int = 486) -> None:
        """Refuse the call."""
        self._respond(status)
        self.finish("local")

    def _respond(self, status: int, *, media: bool = False) -> None:
        assert self.server is not None
        response = respond(self.server.request, status, to_tag=self.local_tag)
        self.status = status
        if media:
            offer = sdp.parse(self.server.request.body)
            if offer is not None:
                self.apply(offer)
            self.attach_sdp(response)
        if status < 300:
            response.headers.append(("Contact", self.phone.contact))
        self.server.respond(response)
        self.changed()

    # --- both ------------------------------------------------------------------------------------

    async def hangup(self, within: float = 10.0) -> int:
        """End the call with BYE; returns the status it was answered with, 0 for none."""
        answer = await self.bye(within)
        return answer.status if answer is not None else 0

    async def bye(self, within: float = 10.0) -> Message | None:
        """Send BYE and wait for its final response."""
        self.finish("local")
        return await self.phone.exchange(self.request("BYE"), within=within)

    async def hold(self, direction: str = "sendonly") -> int:
        """Re-INVITE that stops the peer's audio; returns its final status."""
        return await self._change_direction(direction)

    async def resume(self) -> int:
        """Re-INVITE that lets audio flow both ways again; returns its final status."""
        return await self._change_direction("sendrecv")

    async def _change_direction(self, direction: str) -> int:
        before, self.direction = self.direction, direction
        self.reinviting = True
        request = self.request("INVITE")
        self.attach_sdp(request)
        try:
            answer = await self.phone.exchange(request)
        finally:
            self.reinviting = False
        if answer is None or answer.status >= 300:
            self.direction = before
            return answer.status if answer is not None else 0
        self.send_ack(request, answer)
        agreed = sdp.parse(answer.body)
        if agreed is not None:
            self.apply(agreed)
        return answer.status

    async def send_digits(self, digits: str) -> None:
        """Press DTMF digits as RFC 4733 events; returns when they have been queued."""
        self.audio.press(digits)

    # --- for the agent ---------------------------------------------------------------------------

    def request(self, method: str) -> Message:
        """A request inside the dialog (RFC 3261 section 12.2.1.1)."""
        self.cseq += 1
        message = Message(method=method, uri=self.remote_target)
        message.headers = [
            ("Via", self.phone.via()),
            *(("Route", route) for route in self.route_set),
            ("Max-Forwards", "70"),
            ("From", self.local_uri),
            ("To", self.remote_uri),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} {method}"),
        ]
        if method == "INVITE":
            message.headers.append(("Contact", self.phone.contact))
        return message

    def send_ack(self, invite: Message, answer: Message) -> None:
        """Acknowledge a 2xx; kept to be sent again when the 2xx is."""
        if not self.acknowledges:
            return
        self.take_dialog(answer, caller=True)
        ack = Message(method="ACK", uri=self.remote_target)
        ack.headers = [
            ("Via", self.phone.via()),
            *(("Route", route) for route in self.route_set),
            ("Max-Forwards", "70"),
            ("From", invite.get("from")),
            ("To", answer.get("to")),
            ("Call-ID", self.call_id),
            ("CSeq", f"{invite.cseq[0]} ACK"),
        ]
        self.ack = ack
        self.phone.wire.send(ack, self.phone.next_hop(ack))

    def take_dialog(self, message: Message, *, caller: bool) -> None:
        """Learn the remote tag, target and route set from the peer's message."""
        self.remote_uri = message.get("to" if caller else "from")
        self.take_target(message)
        routes = [v for line in message.all("record-route") for v in split_values(line)]
        self.route_set = routes[::-1] if caller else routes

    def take_target(self, message: Message) -> None:
        """The peer's Contact is where its requests go from now on (RFC 3261 section 12.2.1.2)."""
        if message.get("contact"):
            self.remote_target = address_uri(message.get("contact"))

    def attach_sdp(self, message: Message) -> None:
        """Our current SDP as the message's body."""
        self._sdp_version += 1
        mine = sdp.Session(*self.audio.address, self.phone.codecs, self.direction)
        message.headers.append(("Content-Type", "application/sdp"))
        message.body = sdp.build(mine, self._sdp_version, self._sdp_id)

    def apply(self, remote: sdp.Session) -> None:
        """Send audio as the peer's SDP wants it."""
        common = [codec for codec in remote.codecs if codec in self.phone.codecs]
        if common:
            self.audio.codec = common[0]
        self.audio.events = remote.events
        self.remote_direction = remote.direction
        wanted = remote.direction in ("sendrecv", "recvonly")
        self.audio.muted = not (wanted and self.direction == "sendrecv")
        self.audio.send_to(remote.host, remote.port)

    def reoffered(self, offer: sdp.Session) -> Callable[[Message], None]:
        """Take a re-INVITE's offer; the result puts our answer on the response."""
        self.apply(offer)
        answer = sdp.Session(*self.audio.address, self.phone.codecs, sdp.mirrored(offer.direction))

        def attach(response: Message) -> None:
            self._sdp_version += 1
            response.headers.append(("Content-Type", "application/sdp"))
            response.body = sdp.build(
                replace(answer, events=offer.events), self._sdp_version, self._sdp_id
            )

        return attach

    def finish(self, by: str) -> None:
        """The call is over; audio stops."""
        if self.state != "ended":
            self.state, self.ended_by = "ended", by
            self.audio.close()
        self.changed()

    @property
    def remote_tag(self) -> str:
        return parameter(self.remote_uri, "tag")
