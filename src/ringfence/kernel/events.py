"""The event envelope of a call, and what each kind of event carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID


class EventKind(StrEnum):
    """Kinds of journal events. The keys of ``data`` stand beside each kind.

    Times are the envelope's ``at``. ``leg`` is the leg's UUID as 32 hex digits. Keys with a
    question mark may be missing.
    """

    CALL_STARTED = "call.started"
    """direction (inbound|outbound), trunk? (hex), from, to, source ("ip:port"), transport, node"""
    CALL_ROUTED = "call.routed"
    """number? (hex), verbs (list of verb names)"""
    LEG_CREATED = "leg.created"
    """leg, role (caller|callee), trunk? (hex), from, to, sip_call_id, transport, cipher?"""
    LEG_PROGRESS = "leg.progress"
    """leg, status (18x), early_media (bool)"""
    LEG_ANSWERED = "leg.answered"
    """leg, codec?"""
    CALL_ANSWERED = "call.answered"
    """leg (the callee leg that answered); durable before the caller's 200 leaves"""
    LEG_HELD = "leg.held"
    """leg"""
    LEG_RESUMED = "leg.resumed"
    """leg"""
    LEG_ENDED = "leg.ended"
    """leg, by (remote|local), status? (SIP final status), q850?, media? (engine.ports.LegStats)"""
    CALL_ENDED = "call.ended"
    """reason (EndReason), by (caller|callee|system), status? (SIP status sent to the caller),
    q850?, at_micros? (billing end when it lies before ``at``: after a crash, the last heartbeat)"""


class EndReason(StrEnum):
    """The one reason a call ended; every call has exactly one."""

    CALLER_HANGUP = "caller_hangup"
    CALLEE_HANGUP = "callee_hangup"
    CALLER_CANCEL = "caller_cancel"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    UNROUTABLE = "unroutable"
    FAILED = "failed"
    LIMIT_REACHED = "limit_reached"
    MAX_DURATION = "max_duration"
    MEDIA_TIMEOUT = "media_timeout"
    MEDIA_LOST = "media_lost"
    ACK_MISSING = "ack_missing"
    SHUTDOWN = "shutdown"
    ENGINE_CRASH = "engine_crash"


class Disposition(StrEnum):
    """What a call record says became of the call."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One fact about one call. ``(call, seq)`` is unique; ``seq`` counts from 1 without gaps."""

    call: UUID
    seq: int
    at: int
    """Microseconds since the Unix epoch."""
    kind: EventKind
    tenant: UUID | None
    data: dict[str, Any] = field(default_factory=dict)
