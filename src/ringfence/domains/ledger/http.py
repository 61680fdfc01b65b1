"""REST API of wallets and the ledger."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from ringfence.domains.ledger import api
from ringfence.domains.ledger.contracts import (
    AccountKind,
    EntryFilter,
    EntryInfo,
    EntryKind,
    Explanation,
    Reference,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["ledger"])


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


@router.get("/wallet", response=responses(WalletList), operation_id="get_wallet")
@requires("ledger:read")
def get_wallet(request: HttpRequest) -> WalletList:
    """The tenant's wallets, one for each currency."""
    tenant_id = caller_of(request).tenant_id
    return WalletList(
        tenant=public_id(Prefix.TENANT, tenant_id),
        wallets=[
            WalletOut(
                currency=info.currency,
                balance_micros=info.balance_micros,
                credit_limit_micros=info.credit_limit_micros,
                low_balance_micros=info.low_balance_micros,
            )
            for info in api.list_wallets(tenant_id)
        ],
    )


@router.get(
    "/ledger/entries", response=responses(EntryList, 422), operation_id="list_ledger_entries"
)
@requires("ledger:read")
def list_ledger_entries(request: HttpRequest, query: Query[EntryQuery]) -> EntryList:
    """The entries of the tenant's books, newest posted first."""
    page = api.list_entries(
        caller_of(request).tenant_id,
        query.as_filter(),
        before=None if query.before is None else parse_public_id(Prefix.LEDGER_ENTRY, query.before),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return EntryList(
        entries=[_out(info) for info in page.entries],
        next=None if cursor is None else public_id(Prefix.LEDGER_ENTRY, cursor),
    )


def _out(info: EntryInfo) -> EntryOut:
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
        deck=None if why.deck is None else public_id(Prefix.RATE_DECK, why.deck),
        rate=None if why.rate is None else public_id(Prefix.RATE, why.rate),
        billed_seconds=why.billed_seconds,
        steps=[
            StepOut(what=step.what, seconds=step.seconds, micros=step.micros) for step in why.steps
        ],
    )
