"""TwiML, the XML that tells what to do with a call: a document as values.

The words and defaults are Twilio's (TwiML for Programmable Voice), as far as they are supported
here, and a few of our own: Tag, Hold, and Whisper in Dial.
"""

from ringfence.protocols.twiml.model import (
    Client,
    Dial,
    Document,
    Gather,
    Hangup,
    Hold,
    Method,
    Noun,
    Number,
    Pause,
    Play,
    Prompt,
    Record,
    Redirect,
    Reject,
    Say,
    Sip,
    Tag,
    TwimlError,
    Verb,
    Warning,
    Whisper,
)
from ringfence.protocols.twiml.verbs import parse

__all__ = [
    "Client",
    "Dial",
    "Document",
    "Gather",
    "Hangup",
    "Hold",
    "Method",
    "Noun",
    "Number",
    "Pause",
    "Play",
    "Prompt",
    "Record",
    "Redirect",
    "Reject",
    "Say",
    "Sip",
    "Tag",
    "TwimlError",
    "Verb",
    "Warning",
    "Whisper",
    "parse",
]
