"""Errors that the speech process answers with; its clients see RpcError with the same code."""

from __future__ import annotations

from ringfence.kernel.errors import InvalidInput, Unavailable


class SpeechTextInvalid(InvalidInput):
    """The text is empty, too long, or has nothing in it that can be spoken."""

    code = "speech_text"


class SpeechVoiceUnknown(InvalidInput):
    """No such voice, or none for this language."""

    code = "speech_voice"


class SpeechBusy(Unavailable):
    """Too many texts wait to be spoken."""

    code = "speech_busy"


class SpeechUnavailable(Unavailable):
    """The speech engine cannot be used: its files are missing or not those that were tested."""

    code = "speech_unavailable"
