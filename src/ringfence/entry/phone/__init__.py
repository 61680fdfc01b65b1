"""A small SIP phone for demonstrations and tests.

It shares no parser, transaction, dialog or media code with the engine, so that an error of the
engine cannot hide behind the same error here.
"""

from ringfence.entry.phone.agent import Phone
from ringfence.entry.phone.audio import AudioStream, Pacer
from ringfence.entry.phone.call import Call, CallFailed
from ringfence.entry.phone.digest import Credentials
from ringfence.entry.phone.recorder import Heard
from ringfence.entry.phone.wire import WireMessage

__all__ = [
    "AudioStream",
    "Call",
    "CallFailed",
    "Credentials",
    "Heard",
    "Pacer",
    "Phone",
    "WireMessage",
]
