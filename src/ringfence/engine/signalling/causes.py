"""What each failure of a target means: its Q.850 cause, what may be tried next, how it ends.

Q.850 values by RFC 3398 section 8.2.6.1. ``Next``: ROUTE, the destination was not reached,
any other target may be tried; TARGET, the destination itself said no, only other destinations may
be tried; CALL, nothing else may be tried (6xx, RFC 3261 21.6).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from ringfence.kernel.events import EndReason


class Next(Enum):
    ROUTE = auto()
    TARGET = auto()
    CALL = auto()


class Cause(NamedTuple):
    """One row of the table. ``status`` is what the caller is told."""

    q850: int
    next: Next
    reason: EndReason
    status: int


_R, _T, _C = Next.ROUTE, Next.TARGET, Next.CALL
_E = EndReason

CAUSES: dict[int, Cause] = {
    400: Cause(41, _R, _E.FAILED, 503),
    401: Cause(21, _R, _E.UNREACHABLE, 503),
    402: Cause(21, _R, _E.REJECTED, 503),
    403: Cause(21, _R, _E.REJECTED, 403),
    404: Cause(1, _T, _E.UNREACHABLE, 404),
    405: Cause(63, _R, _E.FAILED, 503),
    406: Cause(79, _R, _E.FAILED, 488),
    407: Cause(21, _R, _E.UNREACHABLE, 503),
    408: Cause(102, _R, _E.UNREACHABLE, 504),
    410: Cause(22, _T, _E.UNREACHABLE, 410),
    415: Cause(79, _R, _E.FAILED, 488),
    416: Cause(127, _R, _E.FAILED, 503),
    420: Cause(127, _R, _E.FAILED, 503),
    480: Cause(18, _T, _E.NO_ANSWER, 480),
    481: Cause(41, _R, _E.FAILED, 503),
    482: Cause(25, _R, _E.UNREACHABLE, 503),
    483: Cause(25, _R, _E.UNREACHABLE, 503),
    484: Cause(28, _T, _E.UNREACHABLE, 484),
    485: Cause(1, _T, _E.UNREACHABLE, 404),
    486: Cause(17, _T, _E.BUSY, 486),
    487: Cause(19, _T, _E.NO_ANSWER, 480),
    488: Cause(79, _R, _E.FAILED, 488),
    491: Cause(41, _R, _E.FAILED, 503),
    500: Cause(41, _R, _E.UNREACHABLE, 503),
    501: Cause(79, _R, _E.UNREACHABLE, 503),
    502: Cause(38, _R, _E.UNREACHABLE, 503),
    503: Cause(41, _R, _E.UNREACHABLE, 503),
    504: Cause(102, _R, _E.UNREACHABLE, 504),
    600: Cause(17, _C, _E.BUSY, 600),
    603: Cause(21, _C, _E.REJECTED, 603),
    604: Cause(1, _C, _E.UNREACHABLE, 604),
    606: Cause(79, _C, _E.FAILED, 606),
    607: Cause(21, _C, _E.REJECTED, 607),
    608: Cause(21, _C, _E.REJECTED, 608),
}

_CLASS = {
    3: Cause(38, _R, _E.UNREACHABLE, 503),
    4: Cause(127, _R, _E.FAILED, 503),
    5: Cause(41, _R, _E.UNREACHABLE, 503),
    6: Cause(21, _C, _E.REJECTED, 603),
}

NO_ANSWER = Cause(19, Next.TARGET, EndReason.NO_ANSWER, 480)
"""It rang until our timeout."""
NO_RESPONSE = Cause(102, Next.ROUTE, EndReason.UNREACHABLE, 504)
"""Nothing came back at all."""
TRANSPORT_FAILED = Cause(27, Next.ROUTE, EndReason.UNREACHABLE, 502)
"""The peer's machine refused the message (ICMP, TCP reset), or its name does not resolve."""
UNREGISTERED = Cause(20, Next.TARGET, EndReason.UNREACHABLE, 480)
"""Nothing is known of where the target is."""
NO_MEDIA = Cause(79, Next.TARGET, EndReason.FAILED, 503)
"""Its answer cannot be used."""
NOT_SEALED = Cause(41, Next.ROUTE, EndReason.FAILED, 503)
"""It could not be told who is called."""
LIMIT = Cause(34, Next.ROUTE, EndReason.LIMIT_REACHED, 503)
"""The trunk's own limit of calls is reached."""
OURS = frozenset({LIMIT, NO_MEDIA, NOT_SEALED})
"""Nobody but this platform is to blame."""


def cause_of(status: int) -> Cause:
    """The row for a final status 300-699."""
    return CAUSES.get(status) or _CLASS[status // 100]
