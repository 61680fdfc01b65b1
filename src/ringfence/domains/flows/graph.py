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
    """It is open now, in the zone, and no holiday.

    An opening is `{"days": ["mon", "fri"], "from": "09:00", "to": "17:00"}`, without the
    minute `to`. One that ends before it starts reaches into the next day; on a holiday none
    starts."""

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
    """Take digits: one of the choices of a menu, or a number of digits.

    Digits may come while the prompts play; the first one ends them. `seconds` is how long the first
    digit is waited for after the prompts, `digit_seconds` each other. With choices the input is
    complete as soon as it is one of them and no longer one could follow: of `1` and `10` the first
    is taken when nothing follows. Without, after `max_digits`, the `finish_key`, or when nothing
    follows. It is asked again up to `retries` times, after `invalid_prompts` when something else
    was pressed. What is taken is kept in the variable `save_as`."""

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
    """Ring targets and bridge the one that answers.

    `answered` comes when the answering side has hung up. `timeout_seconds` is for each target; in
    parallel for all. `caller_id` is what targets see: the caller's number, the number that was
    called, or another of the tenant. An answered caller hears `ringback` instead of the ringing
    tone; `music` is for whoever is put on hold. `whisper` is for the answering side alone, and with
    `confirm` it takes the call only by pressing that key within `confirm_seconds`. `max_seconds` is
    the longest conversation. Targets that are switched off are passed over."""

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
    """Take a message from the caller, after a beep.

    It ends with the `finish_key`, after `silence_seconds` without a word, or `max_seconds`; `empty`
    when nothing was said."""

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
    """Mark the call for reports and conditions; the value holds no variables."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another flow, or with the document at a URL, and do not come back.

    Exactly one of `flow` and `url`. Only a document may fail: `failed`."""

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
    """Go the way of the first case that holds, else of `otherwise`."""

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
