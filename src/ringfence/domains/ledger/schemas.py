"""What the REST API says and takes of wallets, the ledger and rates."""

from __future__ import annotations

from datetime import datetime

from ninja import Schema
from pydantic import AwareDatetime, Field

from ringfence.domains.ledger.contracts import (
    MAX_MICROS,
    AccountKind,
    DeckInfo,
    DeckKind,
    Direction,
    EntryFilter,
    EntryInfo,
    EntryKind,
    Explanation,
    Quote,
    RateInfo,
    Reference,
    UnratedInfo,
    UnratedState,
    WalletInfo,
)
from ringfence.domains.ledger.rules.rate_file import COLUMNS
from ringfence.kernel.ids import Prefix, parse_public_id, public_id


class WalletOut(Schema):
    """A wallet in one currency. Amounts are millionths of its unit.

    ``low_balance_micros``: falling below it is an event; null: never.
    """

    currency: str
    balance_micros: int
    credit_limit_micros: int
    low_balance_micros: int | None


class WalletList(Schema):
    tenant: str
    wallets: list[WalletOut]


class LineOut(Schema):
    """What an account gains (positive) or gives (negative), in millionths of the currency."""

    account: AccountKind
    amount_micros: int
    currency: str


class ReferenceOut(Schema):
    type: str
    id: str


class StepOut(Schema):
    """One step of a calculation."""

    what: str
    seconds: int
    micros: int


class ExplanationOut(Schema):
    """Why the amount is what it is: the rule and its version, and for a call its rate."""

    rule: str
    call: str | None
    leg: str | None
    deck: str | None
    rate: str | None
    billed_seconds: int | None
    steps: list[StepOut]


class EntryOut(Schema):
    """An entry of the books. It never changes; its lines add up to zero in each currency."""

    id: str
    occurred_at: datetime
    kind: EntryKind
    idempotency_key: str
    reference: ReferenceOut
    explanation: ExplanationOut
    lines: list[LineOut]


class EntryList(Schema):
    """Entries, newest first; pass ``next`` as ``before`` for the page after this one."""

    entries: list[EntryOut]
    next: str | None


class EntryQuery(Schema):
    kind: EntryKind | None = None
    call: str | None = None
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    def as_filter(self) -> EntryFilter:
        """Raises InvalidId."""
        if self.call is None:
            return EntryFilter(kind=self.kind)
        call = public_id(Prefix.CALL, parse_public_id(Prefix.CALL, self.call))
        return EntryFilter(kind=self.kind, reference=Reference("call", call))


class BalanceOut(Schema):
    """What stands on an account, in millionths of its currency."""

    account: AccountKind
    currency: str
    balance_micros: int


class BalanceList(Schema):
    tenant: str
    balances: list[BalanceOut]


class TopUpIn(Schema):
    """A payment. ``reference`` is the payer's or the payment provider's id of it: the same
    reference is never added twice."""

    amount_micros: int = Field(ge=1, le=MAX_MICROS)
    currency: str = Field(pattern="^[A-Z]{3}$")
    reference: str = Field(pattern="^[A-Za-z0-9_.:-]{1,64}$")


class WalletChange(Schema):
    """Limits of a wallet; what is missing stays. ``low_balance_micros`` null: never an event."""

    credit_limit_micros: int | None = Field(None, ge=0, le=MAX_MICROS)
    low_balance_micros: int | None = Field(None, ge=-MAX_MICROS, le=MAX_MICROS)


class RateIn(Schema):
    """A line of a price list: amounts are decimal texts of units of the currency."""

    prefix: str
    price_per_minute: str
    connection_fee: str = "0"
    minimum_seconds: int = 0
    first_seconds: int = 60
    next_seconds: int = 60
    effective_from: AwareDatetime
    effective_to: AwareDatetime | None = None

    def cells(self) -> list[str]:
        end = "" if self.effective_to is None else self.effective_to.isoformat()
        values = {**self.model_dump(), "effective_from": self.effective_from.isoformat()}
        return [str(value) for value in {**values, "effective_to": end}.values()]


class DeckIn(Schema):
    """A price list, as ``csv`` (a text with a heading line) or as ``rates``."""

    name: str = Field(min_length=1, max_length=120)
    kind: DeckKind
    direction: Direction = Direction.OUTBOUND
    currency: str = Field(pattern="^[A-Z]{3}$")
    csv: str | None = None
    rates: list[RateIn] | None = Field(None, max_length=200_000)

    def as_csv(self) -> str:
        """The file of its rates; of a line that is no CSV the import says so."""
        if self.csv is not None:
            return self.csv
        lines = [_csv(rate.cells()) for rate in self.rates or ()]
        return "\n".join([",".join(COLUMNS), *lines])


def _csv(cells: list[str]) -> str:
    return ",".join(cell.replace(",", " ").replace("\n", " ") for cell in cells)


class DeckOut(Schema):
    """A price list. It never changes: new prices are a new one."""

    id: str
    name: str
    kind: DeckKind
    direction: Direction
    currency: str
    effective_from: datetime
    created_at: datetime
    rates: int


class DeckList(Schema):
    tenant: str
    decks: list[DeckOut]


class RateOut(Schema):
    """What calls to numbers of a prefix cost during a time, in millionths of the currency."""

    id: str
    prefix: str
    currency: str
    price_per_minute_micros: int
    connection_fee_micros: int
    minimum_seconds: int
    first_seconds: int
    next_seconds: int
    effective_from: datetime
    effective_to: datetime | None


class RateList(Schema):
    """Rates by prefix and time; pass ``next`` as ``after`` for the page after this one."""

    deck: str
    rates: list[RateOut]
    next: str | None


class RateQuery(Schema):
    after: str | None = None
    limit: int = Field(200, ge=1, le=1000)


class QuoteQuery(Schema):
    number: str = Field(pattern=r"^\+?[0-9]{3,15}$")
    seconds: int = Field(60, ge=0, le=86_400)
    direction: Direction = Direction.OUTBOUND
    at: AwareDatetime | None = None


class QuoteOut(Schema):
    """What it would cost by the decks of a kind; ``reason`` where it could not be rated."""

    kind: DeckKind
    amount_micros: int | None
    currency: str | None
    prefix: str | None
    explanation: ExplanationOut | None
    reason: str | None


class QuoteList(Schema):
    """One quote for each kind of decks that the tenant has; none: calls are not billed."""

    tenant: str
    quotes: list[QuoteOut]


class UnratedOut(Schema):
    """A leg of a call that could not be rated by a kind of decks, and why."""

    id: str
    call: str
    leg: str
    kind: DeckKind
    direction: Direction
    reason: str
    attempts: int
    first_seen_at: datetime
    last_seen_at: datetime
    state: UnratedState
    note: str | None


class UnratedList(Schema):
    """Oldest first; pass ``next`` as ``after`` for the page after this one."""

    unrated: list[UnratedOut]
    next: str | None


class UnratedQuery(Schema):
    state: UnratedState = UnratedState.OPEN
    after: str | None = None
    limit: int = Field(50, ge=1, le=200)


class WriteOffIn(Schema):
    """Why it is given up; without personal values."""

    reason: str = Field(min_length=1, max_length=200)


class RetriedOut(Schema):
    """How many were rated now, and how many stay in the queue."""

    rated: int
    unrated: int


def wallet_out(info: WalletInfo) -> WalletOut:
    return WalletOut(
        currency=info.currency,
        balance_micros=info.balance_micros,
        credit_limit_micros=info.credit_limit_micros,
        low_balance_micros=info.low_balance_micros,
    )


def deck_out(info: DeckInfo) -> DeckOut:
    return DeckOut(
        id=public_id(Prefix.RATE_DECK, info.id),
        name=info.name,
        kind=info.kind,
        direction=info.direction,
        currency=info.currency,
        effective_from=info.effective_from,
        created_at=info.created_at,
        rates=info.rates,
    )


def rate_out(info: RateInfo) -> RateOut:
    return RateOut(
        id=public_id(Prefix.RATE, info.id),
        prefix=info.prefix,
        currency=info.currency,
        price_per_minute_micros=info.price_per_minute_micros,
        connection_fee_micros=info.connection_fee_micros,
        minimum_seconds=info.minimum_seconds,
        first_seconds=info.first_seconds,
        next_seconds=info.next_seconds,
        effective_from=info.effective_from,
        effective_to=info.effective_to,
    )


def quote_out(item: Quote) -> QuoteOut:
    rated = item.rated
    return QuoteOut(
        kind=item.kind,
        amount_micros=None if rated is None else rated.amount.micros,
        currency=None if rated is None else rated.amount.currency,
        prefix=None if rated is None else rated.prefix,
        explanation=None if rated is None else _explanation(rated.explanation),
        reason=item.reason,
    )


def unrated_out(info: UnratedInfo) -> UnratedOut:
    return UnratedOut(
        id=public_id(Prefix.UNRATED, info.id),
        call=public_id(Prefix.CALL, info.call_id),
        leg=public_id(Prefix.LEG, info.leg_id),
        kind=info.kind,
        direction=info.direction,
        reason=info.reason,
        attempts=info.attempts,
        first_seen_at=info.first_seen_at,
        last_seen_at=info.last_seen_at,
        state=info.state,
        note=info.note,
    )


def entry_out(info: EntryInfo) -> EntryOut:
    return EntryOut(
        id=public_id(Prefix.LEDGER_ENTRY, info.id),
        occurred_at=info.occurred_at,
        kind=info.kind,
        idempotency_key=info.idempotency_key,
        reference=ReferenceOut(type=info.reference.type, id=info.reference.id),
        explanation=_explanation(info.explanation),
        lines=[
            LineOut(
                account=line.account,
                amount_micros=line.amount.micros,
                currency=line.amount.currency,
            )
            for line in info.lines
        ],
    )


def _explanation(why: Explanation) -> ExplanationOut:
    return ExplanationOut(
        rule=why.rule,
        call=None if why.call is None else public_id(Prefix.CALL, why.call),
        leg=None if why.leg is None else public_id(Prefix.LEG, why.leg),
        deck=None if why.deck is None else public_id(Prefix.RATE_DECK, why.deck),
        rate=None if why.rate is None else public_id(Prefix.RATE, why.rate),
        billed_seconds=why.billed_seconds,
        steps=[
            StepOut(what=step.what, seconds=step.seconds, micros=step.micros) for step in why.steps
        ],
    )
