"""After a crash: takes the calls that the last run left off the wire and closes them once.

The media of those calls went with their run. Both ends get BYE (a pending caller 503, a pending
target CANCEL), usage is billed to the last moment the node is known to have been alive.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
from collections.abc import Iterable

from ringfence.engine.journal.journal import CallLog, Journal
from ringfence.engine.journal.records import LegState
from ringfence.engine.journal.recovery import LiveCall
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.transactions import ClientTransaction
from ringfence.engine.signalling.transport import Flow, TransportError
from ringfence.kernel.events import EndReason, EventKind
from ringfence.protocols.sip.dialog import Dialog
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Headers, Request, Response
from ringfence.protocols.sip.uri import parse_hostport
from ringfence.protocols.sip.values import parse_via

_log = logging.getLogger("ringfence.calls")
_CSEQ_JUMP = 1000
"""Above whatever the lost run may have used after its last record (RFC 3261 12.2.2 allows gaps)."""
_Q850_TEMPORARY_FAILURE = 41


def close_crashed(journal: Journal, calls: Iterable[LiveCall]) -> list[tuple[CallLog, LegState]]:
    """Write the end of each call; call before anything else reaches the journal.

    Returns the legs that are still on the wire, for ``clear_wire``.
    """
    pending: list[tuple[CallLog, LegState]] = []
    for call in calls:
        log = journal.open(call.call, call.tenant, seq=call.seq)
        log.legs = {state.leg: state for state in call.legs}
        pending += [(log, state) for state in call.legs]
        if call.open:
            log.answered = call.answered
            for leg in call.unended:
                log.event(
                    EventKind.LEG_ENDED, leg=leg.hex, by="local", q850=_Q850_TEMPORARY_FAILURE
                )
            log.event(
                EventKind.CALL_ENDED,
                reason=EndReason.ENGINE_CRASH.value,
                by="system",
                q850=_Q850_TEMPORARY_FAILURE,
                status=None if call.answered else 503,
                at_micros=call.alive_until,
            )
        log.ended = True
        if not call.legs:
            log.close()
    return pending


def clear_wire(agent: UserAgent, pending: Iterable[tuple[CallLog, LegState]]) -> None:
    """Tell the peer of each leg that it is over."""
    for log, state in pending:
        leg = _CrashedLeg(log, state)
        try:
            leg.end(agent)
        except (TransportError, SipError):
            _log.warning("peer of a crashed call not reachable", extra={"kv": {"call": log.call}})
            leg.over()


class _CrashedLeg:
    """One leg known only by its record; the user of the request that ends it."""

    def __init__(self, log: CallLog, state: LegState) -> None:
        self._log = log
        self._state = state

    def end(self, agent: UserAgent) -> None:
        """BYE, CANCEL or 503, as the state asks. Raises TransportError, SipError."""
        state = self._state
        if state.state == "confirmed":
            if state.vias:  # crashed while answering: the 200 may never have left
                self._refuse(agent)
            self._bye(agent)
        elif state.state == "invited":
            agent.expect_late_answer(state.call_id)  # the answer may cross our CANCEL
            request = self._request("CANCEL", f"{state.cseq} CANCEL")
            request.headers.prepend("Via", state.vias[0])
            agent.transactions.request_as_is(request, self._flow(agent), self)
        else:
            self._refuse(agent)
            self.over()

    def _flow(self, agent: UserAgent, listens: tuple[str, int] | None = None) -> Flow:
        """The way the lost run used; a stream to us died with it, its peer is where it listens."""
        transport, _, address = self._state.transport.partition(" ")
        host, port = parse_hostport(address)
        if transport != "udp" and listens is not None:
            with contextlib.suppress(ValueError):
                host, port = str(ipaddress.ip_address(listens[0].strip("[]"))), listens[1]
        return agent.transports.flow_to((host.strip("[]"), port or 5060), transport)

    def _refuse(self, agent: UserAgent) -> None:
        state = self._state
        via = parse_via(state.vias[0])
        flow = self._flow(agent, (via.params.get("received") or via.host, via.port or 5060))
        headers = Headers(("Via", via) for via in state.vias)
        for name, value in (
            ("From", state.remote_uri),
            ("To", state.local_uri),
            ("Call-ID", state.call_id),
            ("CSeq", f"{state.cseq} INVITE"),
            ("Retry-After", "5"),
        ):
            headers.add(name, value)
        flow.send(Response(503, "Service Unavailable", headers).serialise())

    def _bye(self, agent: UserAgent) -> None:
        state = self._state
        dialog = Dialog(
            call_id=state.call_id,
            local=state.local_uri,
            remote=state.remote_uri,
            remote_target=state.remote_target,
            route_set=state.route_set,
            local_cseq=state.cseq + _CSEQ_JUMP,
            remote_cseq=None,
        )
        request = dialog.request("BYE")
        request.headers.add("Reason", f"Q.850;cause={_Q850_TEMPORARY_FAILURE}")
        flow = agent.in_dialog_flow(dialog, self._flow(agent, dialog.next_hop()[:2]))
        agent.transactions.request(request, flow, self)

    def _request(self, method: str, cseq: str) -> Request:
        state = self._state
        headers = Headers([("Max-Forwards", "70")])
        for value in state.route_set:
            headers.add("Route", value)
        for name, value in (
            ("From", state.local_uri),
            ("To", state.remote_uri),
            ("Call-ID", state.call_id),
            ("CSeq", cseq),
        ):
            headers.add(name, value)
        return Request(method, state.remote_target, headers)

    def on_response(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self.over()

    def on_no_response(self, transaction: ClientTransaction, failed: bool) -> None:
        self.over()

    def over(self) -> None:
        """Nothing more will be sent for this leg."""
        state = self._state
        self._log.leg_state(
            LegState(
                state.call,
                state.leg,
                "ended",
                state.transport,
                state.local_address,
                state.call_id,
                state.local_uri,
                state.remote_uri,
                state.remote_target,
                state.route_set,
                state.cseq,
            )
        )
        if not self._log.legs:
            self._log.close()
