"""Call records are compared with the books: every leg is rated or in the error queue, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.calls.api import UsageLeg, ending_behind, recorded_usage
from ringfence.domains.ledger.contracts import (
    CheckReport,
    DeckKind,
    Difference,
    Explanation,
    RateInfo,
    UnratedState,
)
from ringfence.domains.ledger.rules import usage as rules
from ringfence.domains.ledger.rules.rating import rate_seconds
from ringfence.domains.ledger.usecases.checkpoint import wrong_checkpoints
from ringfence.domains.ledger.usecases.rate_calls import rated_position
from ringfence.domains.ledger.usecases.rate_usage import books_begin, load_decks
from ringfence.platform_django.tenancy import across_tenants

_PAGE = 2000
_MAX_DIFFERENCES = 1000
_BOOKED = """
    SELECT e.idempotency_key, e.explanation, max(abs(l.amount_micros)),
        r.id, r.deck_id, r.prefix, d.currency, r.price_per_minute_micros, r.connection_fee_micros,
        r.minimum_seconds, r.first_seconds, r.next_seconds, r.effective_from, r.effective_to
    FROM ledger_entry e LEFT JOIN ledger_line l ON l.entry_id = e.id
    LEFT JOIN ledger_rate r ON r.id = (e.explanation ->> 'rate')::uuid AND r.tenant_id = e.tenant_id
    LEFT JOIN ledger_rate_deck d ON d.id = r.deck_id
    WHERE e.tenant_id = ANY(%s) AND e.idempotency_key = ANY(%s)
    GROUP BY e.id, r.id, d.id
"""
_QUEUED = (
    "SELECT leg_id, kind, state FROM ledger_unrated WHERE tenant_id = ANY(%s) AND leg_id = ANY(%s)"
)
_Booked = tuple[Explanation, int, RateInfo | None]


def check_books(tenant_id: UUID | None = None) -> CheckReport:
    """Compare all call records, of one tenant or of all, with entries and queue: of legs that ended
    since the tenant's books begin. Each entry of a leg is computed again from its rate and the
    record's seconds. Raises django.db.Error."""
    counts: Counter[str] = Counter()
    differences: list[Difference] = []
    after: UUID | None = UUID(int=0)
    while after is not None:
        position = rated_position()  # before the records: what they show later may be rated later
        legs, after = recorded_usage(after, _PAGE, tenant_id)
        if legs:
            differences += _compare(legs, position, counts)
    return CheckReport(
        calls_legs=counts["legs"],
        rated=counts["rated"],
        unrated=counts["unrated"],
        written_off=counts["written_off"],
        waiting=counts["waiting"],
        differences=tuple(differences[:_MAX_DIFFERENCES]),
        wrong_checkpoints=wrong_checkpoints(),
    )


def _compare(legs: Sequence[UsageLeg], position: int, counts: Counter[str]) -> Iterator[Difference]:
    tenants = list({leg.tenant_id for leg in legs})
    with across_tenants("ledger check") as alias:
        decks, begun = load_decks(alias, tenants), books_begin(alias, tenants)
        with connections[alias].cursor() as cursor:
            keys = [rules.entry_key(leg.id, kind) for leg in legs for kind in DeckKind]
            cursor.execute(_BOOKED, [tenants, keys])
            booked = dict(_booked(cursor.fetchall()))
            cursor.execute(_QUEUED, [tenants, [leg.id for leg in legs]])
            queued = {(leg, kind): UnratedState(state) for leg, kind, state in cursor.fetchall()}
    legs = [leg for leg in legs if leg.ended_at >= begun.get(leg.tenant_id, leg.ended_at)]
    waiting = ending_behind({leg.call_id for leg in legs}, position)
    for leg in legs:
        counts["legs"] += 1
        for kind in DeckKind:
            entry = booked.get(rules.entry_key(leg.id, kind))
            state = queued.get((leg.id, kind))
            problem = _problem(leg, entry, state)
            if problem is None and entry is None and state is None:
                if not rules.is_billed(decks.get(leg.tenant_id, ()), kind, leg.ended_at):
                    continue
                if leg.call_id in waiting:
                    counts["waiting"] += 1
                    continue
                problem = "missing"
            counts["rated"] += entry is not None
            counts["unrated"] += state is UnratedState.OPEN
            counts["written_off"] += state is UnratedState.WRITTEN_OFF
            if problem is not None:
                yield Difference(leg.tenant_id, leg.call_id, leg.id, kind, problem)


def _problem(leg: UsageLeg, entry: _Booked | None, state: UnratedState | None) -> str | None:
    if entry is None:
        return "missing" if state is UnratedState.RATED else None
    if state in (UnratedState.OPEN, UnratedState.WRITTEN_OFF):
        return "twice"
    why, amount, rate = entry
    used = {step.what: step.seconds for step in why.steps}
    if "emergency" in used:
        return "amount" if amount else None
    if rate is None or rate_seconds(rate, used.get("used", 0)).amount.micros != amount:
        return "amount"
    return None if used.get("used", 0) == leg.seconds else "seconds"


def _booked(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, _Booked]]:
    for key, explanation, amount, *rate in rows:
        plain: Mapping[str, Any] = msgspec.json.decode(explanation)
        yield key, (msgspec.convert(plain, Explanation), int(amount or 0), _rate(rate))


def _rate(values: Sequence[Any]) -> RateInfo | None:
    names = RateInfo.__dataclass_fields__
    return None if values[0] is None else RateInfo(**dict(zip(names, values, strict=True)))
