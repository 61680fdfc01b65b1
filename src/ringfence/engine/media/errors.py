"""Errors that a media process answers with; signalling sees them as RpcError with the same code."""

from __future__ import annotations

from ringfence.kernel.errors import InvalidInput, NotFound, Unavailable


class NoPorts(Unavailable):
    """Every RTP port pair of this worker is in use."""

    code = "no_ports"


class UnknownLeg(NotFound):
    """The session has no such leg."""

    code = "unknown_leg"


class PlaySourceInvalid(InvalidInput):
    """Nothing can be played from this source."""

    code = "play_source_invalid"


class DigitsInvalid(InvalidInput):
    """The text to send has a character that is no DTMF digit, or the leg takes no events."""

    code = "digits_invalid"
