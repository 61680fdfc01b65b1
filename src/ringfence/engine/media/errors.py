"""Errors that a media process answers with; signalling sees them as RpcError with the same code."""

from __future__ import annotations

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError, Unavailable


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


class TrackExists(RingfenceError):
    """The track was begun before, or the leg is being recorded already."""

    code = "track_exists"
    http_status = 409


class UnknownTrack(NotFound):
    """The session has no such track."""

    code = "unknown_track"


class TrackUnwritable(Unavailable):
    """The disk takes no track."""

    code = "track_unwritable"


class KeysUnavailable(Unavailable):
    """No key, no track."""

    code = "keys_unavailable"
