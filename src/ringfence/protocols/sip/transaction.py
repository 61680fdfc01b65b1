"""The four SIP transaction machines as tables (RFC 3261 section 17, corrected by RFC 6026).

Rules. A machine is fed inputs and answers with effects; it owns no socket, message or timer. The
driver carries the effects out in order: sends, retransmits, starts and stops the timers named in
them, and feeds a timer back when it fires. An input that a state does not name is ignored. On a
reliable transport the driver never starts A, E or G, and D, I, J, K fire at once (17.1.1.2 ff).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class State(Enum):
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(Enum):
    PROVISIONAL = auto()
    """A 1xx: received (client) or handed down to be sent (server)."""
    SUCCESS = auto()
    """A 2xx."""
    FAILURE = auto()
    """A 3xx-6xx."""
    REQUEST = auto()
    """The request again: a retransmission."""
    ACK = auto()
    TRANSPORT_ERROR = auto()
    A = auto()
    B = auto()
    D = auto()
    E = auto()
    F = auto()
    G = auto()
    H = auto()
    I = auto()
    J = auto()
    K = auto()
    L = auto()
    M = auto()


class Effect(Enum):
    SEND = auto()
    """Send the response handed down (server) and keep it for retransmission."""
    RESEND = auto()
    """Send the request (client) or the last response (server) again."""
    SEND_ACK = auto()
    """Acknowledge the failure response hop by hop (17.1.1.3)."""
    DELIVER = auto()
    """Hand the message to the transaction user."""
    TIMED_OUT = auto()
    """Tell the user: no answer (client), no ACK (server)."""
    FAILED = auto()
    """Tell the user: the transport failed."""
    START_A = auto()
    START_B = auto()
    START_D = auto()
    START_E = auto()
    START_F = auto()
    START_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    STOP_TIMERS = auto()
    """Stop every running timer of the transaction."""


Table = Mapping[tuple[State, Input], tuple[State, tuple[Effect, ...]]]
_S, _I, _E = State, Input, Effect

INVITE_CLIENT: Final[Table] = {
    (_S.CALLING, _I.A): (_S.CALLING, (_E.RESEND, _E.START_A)),
    (_S.CALLING, _I.B): (_S.TERMINATED, (_E.STOP_TIMERS, _E.TIMED_OUT)),
    (_S.CALLING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.STOP_TIMERS, _E.FAILED)),
    (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.STOP_TIMERS, _E.DELIVER)),
    (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, (_E.STOP_TIMERS, _E.START_M, _E.DELIVER)),
    (_S.CALLING, _I.FAILURE): (
        _S.COMPLETED,
        (_E.STOP_TIMERS, _E.SEND_ACK, _E.START_D, _E.DELIVER),
    ),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.DELIVER,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_E.START_M, _E.DELIVER)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_E.SEND_ACK, _E.START_D, _E.DELIVER)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.FAILED,)),
    (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, (_E.SEND_ACK,)),
    (_S.COMPLETED, _I.D): (_S.TERMINATED, ()),
    # the user has its final response: that the ACK was not sent is nothing it could act on
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.STOP_TIMERS,)),
    (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_E.DELIVER,)),
    (_S.ACCEPTED, _I.M): (_S.TERMINATED, ()),
}

CLIENT: Final[Table] = {
    (_S.TRYING, _I.E): (_S.TRYING, (_E.RESEND, _E.START_E)),
    (_S.TRYING, _I.F): (_S.TERMINATED, (_E.STOP_TIMERS, _E.TIMED_OUT)),
    (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.STOP_TIMERS, _E.FAILED)),
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.DELIVER,)),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_E.STOP_TIMERS, _E.START_K, _E.DELIVER)),
    (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (_E.STOP_TIMERS, _E.START_K, _E.DELIVER)),
    (_S.PROCEEDING, _I.E): (_S.PROCEEDING, (_E.RESEND, _E.START_E)),
    (_S.PROCEEDING, _I.F): (_S.TERMINATED, (_E.STOP_TIMERS, _E.TIMED_OUT)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.STOP_TIMERS, _E.FAILED)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.DELIVER,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (_E.STOP_TIMERS, _E.START_K, _E.DELIVER)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_E.STOP_TIMERS, _E.START_K, _E.DELIVER)),
    (_S.COMPLETED, _I.K): (_S.TERMINATED, ()),
}

INVITE_SERVER: Final[Table] = {
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_E.RESEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, (_E.SEND, _E.START_L)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_E.SEND, _E.START_G, _E.START_H)),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, (_E.FAILED,)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_E.RESEND,)),
    (_S.COMPLETED, _I.G): (_S.COMPLETED, (_E.RESEND, _E.START_G)),
    (_S.COMPLETED, _I.H): (_S.TERMINATED, (_E.STOP_TIMERS, _E.TIMED_OUT)),
    (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, (_E.STOP_TIMERS, _E.START_I)),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, (_E.FAILED,)),
    (_S.CONFIRMED, _I.I): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, (_E.SEND,)),
    (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, (_E.DELIVER,)),
    (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, (_E.FAILED,)),
    (_S.ACCEPTED, _I.L): (_S.TERMINATED, ()),
}

SERVER: Final[Table] = {
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.SEND,)),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, (_E.SEND, _E.START_J)),
    (_S.TRYING, _I.FAILURE): (_S.COMPLETED, (_E.SEND, _E.START_J)),
    (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (_E.RESEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, (_E.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, (_E.SEND, _E.START_J)),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, (_E.SEND, _E.START_J)),
    (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (_E.RESEND,)),
    (_S.COMPLETED, _I.J): (_S.TERMINATED, ()),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.FAILED,)),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.TERMINATED, (_E.STOP_TIMERS, _E.FAILED)),
}


class Machine:
    """One transaction's state under one of the tables above."""

    __slots__ = ("state", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.state = _INITIAL[id(table)]

    def feed(self, event: Input) -> tuple[Effect, ...]:
        """Move on ``event``; the effects to carry out, in order."""
        entry = self.table.get((self.state, event))
        if entry is None:
            return ()
        self.state = entry[0]
        return entry[1]


_INITIAL = {
    id(INVITE_CLIENT): State.CALLING,
    id(CLIENT): State.TRYING,
    id(INVITE_SERVER): State.PROCEEDING,
    id(SERVER): State.TRYING,
}


def classify(status: int) -> Input:
    """The input that a response of this status is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


def timer_seconds(timer: Input, *, t1: float, reliable: bool, attempt: int = 0) -> float | None:
    """Length of a timer in seconds (RFC 3261 table 4, RFC 6026); None: not started.

    ``attempt`` counts the earlier firings of the retransmission timers A, E and G, which double:
    A without bound, E and G up to T2 = 8·T1 (4 s at the default T1). T4 = 10·T1.
    """
    if timer in (Input.A, Input.E, Input.G):
        if reliable:
            return None
        seconds = t1 * (1 << min(attempt, 16))
        return seconds if timer is Input.A else min(seconds, 8 * t1)
    if timer in (Input.I, Input.K):
        return 0.0 if reliable else 10 * t1
    if timer in (Input.D, Input.J):
        return 0.0 if reliable else 64 * t1
    return 64 * t1
