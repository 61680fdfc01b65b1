"""Verbs: everything that can happen to a call, as values.

A flow, a TwiML document and a tool call of an assistant all compile to a Program of these, which
engine.verbs.interpreter runs. A node names its successor per outcome of its verb; the outcomes
stand beside each verb. Texts may hold ``{name}`` of a variable of the call (``{{`` is a brace);
what they become is then personal: never cached, never logged.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

# --- where Dial goes ----------------------------------------------------------------------------


class TrunkTarget(msgspec.Struct, frozen=True, tag="trunk"):
    """Dial a number through a trunk."""

    trunk: UUID
    number: str
    """E.164."""


class SipTarget(msgspec.Struct, frozen=True, tag="sip"):
    """Dial a SIP URI directly."""

    uri: str


class DeviceTarget(msgspec.Struct, frozen=True, tag="device"):
    """Dial a registered user: all of its contacts at once."""

    device: UUID
    username: str


DialTarget = TrunkTarget | SipTarget | DeviceTarget

# --- what is said -------------------------------------------------------------------------------


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Speak a text. Answers the call. Outcome: ``done``; ``failed`` when it cannot be spoken."""

    text: str
    voice: str = ""
    """Empty: the installation's default."""
    language: str = "en-US"
    loop: int = 1
    """0: until the caller hangs up."""
    personal: bool = False
    """Whether the text may hold something of a person even without variables."""


class Play(msgspec.Struct, frozen=True, tag="play"):
    """Play a media source (engine.ports.PlayRequest). Answers the call. ``done``, ``failed``."""

    source: str
    loop: int = 1


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Silence. Does not answer the call. Outcome: ``done``."""

    seconds: float = 1.0


Prompt = Say | Play | Pause

# --- verbs --------------------------------------------------------------------------------------


class Gather(msgspec.Struct, frozen=True, tag="gather"):
    """Take digits, also while the prompts play, which the first digit ends. Answers the call.

    With ``choices`` the input is complete as soon as it is one of them and no longer one could
    follow; without, after ``max_digits``, ``finish_key``, or ``digit_seconds`` without another. It
    is asked again up to ``retries`` times. Outcomes: ``digits:<choice>``; ``digits`` without
    choices; ``timeout`` when nothing was pressed the last time, ``invalid`` when something else.
    """

    prompts: tuple[Prompt, ...] = ()
    choices: tuple[str, ...] = ()
    min_digits: int = 1
    max_digits: int = 1
    seconds: float = 5.0
    """After the prompts, until the first digit."""
    digit_seconds: float = 3.0
    """Between digits."""
    finish_key: str = ""
    retries: int = 0
    invalid_prompts: tuple[Prompt, ...] = ()
    """Before it is asked again."""
    save_as: str = ""
    """The variable that takes the digits; its value is sealed in the record."""


class Dial(msgspec.Struct, frozen=True, tag="dial"):
    """Ring targets until one answers, then bridge. Does not answer the call before that.

    Outcomes: ``answered`` (bridged, and the answering side has hung up), ``busy``, ``no_answer``,
    ``rejected``, ``failed``.
    """

    targets: tuple[DialTarget, ...]
    mode: Literal["sequential", "parallel"] = "sequential"
    timeout_seconds: int = 30
    """How long each target may ring; in parallel, all of them."""
    caller_id: str | None = None
    """E.164 presented to the target; None passes the caller's own."""
    ringback: str = "ringback:us"
    """Media source that an answered caller hears while it rings."""
    music: str = ""
    """Media source, looped, for whoever is put on hold by the other side; empty: silence."""
    whisper: tuple[Prompt, ...] = ()
    """What only the answering side hears before it is bridged."""
    confirm: str = ""
    """The key with which the answering side takes the call after the whisper; else it did not
    answer."""
    confirm_seconds: float = 10.0
    max_seconds: int | None = None
    """Longest conversation."""
    emergency: bool = False
    """It goes to emergency services: never recorded, and rung also where nobody can be sealed."""


class Record(msgspec.Struct, frozen=True, tag="record"):
    """Take a message from the caller, after a beep. Answers the call.

    Outcomes: ``done``, ``empty`` (nothing was said), ``failed`` (it could not be recorded).
    """

    max_seconds: int = 120
    silence_seconds: float = 5.0
    """Ends when nothing was said for so long."""
    finish_key: str = "#"
    """Any of these keys ends it."""
    beep: bool = True


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Play a source over and over until the time is up or the call is redirected. Answers the
    call. Outcome: ``done``."""

    source: str
    seconds: int = 3600


class Tag(msgspec.Struct, frozen=True, tag="tag"):
    """Mark the call for reports; a value without variables. Outcome: ``done``."""

    name: str
    value: str


class Fetch(msgspec.Struct, frozen=True, tag="fetch"):
    """Go on with the document at a URL, or with a flow as it is published by then. Outcome:
    ``failed``; else the program is replaced."""

    url: str
    method: Literal["GET", "POST"] = "POST"
    flow: UUID | None = None
    """Instead of a URL, which is then empty."""


class Reject(msgspec.Struct, frozen=True, tag="reject"):
    """Refuse the call with a SIP status (400-699); one that was answered is hung up."""

    status: int = 603


class Hangup(msgspec.Struct, frozen=True, tag="hangup"):
    """End the call."""


# --- decisions, which take no time --------------------------------------------------------------


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of the week: weekdays (0 is Monday), minutes from midnight; ``end`` exclusive. One
    that ends before it starts reaches into the next day."""

    weekdays: tuple[int, ...]
    start: int
    end: int


class TimeIs(msgspec.Struct, frozen=True, tag="time"):
    """It is open: within an opening, and not on a holiday, in the named zone."""

    zone: str
    openings: tuple[Opening, ...]
    holidays: tuple[str, ...] = ()
    """ISO dates."""


class HolidayIs(msgspec.Struct, frozen=True, tag="holiday"):
    """Today is one of these dates in the named zone."""

    zone: str
    dates: tuple[str, ...]


class CallerIn(msgspec.Struct, frozen=True, tag="caller"):
    """The caller's number is of one of these areas (codes), states or countries (ISO 3166-1)."""

    areas: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


class VariableIs(msgspec.Struct, frozen=True, tag="variable"):
    """A variable has one of these values, or begins with one of the prefixes."""

    name: str
    values: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


class TagIs(msgspec.Struct, frozen=True, tag="tag_is"):
    """A tag has one of these values."""

    name: str
    values: tuple[str, ...]


class RepeatCaller(msgspec.Struct, frozen=True, tag="repeat"):
    """The caller has called this tenant before, within so many days."""

    days: int


Condition = TimeIs | HolidayIs | CallerIn | VariableIs | TagIs | RepeatCaller


class Case(msgspec.Struct, frozen=True, array_like=True):
    """All of the conditions hold: the branch's outcome."""

    outcome: str
    conditions: tuple[Condition, ...]


class Branch(msgspec.Struct, frozen=True, tag="branch"):
    """Outcome: that of the first case that holds, else ``otherwise``."""

    cases: tuple[Case, ...]


class Split(msgspec.Struct, frozen=True, tag="split"):
    """Outcome: one of the names, by chance in proportion to its weight."""

    shares: tuple[tuple[str, int], ...]


class Enter(msgspec.Struct, frozen=True, tag="enter"):
    """Run the flow that begins at a node; when it ends, ``done``."""

    start: str


class Jump(msgspec.Struct, frozen=True, tag="jump"):
    """Go on at a node and return to none that was entered from."""

    start: str


Verb = (
    Say
    | Play
    | Pause
    | Gather
    | Dial
    | Record
    | Hold
    | Tag
    | Fetch
    | Reject
    | Hangup
    | Branch
    | Split
    | Enter
    | Jump
)


class Node(msgspec.Struct, frozen=True):
    """A verb and what follows it."""

    verb: Verb
    next: dict[str, str] = {}
    """Node by outcome; ``""`` stands for every outcome that is not named. Where neither is there
    the flow ends: it returns to where it was entered from, or the call is hung up."""


class Program(msgspec.Struct, frozen=True):
    """What is to happen to a call. Node names: ``<flow hex>/<node id>``, or of the document."""

    start: str
    nodes: dict[str, Node]
    flow: UUID | None = None
    """The flow it was made of."""
    version: int | None = None
    facts: Facts | None = None
    """Of one that a call goes on with: what is known now, if it asks for more than was known."""
    unrecorded: bool = False
    """Of one that a call goes on with: somebody whom it may ring refuses to be recorded."""


def straight(*verbs: Verb) -> Program:
    """A program of verbs one after the other."""
    last = len(verbs) - 1
    nodes = {
        str(n): Node(verb, {} if n == last else {"": str(n + 1)}) for n, verb in enumerate(verbs)
    }
    return Program("0", nodes)


class Facts(msgspec.Struct, frozen=True):
    """What is known of a call when its program starts; conditions see this and no more."""

    caller: str = ""
    """E.164, or empty."""
    called: str = ""
    country: str | None = None
    area: str | None = None
    state: str | None = None
    last_call_at: int | None = None
    """When this caller last called the tenant before; microseconds since the Unix epoch."""
