"""What other domains and the entrances see of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound
from ringfence.kernel.money import Money

MAX_MICROS = 10**15
"""Largest absolute amount of a line: a thousand million units."""


class AccountKind(StrEnum):
    """An account of a tenant's books; what its positive balance means."""

    WALLET = "wallet"
    """What the tenant may still spend."""
    REVENUE = "revenue"
    """What the operator earned."""
    COST = "cost"
    """What carriers charge, as a negative balance."""
    TAX = "tax"
    """Tax collected."""
    PAYABLE = "payable"
    """The outside world: what is owed to carriers; money received is negative."""


class EntryKind(StrEnum):
    """Why an entry was made."""

    TOP_UP = "top_up"
    CHARGE = "charge"
    COST = "cost"
    ADJUSTMENT = "adjustment"
    CARRIED = "carried"
    """What older entries added up to, in their place: the books begin with it."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry: what an account gains (positive) or gives (negative)."""

    account: AccountKind
    amount: Money


@dataclass(frozen=True, slots=True)
class Reference:
    """What an entry is about, such as ``call`` and its public id, or ``payment`` and its id.

    Never a value of a person.
    """

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a calculation: what, over how many seconds, for how many micros."""

    what: str
    seconds: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an amount is what it is. It names the rate, never the number that was dialled."""

    rule: str
    """Name and version of the rule that computed it, such as ``rating/1``."""
    call: UUID | None = None
    leg: UUID | None = None
    deck: UUID | None = None
    rate: UUID | None = None
    billed_seconds: int | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What makes an entry. The key stands for kind, lines, reference and explanation: posting it
    again with the same is harmless, with others a conflict."""

    idempotency_key: str
    kind: EntryKind
    lines: tuple[Posting, ...]
    reference: Reference
    explanation: Explanation
    occurred_at: datetime | None = None
    """When it came about; None is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInfo:
    """An entry of a tenant's books. It never changes."""

    id: UUID
    tenant_id: UUID
    occurred_at: datetime
    kind: EntryKind
    idempotency_key: str
    reference: Reference
    explanation: Explanation
    lines: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries to list; None does not restrict."""

    kind: EntryKind | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries from the newest posted to the oldest."""

    entries: tuple[EntryInfo, ...]
    next_cursor: UUID | None
    """Pass as ``before`` to get the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class WalletInfo:
    """A wallet of a tenant, in micros of its currency."""

    currency: str
    balance_micros: int
    credit_limit_micros: int
    """How far below zero a call may still start."""
    low_balance_micros: int | None
    """Falling below this is an event; None: never."""


@dataclass(frozen=True, slots=True)
class LowBalance:
    """A charge took a wallet from its threshold or above to below it."""

    tenant_id: UUID
    entry_id: UUID
    currency: str
    balance_micros: int
    threshold_micros: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting did: the entry, and whether it is new."""

    entry: EntryInfo
    new: bool
    low_balance: LowBalance | None = None


class InvalidEntry(InvalidInput):
    """The entry cannot be accepted; ``details.field`` names what is wrong."""

    code = "invalid_entry"


class IdempotencyConflict(InvalidInput):
    """The idempotency key was used for other content."""

    code = "idempotency_conflict"
    http_status = 409


class DeckKind(StrEnum):
    """What a rate deck prices."""

    SELL = "sell"
    """What the tenant is charged."""
    BUY = "buy"
    """What carriers charge for it."""


class Direction(StrEnum):
    """Which legs a rate deck prices."""

    INBOUND = "inbound"
    """Legs that a carrier brought, by the tenant's number that was dialled."""
    OUTBOUND = "outbound"
    """Legs that were dialled, by the number dialled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInfo:
    """What calls to numbers of a prefix cost during a time. Amounts in micros."""

    id: UUID
    deck_id: UUID
    prefix: str
    """Leading digits of E.164, without ``+``."""
    currency: str
    price_per_minute_micros: int
    connection_fee_micros: int
    minimum_seconds: int
    first_seconds: int
    next_seconds: int
    effective_from: datetime
    """Inclusive."""
    effective_to: datetime | None
    """Exclusive; None: until further notice."""


@dataclass(frozen=True, slots=True)
class DeckInfo:
    """A rate deck of a tenant."""

    id: UUID
    tenant_id: UUID
    name: str
    kind: DeckKind
    direction: Direction
    currency: str
    effective_from: datetime
    """When its first rate begins: from then on it is in force, until a later made one is."""
    created_at: datetime
    rates: int
    """How many rates it has."""


@dataclass(frozen=True, slots=True)
class RatePage:
    """Rates of a deck by prefix and time."""

    rates: tuple[RateInfo, ...]
    next_cursor: UUID | None
    """Pass as ``after`` to get the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call would cost now, and why; ``reason`` instead where it could not be rated."""

    kind: DeckKind
    rated: Rated | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Rated:
    """What a call costs, and why."""

    amount: Money
    prefix: str
    billed_seconds: int
    explanation: Explanation


class InvalidDeck(InvalidInput):
    """The deck cannot be accepted; ``details.errors`` lists ``line`` and ``problem``."""

    code = "invalid_rate_deck"


class DeckNotFound(NotFound):
    """No such rate deck for this tenant."""

    code = "rate_deck_not_found"


class Unrated(StrEnum):
    """Why usage could not be rated. Besides these: the code of the error by which its number does
    not open, such as ``key_destroyed``."""

    NO_DECK = "no_deck"
    """There are decks of this kind, but none in force for this direction."""
    NO_RATE = "no_rate"
    """The deck in force has no rate for the number."""
    NO_NUMBER = "no_number"
    """What was dialled is no telephone number."""
    OUT_OF_RANGE = "amount_out_of_range"
    """The amount is more than a line may have."""


class UnratedState(StrEnum):
    """What became of usage that could not be rated."""

    OPEN = "open"
    RATED = "rated"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnratedInfo:
    """Usage that could not be rated when it was to be. It names the leg, never its number."""

    id: UUID
    tenant_id: UUID
    call_id: UUID
    leg_id: UUID
    kind: DeckKind
    direction: Direction
    reason: str
    """``Unrated`` or the code of an error, at the last attempt."""
    attempts: int
    first_seen_at: datetime
    last_seen_at: datetime
    state: UnratedState
    note: str | None
    """Why it was written off."""


@dataclass(frozen=True, slots=True)
class UnratedPage:
    """The error queue, oldest first."""

    items: tuple[UnratedInfo, ...]
    next_cursor: UUID | None
    """Pass as ``after`` to get the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of usage: how many ratings were posted, were posted before, stand in the error
    queue, and were not to be made because nobody keeps prices of that kind."""

    posted: int = 0
    known: int = 0
    unrated: int = 0
    unbilled: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Usage of a call record that the books contradict."""

    tenant_id: UUID
    call_id: UUID
    leg_id: UUID
    kind: DeckKind
    problem: str
    """``missing``: neither entry nor queue; ``twice``: both; ``amount``, ``seconds``: the entry is
    not what its rate makes of the leg."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Call records compared with the books. ``waiting``: ended, but not yet reached by rating."""

    calls_legs: int
    rated: int
    unrated: int
    written_off: int
    waiting: int
    differences: tuple[Difference, ...]
    wrong_checkpoints: int


class UnratedNotFound(NotFound):
    """No such item in the tenant's error queue."""

    code = "unrated_not_found"


class UnratedClosed(InvalidInput):
    """The item was rated or written off before."""

    code = "unrated_closed"
    http_status = 409
