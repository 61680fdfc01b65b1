"""What calls used of trunks: the legs that somebody is charged for.

A leg counts from its own answer to its own end, within its call. The caller's leg of an inbound
call counts once the call was answered, and is known by the tenant's number that was dialled; every
other leg by the number of its own party, which is opened for the current use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from ringfence.domains.calls.models import CallLeg
from ringfence.domains.calls.rules.call_record import (
    CallRecord,
    LegRecord,
    billed_seconds,
    call_record,
)
from ringfence.kernel.clock import to_micros
from ringfence.kernel.events import CallEvent, EventKind, SealedParty
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import OPERATOR, across_tenants

INBOUND, OUTBOUND = "inbound", "outbound"
_TELLING = (
    EventKind.CALL_STARTED,
    EventKind.LEG_CREATED,
    EventKind.LEG_ANSWERED,
    EventKind.CALL_ANSWERED,
    EventKind.LEG_ENDED,
    EventKind.CALL_ENDED,
)
"""Kinds of events that usage follows from."""
_EVENTS = """
    SELECT call_id, seq, at, kind, tenant_id, data,
        caller_id, caller_sealed, callee_id, callee_sealed
    FROM calls_journal WHERE call_id = ANY(%s) AND kind = ANY(%s) ORDER BY call_id, seq
"""
_ENDED = """
    SELECT position, CASE WHEN kind = %s THEN call_id END FROM calls_journal
    WHERE position > %s ORDER BY position LIMIT %s
"""
_RECORDED = """
    SELECT l.id, c.id, c.tenant_id, c.direction, l.role,
        l.answered_at, least(coalesce(l.ended_at, c.ended_at), c.ended_at)
    FROM calls_call c JOIN calls_leg l ON l.call_id = c.id
    WHERE c.id > %s AND c.id <= %s AND c.ended_at IS NOT NULL AND c.tenant_id IS NOT NULL
        AND (%s::uuid IS NULL OR c.tenant_id = %s::uuid)
        AND l.trunk_id IS NOT NULL AND l.answered_at IS NOT NULL
        AND (c.answered_at IS NOT NULL OR NOT (c.direction = 'inbound' AND l.role = 'caller'))
    ORDER BY c.id, l.id
"""
_PAGE = """
    SELECT id FROM calls_call WHERE id > %s AND (%s::uuid IS NULL OR tenant_id = %s::uuid)
    ORDER BY id LIMIT %s
"""
_WAITING = """
    SELECT DISTINCT call_id FROM calls_journal
    WHERE call_id = ANY(%s) AND kind = %s AND position > %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLeg:
    """One leg over a trunk that was answered and has ended, of a call that has ended."""

    id: UUID
    call_id: UUID
    tenant_id: UUID
    direction: str
    """``inbound``: a carrier brought it to a number of the tenant; ``outbound``: it was dialled."""
    answered_at: datetime
    ended_at: datetime
    seconds: int
    """From answer to end; every started second counts."""
    number: str | None = None
    """The number that its rate depends on; never to be stored."""
    error: str | None = None
    """Why it does not open, such as ``key_destroyed``."""
    known: bool = True
    """False: nobody was ever recorded as its party. Only emergency calls go on like that."""


def ended_calls(after: int, limit: int) -> tuple[tuple[UUID, ...], int]:
    """Calls whose end stands in the journal behind a position, among the next ``limit`` events;
    and the position of the last event looked at (``after`` when there is none)."""
    with connections[OPERATOR].cursor() as cursor:
        cursor.execute(_ENDED, [EventKind.CALL_ENDED, after, limit])
        rows = cursor.fetchall()
    return tuple(call for _, call in rows if call is not None), rows[-1][0] if rows else after


def usage_of(calls: Collection[UUID]) -> tuple[UsageLeg, ...]:
    """The usage of calls by their journal, opened for the current use; of calls that have ended.

    Raises django.db.Error, PurposeRequired, Refused, Unavailable.
    """
    with across_tenants("usage") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_EVENTS, [list(calls), list(_TELLING)])
        events = map(_event, cursor.fetchall())
        records = [call_record(story) for _, story in groupby(events, key=attrgetter("call"))]
    found = [pair for record in records for pair in _used(record)]
    sealed = [leg for _, leg in found if leg is not None]
    opened = iter(open_fields(sealed, "party_sealed"))
    return tuple(
        usage if leg is None else _known(usage, next(opened)["party_sealed"])
        for usage, leg in found
    )


def _event(row: tuple[Any, ...]) -> CallEvent:
    call, seq, at, kind, tenant, data, *parties = row
    caller, callee = (
        None if person is None else SealedParty(person, sealed or b"")
        for person, sealed in (parties[:2], parties[2:])
    )
    facts = msgspec.json.decode(data)
    return CallEvent(call, seq, to_micros(at), EventKind(kind), tenant, facts, caller, callee)


def _used(record: CallRecord) -> Iterator[tuple[UsageLeg, CallLeg | None]]:
    """Each leg that counts, with the row to open where its number is sealed."""
    if record.tenant_id is None or record.ended_at is None:
        return
    for leg in record.legs:
        inbound = leg.role == "caller" and record.direction == INBOUND
        if leg.trunk_id is None or leg.answered_at is None:
            continue
        if inbound and record.answered_at is None:
            continue
        ended_at = min(leg.ended_at or record.ended_at, record.ended_at)
        usage = UsageLeg(
            id=leg.id,
            call_id=record.id,
            tenant_id=record.tenant_id,
            direction=INBOUND if inbound else OUTBOUND,
            answered_at=leg.answered_at,
            ended_at=ended_at,
            seconds=billed_seconds(leg.answered_at, ended_at),
            number=record.dialled if inbound else None,
            known=inbound or leg.party_id is not None,
        )
        yield usage, None if inbound else _row(record, leg)


def _row(record: CallRecord, leg: LegRecord) -> CallLeg:
    return CallLeg(
        id=leg.id,
        tenant_id=record.tenant_id,
        call_id=record.id,
        party_id=leg.party_id,
        party_sealed=leg.party_sealed,
    )


def _known(usage: UsageLeg, opened: Opened) -> UsageLeg:
    if opened.error is not None:
        return replace(usage, error=opened.error)
    number = opened.value.get("number") if isinstance(opened.value, dict) else None
    return replace(usage, number=number)


def recorded_usage(
    after: UUID, limit: int, tenant_id: UUID | None = None
) -> tuple[tuple[UsageLeg, ...], UUID | None]:
    """The usage of the next ``limit`` calls by their call records, nothing opened; and where the
    page after begins, None behind the last call. Of one tenant, or of all."""
    with across_tenants("usage check") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_PAGE, [after, tenant_id, tenant_id, limit])
        page = [row[0] for row in cursor.fetchall()]
        if not page:
            return (), None
        cursor.execute(_RECORDED, [after, page[-1], tenant_id, tenant_id])
        legs = tuple(_recorded(cursor.fetchall()))
    return legs, page[-1] if len(page) == limit else None


def _recorded(rows: Iterable[tuple[Any, ...]]) -> Iterator[UsageLeg]:
    for leg, call, tenant, direction, role, answered_at, ended_at in rows:
        inbound = role == "caller" and direction == INBOUND
        yield UsageLeg(
            id=leg,
            call_id=call,
            tenant_id=tenant,
            direction=INBOUND if inbound else OUTBOUND,
            answered_at=answered_at,
            ended_at=ended_at,
            seconds=billed_seconds(answered_at, ended_at),
        )


def ending_behind(calls: Collection[UUID], position: int) -> frozenset[UUID]:
    """Those of the calls whose end stands behind a position of the journal."""
    with across_tenants("usage check") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_WAITING, [list(calls), EventKind.CALL_ENDED, position])
        return frozenset(row[0] for row in cursor.fetchall())
