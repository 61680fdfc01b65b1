"""The verbs and nouns of a document. Durations are whole seconds; URLs stand as written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Method = Literal["GET", "POST"]


class TwimlError(ValueError):
    """A document that cannot be carried out.

    ``code``: ``too_large``, ``charset``, ``xml`` (not well-formed), ``forbidden`` (a DTD),
    ``unknown_element``, ``unsupported`` (Twilio has it, we have not), ``attribute``, ``content``.
    """

    def __init__(self, line: int, message: str, code: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that was ignored."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class _Element:
    line: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Say(_Element):
    """Speak a text; ``loop`` 0 is for ever. Runs of white space in it are one space."""

    text: str
    voice: str = ""
    language: str = "en-US"
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Play(_Element):
    """Play the audio at a URL; ``loop`` 0 is for ever."""

    url: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause(_Element):
    length: int = 1


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Gather(_Element):
    """Take digits."""

    action: str | None = None
    """None: the document's own URL."""
    method: Method = "POST"
    timeout: int = 5
    """Until the first digit, and between digits."""
    num_digits: int | None = None
    """None: any number of them."""
    finish_on_key: str = "#"
    """One key, or none."""
    action_on_empty_result: bool = False
    min_digits: int = 1
    """Fewer are as good as none."""
    retries: int = 0
    """How often it is asked again."""
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Number(_Element):
    number: str
    """E.164."""


@dataclass(frozen=True, slots=True)
class Sip(_Element):
    uri: str


@dataclass(frozen=True, slots=True)
class Client(_Element):
    """A registered user."""

    identity: str


Noun = Number | Sip | Client


@dataclass(frozen=True, slots=True)
class Whisper(_Element):
    """What only the answering side hears before it is connected."""

    prompts: tuple[Prompt, ...]
    confirm: str = ""
    """The key that takes the call; empty: none is needed."""
    timeout: int = 10
    """For the key, after the prompts."""


@dataclass(frozen=True, slots=True)
class Dial(_Element):
    """Ring all nouns at once, or one after the other."""

    nouns: tuple[Noun, ...]
    action: str | None = None
    """None: go on with the next verb."""
    method: Method = "POST"
    timeout: int = 30
    time_limit: int = 14_400
    caller_id: str | None = None
    """E.164; None: the caller's."""
    sequential: bool = False
    ringback: str | None = None
    """URL of what an answered caller hears while it rings; None: the ringing tone."""
    music: str | None = None
    """URL of what is heard by who is put on hold."""
    whisper: Whisper | None = None


@dataclass(frozen=True, slots=True)
class Record(_Element):
    """Take a message."""

    action: str | None = None
    """None: the document's own URL."""
    method: Method = "POST"
    timeout: int = 5
    """Of silence."""
    finish_on_key: str = "1234567890*#"
    """Any of these keys."""
    max_length: int = 3600
    play_beep: bool = True


@dataclass(frozen=True, slots=True)
class Redirect(_Element):
    """Go on with another document, or with a flow."""

    url: str
    method: Method = "POST"
    flow: UUID | None = None
    """The published flow to go on with instead; ``url`` is then empty."""


@dataclass(frozen=True, slots=True)
class Reject(_Element):
    reason: Literal["rejected", "busy"] = "rejected"


@dataclass(frozen=True, slots=True)
class Hangup(_Element):
    pass


@dataclass(frozen=True, slots=True)
class Tag(_Element):
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Hold(_Element):
    music: str | None = None
    """URL; None: silence."""
    length: int = 3600


Verb = Say | Play | Pause | Gather | Dial | Record | Redirect | Reject | Hangup | Tag | Hold


@dataclass(frozen=True, slots=True)
class Document:
    """What to do, in this order."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[Warning, ...] = ()
