"""How the events of one call become its call record (CDR)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ringfence.domains.calls.contracts import CallInfo, LegInfo
from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent, Disposition, EndReason, EventKind

_MAX_NUMBER = 128

_UNANSWERED = {
    EndReason.BUSY: Disposition.BUSY,
    EndReason.NO_ANSWER: Disposition.NO_ANSWER,
    EndReason.CALLER_CANCEL: Disposition.CANCELLED,
    EndReason.CALLER_HANGUP: Disposition.CANCELLED,
}


def call_record(events: Iterable[CallEvent]) -> CallInfo:
    """The record of one call from its events so far, in order of ``seq``; at least one.

    A call that has not ended has no disposition and no end. Raises ValueError without an event.
    """
    record: CallInfo | None = None
    legs: dict[UUID, LegInfo] = {}
    for event in events:
        if record is None:
            record = _started(event)
        record = _apply_to_call(record, event)
        _apply_to_leg(legs, event)
    if record is None:
        raise ValueError("a call record needs at least one event")
    return replace(record, legs=tuple(legs.values()))


def disposition(reason: str, *, answered: bool) -> Disposition:
    """What became of an ended call."""
    if answered:
        return Disposition.ANSWERED
    return _UNANSWERED.get(reason, Disposition.FAILED)  # type: ignore[call-overload, no-any-return]


def billed_seconds(answered_at: datetime | None, ended_at: datetime) -> int:
    """From answer to end, every started second counts; 0 for a call that was not answered."""
    if answered_at is None or ended_at <= answered_at:
        return 0
    length = ended_at - answered_at
    return length.days * 86_400 + length.seconds + (length.microseconds > 0)


def _started(event: CallEvent) -> CallInfo:
    return CallInfo(
        id=event.call,
        tenant_id=event.tenant,
        direction="inbound",
        from_number="",
        to_number="",
        trunk_id=None,
        number_id=None,
        started_at=from_micros(event.at),
        routed_at=None,
        answered_at=None,
        ended_at=None,
        disposition=None,
        end_reason=None,
        ended_by=None,
        sip_status=None,
        q850=None,
        billed_seconds=0,
        duration_ms=None,
    )


def _apply_to_call(record: CallInfo, event: CallEvent) -> CallInfo:
    data, at = event.data, from_micros(event.at)
    if event.tenant is not None and record.tenant_id is None:
        record = replace(record, tenant_id=event.tenant)
    match event.kind:
        case EventKind.CALL_STARTED:
            return replace(
                record,
                direction=_text(data, "direction", 16) or "inbound",
                from_number=_text(data, "from", _MAX_NUMBER) or "",
                to_number=_text(data, "to", _MAX_NUMBER) or "",
                trunk_id=_id(data, "trunk"),
                started_at=at,
            )
        case EventKind.CALL_ROUTED:
            return replace(record, number_id=_id(data, "number"), routed_at=at)
        case EventKind.CALL_ANSWERED if record.answered_at is None:
            return replace(record, answered_at=at)
        case EventKind.CALL_ENDED if record.end_reason is None:
            return _ended(record, event)
    return record


def _ended(record: CallInfo, event: CallEvent) -> CallInfo:
    data = event.data
    at = from_micros(data.get("at_micros") or event.at)
    ended_at = max(at, record.answered_at or record.started_at)
    reason = _text(data, "reason", 32) or EndReason.FAILED
    return replace(
        record,
        ended_at=ended_at,
        disposition=disposition(reason, answered=record.answered_at is not None),
        end_reason=str(reason),
        ended_by=_text(data, "by", 16),
        sip_status=_number(data, "status"),
        q850=_number(data, "q850"),
        billed_seconds=billed_seconds(record.answered_at, ended_at),
        duration_ms=int((ended_at - record.started_at).total_seconds() * 1000),
    )


def _apply_to_leg(legs: dict[UUID, LegInfo], event: CallEvent) -> None:
    id_ = _id(event.data, "leg")
    if id_ is None:
        return
    if event.kind == EventKind.LEG_CREATED:
        legs.setdefault(id_, _new_leg(id_, event))
        return
    leg = legs.get(id_)
    if leg is None:
        return
    data, at = event.data, from_micros(event.at)
    match event.kind:
        case EventKind.LEG_PROGRESS if leg.ringing_at is None:
            legs[id_] = replace(leg, ringing_at=at)
        case EventKind.LEG_ANSWERED if leg.answered_at is None:
            legs[id_] = replace(leg, answered_at=at, codec=_text(data, "codec", 32))
        case EventKind.LEG_ENDED if leg.ended_at is None:
            legs[id_] = _ended_leg(leg, event)


def _new_leg(id_: UUID, event: CallEvent) -> LegInfo:
    data = event.data
    return LegInfo(
        id=id_,
        role=_text(data, "role", 16) or "",
        trunk_id=_id(data, "trunk"),
        from_number=_text(data, "from", _MAX_NUMBER) or "",
        to_number=_text(data, "to", _MAX_NUMBER) or "",
        transport=_text(data, "transport", 8),
        cipher=_text(data, "cipher", 64),
        codec=None,
        created_at=from_micros(event.at),
        ringing_at=None,
        answered_at=None,
        ended_at=None,
        sip_status=None,
        q850=None,
        ended_by=None,
        rx_packets=None,
        tx_packets=None,
        lost_packets=None,
        jitter_ms=None,
        rtt_ms=None,
        mos=None,
    )


def _ended_leg(leg: LegInfo, event: CallEvent) -> LegInfo:
    data = event.data
    media = data.get("media") or {}
    return replace(
        leg,
        ended_at=from_micros(event.at),
        ended_by=_text(data, "by", 16),
        sip_status=_number(data, "status"),
        q850=_number(data, "q850"),
        codec=_text(media, "codec", 32) or leg.codec,
        rx_packets=_number(media, "rx_packets"),
        tx_packets=_number(media, "tx_packets"),
        lost_packets=_number(media, "rx_lost"),
        jitter_ms=_real(media, "rx_jitter_ms"),
        rtt_ms=_real(media, "rtt_ms"),
        mos=_real(media, "mos"),
    )


def _text(data: Mapping[str, Any], key: str, limit: int) -> str | None:
    value = data.get(key)
    return value[:limit] if isinstance(value, str) else None


def _number(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) else None


def _real(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    return float(value) if isinstance(value, (int, float)) else None


def _id(data: Mapping[str, Any], key: str) -> UUID | None:
    value = data.get(key)
    try:
        return UUID(hex=value) if isinstance(value, str) else None
    except ValueError:
        return None
