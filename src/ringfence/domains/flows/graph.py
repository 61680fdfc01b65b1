"""A call flow as a value: nodes, what each does, and which follows per outcome.

This is what tenants draw. rules.parse makes it of JSON, entry.control.compile makes verbs of it.
What a step means is said at its verb (engine.verbs.model); here are the forms that people edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

# --- what is said -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SayPrompt:
    """Speak a text."""

    say: str
    voice: str = ""
    language: str = "en-US"


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Play an uploaded prompt."""

    play: UUID


@dataclass(frozen=True, slots=True)
class PausePrompt:
    """Seconds of silence."""

    pause: float


Prompt = SayPrompt | PlayPrompt | PausePrompt

# --- where Dial goes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """A target of the tenant, resolved when a call begins."""

    target: UUID


@dataclass(frozen=True, slots=True)
class NumberTarget:
    """A number (E.164) through a trunk."""

    number: str
    trunk: UUID


@dataclass(frozen=True, slots=True)
class SipTarget:
    """A SIP URI."""

    sip: str


@dataclass(frozen=True, slots=True)
class DeviceTarget:
    """A registered user."""

    device: UUID


Target = StoredTarget | NumberTarget | SipTarget | DeviceTarget

# --- conditions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opening:
    """A stretch of the week, in minutes from midnight, ``to`` exclusive (24:00 is 1440). One that
    ends before it starts reaches into the next day."""

    days: tuple[str, ...]
    from_: int
    to: int


@dataclass(frozen=True, slots=True)
class TimeIs:
    """It is open now, in the zone, and no holiday."""

    zone: str
    openings: tuple[Opening, ...]
    holidays: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class HolidayIs:
    """Today is one of the dates, in the zone."""

    zone: str
    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class CallerIn:
    """The caller's number is of one of these areas, states or countries."""

    areas: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VariableIs:
    """A variable has one of the values, or begins with one of the prefixes."""

    name: str
    values: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ZipIs:
    """The variable ``zip`` has one of the values, or begins with one of the prefixes."""

    values: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagIs:
    """A tag of the call has one of the values."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepeatCaller:
    """The caller has called before, within so many days."""

    days: int


Condition = TimeIs | HolidayIs | CallerIn | VariableIs | ZipIs | TagIs | RepeatCaller


@dataclass(frozen=True, slots=True)
class Case:
    """The outcome when all of the conditions hold."""

    outcome: str
    if_: tuple[Condition, ...]


# --- steps --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text to the caller."""

    text: str
    voice: str = ""
    language: str = "en-US"
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Play:
    """Play an uploaded prompt to the caller."""

    prompt: UUID
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait in silence."""

    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Gather:
    """Take digits: one of the choices of a menu, or a number of digits."""

    prompts: tuple[Prompt, ...] = ()
    choices: tuple[str, ...] = ()
    min_digits: int = 1
    max_digits: int = 1
    seconds: float = 5.0
    digit_seconds: float = 3.0
    finish_key: str = ""
    retries: int = 0
    invalid_prompts: tuple[Prompt, ...] = ()
    save_as: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring targets and bridge the one that answers."""

    targets: tuple[Target, ...]
    mode: str = "sequential"
    timeout_seconds: int = 30
    caller_id: str = "caller"
    """``caller``, ``called``, or a number of the tenant."""
    ringback: UUID | None = None
    """A prompt instead of the ringing tone."""
    music: UUID | None = None
    whisper: tuple[Prompt, ...] = ()
    confirm: str = ""
    confirm_seconds: float = 10.0
    max_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Take a message from the caller."""

    max_seconds: int = 120
    silence_seconds: float = 5.0
    finish_key: str = "#"
    beep: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Play a prompt over and over, for a time."""

    prompt: UUID
    seconds: int = 3600


@dataclass(frozen=True, slots=True)
class Tag:
    """Mark the call for reports and conditions."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another flow, or with the document at a URL, and do not come back."""

    flow: UUID | None = None
    url: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call with a SIP status."""

    status: int = 603


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Go the way of the first case that holds."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Go one of several ways by chance, in proportion to the weights."""

    shares: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SubFlow:
    """Run another flow and come back when it ends."""

    flow: UUID


Step = (
    Say
    | Play
    | Pause
    | Gather
    | Dial
    | Record
    | Hold
    | Tag
    | Redirect
    | Reject
    | Hangup
    | Branch
    | Split
    | SubFlow
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node is drawn; it means nothing to a call."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Node:
    """A step and the node that follows per outcome; ``""`` stands for outcomes not named. Where
    neither is there the flow ends."""

    step: Step
    next: Mapping[str, str] = field(default_factory=dict)
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A flow. ``expects`` names variables that flows leading to this one have gathered."""

    start: str
    nodes: Mapping[str, Node]
    expects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a flow cannot be accepted: ``node`` None is the graph itself, ``field`` a path such as
    ``targets[0].number``, ``code`` is stable."""

    node: str | None
    field: str
    code: str
    message: str
