"""Usage becomes entries or stands in the error queue; doing it again changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from ringfence.domains.calls.api import UsageLeg
from ringfence.domains.ledger.books import write_entries
from ringfence.domains.ledger.contracts import (
    DeckKind,
    Direction,
    EntryInfo,
    LowBalance,
    Rated,
    RateInfo,
    Reference,
    Settled,
    UnratedState,
)
from ringfence.domains.ledger.models import RateDeck
from ringfence.domains.ledger.rules import usage as rules
from ringfence.domains.ledger.rules.emergency import is_emergency
from ringfence.kernel.ids import Prefix, public_id
from ringfence.kernel.money import Money
from ringfence.platform_django.clock import clock, new_id

DECKS = 0x52464450
"""Advisory lock: shared by rating until it commits, taken by whoever makes a deck before it gets
its time. So no leg that ended after a deck was made is rated without it."""
_BEGUN = """
    SELECT tenant_id, max(occurred_at) FROM ledger_entry
    WHERE tenant_id = ANY(%s) AND kind = 'carried' GROUP BY tenant_id
"""
_QUEUED = """
    SELECT leg_id, kind, state FROM ledger_unrated
    WHERE tenant_id = ANY(%s) AND leg_id = ANY(%s)
    ORDER BY tenant_id, leg_id, kind FOR NO KEY UPDATE
"""
_POSTED = """
    SELECT tenant_id, idempotency_key FROM ledger_entry
    WHERE tenant_id = ANY(%s) AND idempotency_key = ANY(%s)
"""
_RATES = """
    SELECT r.id, r.deck_id, r.prefix, r.price_per_minute_micros, r.connection_fee_micros,
        r.minimum_seconds, r.first_seconds, r.next_seconds, r.effective_from, r.effective_to
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS wanted (tenant_id, deck_id, prefix)
    JOIN ledger_rate r USING (tenant_id, deck_id, prefix)
"""
_QUEUE = """
    INSERT INTO ledger_unrated AS q (id, tenant_id, leg_id, call_id, kind, direction, reason,
        first_seen_at, last_seen_at, attempts, state)
    SELECT *, 1, 'open' FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[],
        %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    ON CONFLICT (tenant_id, leg_id, kind) DO UPDATE SET reason = excluded.reason,
        attempts = q.attempts + 1, last_seen_at = excluded.last_seen_at WHERE q.state = 'open'
"""
_CLOSE = """
    UPDATE ledger_unrated q SET state = 'rated', last_seen_at = %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS done (tenant_id, leg_id, kind)
    WHERE (q.tenant_id, q.leg_id, q.kind) = (done.tenant_id, done.leg_id, done.kind)
        AND q.state = 'open'
"""
_Item = tuple[UsageLeg, DeckKind]


@dataclass(frozen=True, slots=True)
class _Decks:
    """Decks of the tenants in question, and those of their rates that may fit."""

    of_tenant: dict[UUID, list[rules.DeckFacts]]
    rates: dict[UUID, dict[str, list[RateInfo]]]


def rate_usage(
    alias: str,
    usage: Sequence[UsageLeg],
    tell: Callable[[Sequence[LowBalance]], None],
    only: Collection[tuple[UUID, DeckKind]] | None = None,
) -> Settled:
    """Rate whole calls, by each kind of decks, in a transaction under way on a connection that may
    see their tenants. ``tell`` is told of wallets that become low; ``only`` these legs and kinds
    are rated, when given.

    Raises django.db.Error.
    """
    if not usage:
        return Settled()
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [DECKS])
        cursor.execute(_QUEUED, [list({leg.tenant_id for leg in usage}), [leg.id for leg in usage]])
        queued = {(leg, DeckKind(kind)): UnratedState(state) for leg, kind, state in cursor}
    decks, begun = _load(alias, usage), books_begin(alias, {leg.tenant_id for leg in usage})
    free = {leg.call_id for leg in usage if is_emergency(leg.number) or not leg.known}
    entries: dict[UUID, EntryInfo] = {}
    items: dict[UUID, _Item] = {}
    failed: list[tuple[_Item, str]] = []
    unbilled = 0
    wanted = [
        (leg, kind) for leg in usage for kind in DeckKind if only is None or (leg.id, kind) in only
    ]
    for item in wanted:
        leg, kind = item
        if queued.get((leg.id, kind), UnratedState.OPEN) is not UnratedState.OPEN:
            continue  # rated or written off: it stays so
        ours = decks.of_tenant.get(leg.tenant_id, ())
        if leg.ended_at < begun.get(leg.tenant_id, leg.ended_at):
            unbilled += 1  # its entry, if there was one, is in what was carried forward
            continue
        if (leg.id, kind) not in queued and not rules.is_billed(ours, kind, leg.ended_at):
            unbilled += 1
            continue
        found = _free(leg) if leg.call_id in free else _price(leg, kind, ours, decks.rates)
        if isinstance(found, str):
            failed.append((item, found))
        else:
            entry = _entry(leg, kind, found)
            entries[entry.id], items[entry.id] = entry, item
    failed = _not_posted(alias, failed)
    written = write_entries(alias, list(entries.values()))
    tell(written.low)
    _queue(alias, failed)
    _close(alias, [item for item in items.values() if (item[0].id, item[1]) in queued])
    return Settled(
        posted=len(written.new),
        known=len(wanted) - len(written.new) - len(failed) - unbilled,
        unrated=len(failed),
        unbilled=unbilled,
    )


def books_begin(alias: str, tenants: Collection[UUID]) -> dict[UUID, datetime]:
    """When the books begin of those of the tenants whose older entries were carried forward."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_BEGUN, [list(tenants)])
        return dict(cursor.fetchall())


def load_decks(alias: str, tenants: Collection[UUID]) -> dict[UUID, list[rules.DeckFacts]]:
    """What decides which deck counts, for each of the tenants that has any."""
    found: defaultdict[UUID, list[rules.DeckFacts]] = defaultdict(list)
    for row in RateDeck.objects.using(alias).filter(tenant_id__in=tenants):
        found[row.tenant_id].append(
            rules.DeckFacts(
                row.id,
                row.tenant_id,
                DeckKind(row.kind),
                Direction(row.direction),
                row.currency,
                row.effective_from,
                row.created_at,
            )
        )
    return dict(found)


def load_rates(
    alias: str, wanted: Mapping[rules.DeckFacts, Collection[str]]
) -> dict[UUID, dict[str, list[RateInfo]]]:
    """Rates by deck and by prefix, of those prefixes of each deck that there are any for."""
    decks = {deck.id: deck for deck in wanted}
    asked = [
        (deck.tenant_id, deck.id, prefix)
        for deck, prefixes in wanted.items()
        for prefix in prefixes
    ]
    found: dict[UUID, dict[str, list[RateInfo]]] = {id_: {} for id_ in decks}
    if not asked:
        return found
    with connections[alias].cursor() as cursor:
        cursor.execute(_RATES, _columns(asked))
        for id_, deck, prefix, price, fee, minimum, first, following, start, end in cursor:
            rate = RateInfo(
                id=id_,
                deck_id=deck,
                prefix=prefix,
                currency=decks[deck].currency,
                price_per_minute_micros=price,
                connection_fee_micros=fee,
                minimum_seconds=minimum,
                first_seconds=first,
                next_seconds=following,
                effective_from=start,
                effective_to=end,
            )
            found[deck].setdefault(prefix, []).append(rate)
    return found


def _load(alias: str, usage: Sequence[UsageLeg]) -> _Decks:
    decks = load_decks(alias, {leg.tenant_id for leg in usage})
    wanted: defaultdict[rules.DeckFacts, set[str]] = defaultdict(set)
    for leg in usage:
        digits = rules.digits_of(leg.number)
        for kind in DeckKind if digits is not None else ():
            deck = _in_force(leg, kind, decks.get(leg.tenant_id, ()))
            if deck is not None and digits is not None:
                wanted[deck].update(rules.prefixes(digits))
    return _Decks(decks, load_rates(alias, wanted))


def _in_force(
    leg: UsageLeg, kind: DeckKind, decks: Iterable[rules.DeckFacts]
) -> rules.DeckFacts | None:
    return rules.deck_in_force(decks, kind, Direction(leg.direction), leg.answered_at)


def _price(
    leg: UsageLeg, kind: DeckKind, decks: Iterable[rules.DeckFacts], rates: rules.Rates
) -> Rated | str:
    if leg.error is not None:
        return leg.error
    deck, digits = _in_force(leg, kind, decks), rules.digits_of(leg.number)
    return rules.price(deck, rates, digits, leg.answered_at, leg.seconds)


def _free(leg: UsageLeg) -> Rated:
    return Rated(Money(0), "", 0, rules.free_of_charge(leg.seconds))


def _entry(leg: UsageLeg, kind: DeckKind, rated: Rated) -> EntryInfo:
    return EntryInfo(
        id=new_id(),
        tenant_id=leg.tenant_id,
        occurred_at=leg.ended_at,
        kind=rules.entry_kind(kind),
        idempotency_key=rules.entry_key(leg.id, kind),
        reference=Reference("call", public_id(Prefix.CALL, leg.call_id)),
        explanation=replace(rated.explanation, call=leg.call_id, leg=leg.id),
        lines=rules.postings(kind, rated),
    )


def _not_posted(alias: str, failed: list[tuple[_Item, str]]) -> list[tuple[_Item, str]]:
    """Those that were not rated before, by decks that counted then."""
    if not failed:
        return failed
    keys = [rules.entry_key(leg.id, kind) for (leg, kind), _ in failed]
    with connections[alias].cursor() as cursor:
        cursor.execute(_POSTED, [list({leg.tenant_id for (leg, _), _ in failed}), keys])
        posted = set(cursor.fetchall())
    return [
        (item, why)
        for (item, why), key in zip(failed, keys, strict=True)
        if (item[0].tenant_id, key) not in posted
    ]


def _queue(alias: str, failed: Sequence[tuple[_Item, str]]) -> None:
    if not failed:
        return
    now = clock().now()
    rows = sorted(
        (
            (new_id(), leg.tenant_id, leg.id, leg.call_id, kind.value, leg.direction, why, now, now)
            for (leg, kind), why in failed
        ),
        key=lambda row: (row[1], row[2], row[4]),
    )
    with connections[alias].cursor() as cursor:
        cursor.execute(_QUEUE, _columns(rows))


def _close(alias: str, done: Sequence[_Item]) -> None:
    if not done:
        return
    rows = [(leg.tenant_id, leg.id, kind.value) for leg, kind in done]
    with connections[alias].cursor() as cursor:
        cursor.execute(_CLOSE, [clock().now(), *_columns(rows)])


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
