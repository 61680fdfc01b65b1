"""Reading call records and their timelines, as the tenant that they belong to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from ringfence.domains.calls.contracts import (
    CallFilter,
    CallInfo,
    CallNotFound,
    CallPage,
    LegInfo,
    TimelineEvent,
)
from ringfence.domains.calls.models import Call, CallLeg, JournalEvent
from ringfence.kernel.clock import to_micros
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform_django.tenancy import tenant

MAX_PAGE = 200


def leg_info(row: CallLeg) -> LegInfo:
    return LegInfo(
        id=row.id,
        role=row.role,
        trunk_id=row.trunk_id,
        from_number=row.from_number,
        to_number=row.to_number,
        transport=row.transport,
        cipher=row.cipher,
        codec=row.codec,
        created_at=row.created_at,
        ringing_at=row.ringing_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        sip_status=row.sip_status,
        q850=row.q850,
        ended_by=row.ended_by,
        rx_packets=row.rx_packets,
        tx_packets=row.tx_packets,
        lost_packets=row.lost_packets,
        jitter_ms=row.jitter_ms,
        rtt_ms=row.rtt_ms,
        mos=row.mos,
    )


def call_info(row: Call, legs: tuple[LegInfo, ...] = ()) -> CallInfo:
    return CallInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        direction=row.direction,
        from_number=row.from_number,
        to_number=row.to_number,
        trunk_id=row.trunk_id,
        number_id=row.number_id,
        started_at=row.started_at,
        routed_at=row.routed_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        disposition=row.disposition,
        end_reason=row.end_reason,
        ended_by=row.ended_by,
        sip_status=row.sip_status,
        q850=row.q850,
        billed_seconds=row.billed_seconds,
        duration_ms=row.duration_ms,
        legs=legs,
    )


def _floor(moment: datetime) -> UUID:
    """Ids carry milliseconds: a call of the millisecond in which ``moment`` lies is not before."""
    return uuid7_floor(-(-to_micros(moment) // 1000))


def _matching(where: CallFilter) -> QuerySet[Call]:
    """Time is filtered by id, which a call gets when it starts: that also picks the partitions."""
    rows = Call.objects.all()
    if where.since is not None:
        rows = rows.filter(id__gte=_floor(where.since))
    if where.until is not None:
        rows = rows.filter(id__lt=_floor(where.until))
    exact = {
        "disposition": where.disposition,
        "direction": where.direction,
        "from_number": where.from_number,
        "to_number": where.to_number,
        "number_id": where.number_id,
        "trunk_id": where.trunk_id,
    }
    return rows.filter(**{name: value for name, value in exact.items() if value is not None})


def list_calls(
    tenant_id: UUID,
    where: CallFilter = CallFilter(),  # noqa: B008 - frozen
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> CallPage:
    """A page of the tenant's calls, newest first, at most 200; ``before`` is a cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    with tenant(tenant_id):
        rows = _matching(where)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows.order_by("-id")[: limit + 1])
    page = found[:limit]
    return CallPage(
        tuple(call_info(row) for row in page), page[-1].id if len(found) > limit else None
    )


def get_call(tenant_id: UUID, call_id: UUID) -> CallInfo:
    """One call with its legs in order of creation. Raises CallNotFound."""
    with tenant(tenant_id):
        row = Call.objects.filter(id=call_id).first()
        if row is None:
            raise CallNotFound("no such call")
        legs = tuple(
            leg_info(leg) for leg in CallLeg.objects.filter(call_id=call_id).order_by("id")
        )
    return call_info(row, legs)


def timeline(tenant_id: UUID, call_id: UUID) -> tuple[TimelineEvent, ...]:
    """All journal events of a call in order. Raises CallNotFound when there is none."""
    with tenant(tenant_id):
        rows = JournalEvent.objects.filter(call_id=call_id).order_by("seq")
        events = tuple(
            TimelineEvent(row.seq, row.at, row.kind, row.data, row.position) for row in rows
        )
    if not events:
        raise CallNotFound("no such call")
    return events
