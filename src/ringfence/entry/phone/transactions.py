"""Retransmission and matching for the demo phone (RFC 3261 section 17, as little as it takes)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ringfence.entry.phone.message import Message, parameter, split_values
from ringfence.entry.phone.wire import Peer, Wire

_T2 = 4.0


class Repeater:
    """Does something again and again, at first after T1 and then ever more slowly."""

    def __init__(self, action: Callable[[], None], t1: float, *, cap: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._action = action
        self._interval = t1
        self._cap = cap
        self._handle = self._loop.call_later(t1, self._fire)

    def _fire(self) -> None:
        self._interval *= 2
        if self._cap is not None:
            self._interval = min(self._interval, self._cap)
        self._handle = self._loop.call_later(self._interval, self._fire)
        self._action()

    def stop(self) -> None:
        self._handle.cancel()


class ClientTransaction:
    """A request of ours. ``on_response`` gets each response, and None when none came in 64 T1."""

    def __init__(
        self,
        wire: Wire,
        request: Message,
        peer: Peer,
        t1: float,
        on_response: Callable[[Message | None], None],
    ) -> None:
        self.request = request
        self._wire = wire
        self._peer = peer
        self._on_response = on_response
        self._repeater: Repeater | None = None
        self._final: Message | None = None
        loop = asyncio.get_running_loop()
        self._timeout = loop.call_later(64 * t1, self._expire)
        wire.send(request, peer)
        if not wire.reliable:
            cap = None if request.method == "INVITE" else _T2
            self._repeater = Repeater(lambda: wire.send(request, peer), t1, cap=cap)

    def receive(self, response: Message) -> None:
        if self.request.method == "INVITE" or response.status >= 200:
            self.stop()
        repeated, success = self._final is not None, response.status < 300
        if response.status >= 200:
            self._final = response
            if self.request.method == "INVITE" and not success:
                self._wire.send(self._failure_ack(response), self._peer)
        if not repeated or (success and self.request.method == "INVITE"):
            self._on_response(response)

    def _failure_ack(self, response: Message) -> Message:
        """ACK of a non-2xx: same branch, To of the response (RFC 3261 section 17.1.1.3)."""
        ack = Message(method="ACK", uri=self.request.uri)
        for name in ("Via", "Route", "Max-Forwards", "From", "Call-ID"):
            ack.headers += [(name, value) for value in self.request.all(name)]
        number, _ = self.request.cseq
        ack.headers += [("To", response.get("to")), ("CSeq", f"{number} ACK")]
        return ack

    def _expire(self) -> None:
        self.stop()
        if self._final is None:
            self._on_response(None)

    def stop(self) -> None:
        self._timeout.cancel()
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None


class ServerTransaction:
    """A request to us. Repeats its last response for each repeated request, and a final one to an
    INVITE until the ACK comes."""

    def __init__(self, wire: Wire, request: Message, peer: Peer, t1: float) -> None:
        self.request = request
        self.peer = peer
        self.last: Message | None = None
        self.acknowledged = asyncio.Event()
        self._wire = wire
        self._t1 = t1
        self._repeater: Repeater | None = None
        self._timeout: asyncio.TimerHandle | None = None

    @property
    def finished(self) -> bool:
        return self.last is not None and self.last.status >= 200

    def respond(self, response: Message) -> None:
        self.last = response
        self._wire.send(response, self.peer)
        if self.request.method != "INVITE" or response.status < 200:
            return
        if response.status < 300 or not self._wire.reliable:
            self._repeater = Repeater(self.repeat, self._t1, cap=_T2)
            loop = asyncio.get_running_loop()
            self._timeout = loop.call_later(64 * self._t1, self.stop)

    def repeat(self) -> None:
        if self.last is not None:
            self._wire.send(self.last, self.peer)

    def acknowledge(self) -> None:
        self.acknowledged.set()
        self.stop()

    def stop(self) -> None:
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
        if self._timeout is not None:
            self._timeout.cancel()


def server_key(request: Message) -> tuple[str, str, str]:
    """What makes two requests the same one (RFC 3261 section 17.2.3); ACK counts as its INVITE."""
    top = split_values(request.get("via"))[0]
    sent_by = top.split(";")[0].split()[-1] if top else ""
    method = "INVITE" if request.method == "ACK" else request.method
    return parameter(top, "branch"), sent_by, method
