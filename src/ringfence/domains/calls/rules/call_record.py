"""How the events of one call become its call record (CDR)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ringfence.domains.calls.contracts import (
    MAX_TAG_NAME,
    MAX_TAG_VALUE,
    CallFacts,
    LegFacts,
)
from ringfence.kernel.clock import from_micros
from ringfence.kernel.events import CallEvent, Disposition, EndReason, EventKind, SealedParty

_MAX_NUMBER = 128

_Values = dict[str, Any]
"""Fields of a record in the making."""

_UNANSWERED = {
    EndReason.BUSY: Disposition.BUSY,
    EndReason.NO_ANSWER: Disposition.NO_ANSWER,
    EndReason.CALLER_CANCEL: Disposition.CANCELLED,
    EndReason.CALLER_HANGUP: Disposition.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord(LegFacts):
    """A leg as stored: its party stays sealed."""

    party_id: UUID | None
    party_sealed: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord(CallFacts):
    """A call as stored: its parties stay sealed, byte for byte as the call plane sealed them."""

    caller_id: UUID | None
    caller_sealed: bytes | None
    callee_id: UUID | None
    callee_sealed: bytes | None
    captured_id: UUID | None
    """Who gave what was captured."""
    captured_sealed: bytes | None
    dialled: str | None
    """The called number when it is the tenant's own."""
    tags: Mapping[str, str]
    legs: tuple[LegRecord, ...]


def call_record(events: Iterable[CallEvent]) -> CallRecord:
    """The record of one call from its events so far, in order of ``seq``; at least one.

    A call that has not ended has no disposition and no end. Raises ValueError without an event.
    """
    call: _Values = {}
    legs: dict[UUID, _Values] = {}
    for event in events:
        if not call:
            call = _started(event)
        _apply_to_call(call, event)
        _apply_to_leg(legs, event)
    if not call:
        raise ValueError("a call record needs at least one event")
    if call["sip_status"] is not None:  # no answer reached the caller: nothing is billed
        for leg in _of_caller(legs):
            leg["answered_at"] = None
    return CallRecord(**call, legs=tuple(LegRecord(**leg) for leg in legs.values()))


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


def _started(event: CallEvent) -> _Values:
    return {
        "id": event.call,
        "tenant_id": event.tenant,
        "direction": "inbound",
        "caller_id": None,
        "caller_sealed": None,
        "callee_id": None,
        "callee_sealed": None,
        "captured_id": None,
        "captured_sealed": None,
        "dialled": None,
        "country_code": None,
        "area": None,
        "trunk_id": None,
        "number_id": None,
        "flow_id": None,
        "flow_version": None,
        "tags": {},
        "started_at": from_micros(event.at),
        "routed_at": None,
        "answered_at": None,
        "ended_at": None,
        "disposition": None,
        "end_reason": None,
        "ended_by": None,
        "sip_status": None,
        "q850": None,
        "billed_seconds": 0,
        "duration_ms": None,
        "unrecorded": None,
    }


def _apply_to_call(call: _Values, event: CallEvent) -> None:
    data, at = event.data, from_micros(event.at)
    if call["tenant_id"] is None:
        call["tenant_id"] = event.tenant
    match event.kind:
        case EventKind.CALL_STARTED:
            call.update(
                direction=_text(data, "direction", 16) or "inbound",
                **_party("caller", event.caller),
                **_party("callee", event.callee),
                dialled=_text(data, "to", _MAX_NUMBER),
                country_code=_text(data, "country_code", 8),
                area=_text(data, "area", 16),
                trunk_id=_id(data, "trunk"),
                started_at=at,
            )
        case EventKind.CALL_ROUTED:
            call.update(
                number_id=_id(data, "number"),
                flow_id=_id(data, "flow"),
                flow_version=_number(data, "version"),
                routed_at=at,
            )
        case EventKind.CALL_TAGGED:
            call["tags"].update(_tags(data))
        case EventKind.CALL_CAPTURED:
            call.update(_party("captured", event.caller or event.callee))
        case EventKind.CALL_ANSWERED if call["answered_at"] is None:
            call["answered_at"] = at
        case EventKind.RECORDING_REFUSED:
            call["unrecorded"] = _text(data, "code", 40)
        case EventKind.CALL_ENDED if call["end_reason"] is None:
            _end_call(call, event)


def _end_call(call: _Values, event: CallEvent) -> None:
    data, status = event.data, _number(event.data, "status")
    if status is not None:  # the caller got this refusal: no answer reached him, nothing is billed
        call["answered_at"] = None
    answered_at = call["answered_at"]
    at = from_micros(_number(data, "at_micros") or event.at)
    ended_at = max(at, answered_at or call["started_at"])
    reason = _text(data, "reason", 32) or EndReason.FAILED.value
    call.update(
        ended_at=ended_at,
        disposition=disposition(reason, answered=answered_at is not None).value,
        end_reason=reason,
        ended_by=_text(data, "by", 16),
        sip_status=status,
        q850=_number(data, "q850"),
        billed_seconds=billed_seconds(answered_at, ended_at),
        duration_ms=int((ended_at - call["started_at"]).total_seconds() * 1000),
    )


def _apply_to_leg(legs: dict[UUID, _Values], event: CallEvent) -> None:
    if event.kind == EventKind.CALL_ANSWERED:
        for caller in _of_caller(legs):
            caller["answered_at"] = caller["answered_at"] or from_micros(event.at)
        return
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
        case EventKind.LEG_PROGRESS if leg["ringing_at"] is None:
            leg["ringing_at"] = at
        case EventKind.LEG_ANSWERED:
            leg["answered_at"] = leg["answered_at"] or at
            leg["codec"] = leg["codec"] or _text(data, "codec", 32)
        case EventKind.LEG_BRIDGED if leg["bridged_at"] is None:
            leg["bridged_at"] = at
        case EventKind.LEG_ENDED if leg["ended_at"] is None:
            _end_leg(leg, event)


def _of_caller(legs: Mapping[UUID, _Values]) -> list[_Values]:
    return [leg for leg in legs.values() if leg["role"] == "caller"]


def _new_leg(id_: UUID, event: CallEvent) -> _Values:
    data = event.data
    return {
        "id": id_,
        "role": _text(data, "role", 16) or "",
        "trunk_id": _id(data, "trunk"),
        **_party("party", event.caller or event.callee),
        "transport": _text(data, "transport", 8),
        "cipher": _text(data, "cipher", 64),
        "codec": None,
        "created_at": from_micros(event.at),
        "ringing_at": None,
        "answered_at": None,
        "bridged_at": None,
        "ended_at": None,
        "sip_status": None,
        "q850": None,
        "ended_by": None,
        "rx_packets": None,
        "tx_packets": None,
        "lost_packets": None,
        "jitter_ms": None,
        "rtt_ms": None,
        "mos": None,
    }


def _end_leg(leg: _Values, event: CallEvent) -> None:
    data = event.data
    media = data.get("media") or {}
    leg.update(
        ended_at=from_micros(event.at),
        ended_by=_text(data, "by", 16),
        sip_status=_number(data, "status"),
        q850=_number(data, "q850"),
        codec=_text(media, "codec", 32) or leg["codec"],
        rx_packets=_number(media, "rx_packets"),
        tx_packets=_number(media, "tx_packets"),
        lost_packets=_number(media, "rx_lost"),
        jitter_ms=_real(media, "rx_jitter_ms"),
        rtt_ms=_real(media, "rtt_ms"),
        mos=_real(media, "mos"),
    )


def _party(role: str, party: SealedParty | None) -> _Values:
    if party is None:
        return {f"{role}_id": None, f"{role}_sealed": None}
    return {f"{role}_id": party.person, f"{role}_sealed": party.sealed or None}


def _tags(data: Mapping[str, Any]) -> dict[str, str]:
    tags = data.get("tags")
    if not isinstance(tags, dict):
        return {}
    return {
        name[:MAX_TAG_NAME]: value[:MAX_TAG_VALUE]
        for name, value in tags.items()
        if isinstance(name, str) and isinstance(value, str)
    }


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
