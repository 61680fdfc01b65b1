"""The event envelope of a call, and what each kind of event carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id


class EventKind(StrEnum):
    """Kinds of journal events. The keys of ``data`` stand beside each kind.

    Times are the envelope's ``at``. ``leg`` is the leg's UUID as 32 hex digits. Keys with a
    question mark may be missing. Nothing that points at a person stands in ``data``: such values
    are sealed, in ``caller`` and ``callee`` of the envelope, as the JSON objects named here.
    """

    CALL_STARTED = "call.started"
    """direction (inbound|outbound), trunk? (hex), to? (the dialled number when it is the tenant's
    own), country_code?, area? (of the caller: clear facts), source ("ip:port" of the trunk),
    transport, node. Sealed: caller {"number"}, callee {"number"} unless ``to`` stands in data."""
    CALL_ROUTED = "call.routed"
    """number? (hex), flow? (hex), version?, verbs (names of the verbs of the program's nodes)"""
    VERB_STARTED = "verb.started"
    """node (its id, after the last slash of its name), flow? (hex), verb"""
    VERB_ENDED = "verb.ended"
    """node, verb, outcome. Digits stand in it only where they chose from a menu."""
    CALL_TAGGED = "call.tagged"
    """tags: {name: value} set now; without personal values"""
    CALL_CAPTURED = "call.captured"
    """names (list). Sealed: caller, all that was captured so far {name: value}."""
    CALL_REDIRECTED = "call.redirected"
    """by (api|flow), flow? (hex), version?; without flow: to a document"""
    LEG_CREATED = "leg.created"
    """leg, role (caller|callee), trunk? (hex), transport, cipher?. Sealed: the party of that role
    {"number", "sip_call_id"?}."""
    LEG_PROGRESS = "leg.progress"
    """leg, status (18x), early_media (bool)"""
    LEG_ANSWERED = "leg.answered"
    """leg (either role: when its own answer is final), codec?"""
    CALL_ANSWERED = "call.answered"
    """leg (whose answer it is: the one that was bridged, the caller's own when the platform itself
    answered, or the first one of an originated call); durable before the caller's 200 leaves. Once
    per call."""
    LEG_BRIDGED = "leg.bridged"
    """leg (the callee leg that talks from now on; until its leg.ended)"""
    LEG_HELD = "leg.held"
    """leg"""
    LEG_RESUMED = "leg.resumed"
    """leg"""
    RECORDING_ANNOUNCED = "recording.announced"
    """recording, basis (the rule that asks for the prompt); both parties have heard it to its end
    and nothing was recorded before"""
    RECORDING_REFUSED = "recording.refused"
    """code: why nothing is recorded that was to be (customer_key_missing); the call goes on"""
    RECORDING_STARTED = "recording.started"
    """recording (hex), basis, rule, day (of the bucket), gap, customer_keys (list of key ids, hex),
    custody? (customer: the platform has no key), tracks: list of {track (hex, also the item), leg,
    role, person (hex)}, message? (true: left by the caller alone, after a beep)"""
    RECORDING_PAUSED = "recording.paused"
    """recording, offset_ms"""
    RECORDING_RESUMED = "recording.resumed"
    """recording, offset_ms"""
    RECORDING_COMPLETED = "recording.completed"
    """recording, duration_ms, tracks: list of {track, duration_ms, bytes, complete (bool)}"""
    RECORDING_STORED = "recording.stored"
    """recording; said by the platform: seq from LATER_SEQ on"""
    RECORDING_DELETED = "recording.deleted"
    """recording, reason (request|erasure|retention); said by the platform: seq from LATER_SEQ on"""
    LEG_ENDED = "leg.ended"
    """leg, by (remote|local), status? (SIP final status), q850?, media? (engine.ports.LegStats)"""
    CALL_ENDED = "call.ended"
    """reason (EndReason), by (caller|callee|system), status? (SIP status sent to the caller),
    q850?, at_micros? (billing end when it lies before ``at``: after a crash, the last heartbeat)"""


LATER_SEQ = 1_000_000
"""Events that the platform adds to a call, during or after it, count from here; gaps among them
mean nothing."""


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
    COMPLETED = "completed"
    """The flow came to its end, or the tenant hung up."""
    FLOW_FAILED = "flow_failed"
    """The flow could not go on: a document, a loop without a verb that waits."""
    NO_CREDIT = "no_credit"
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
class SealedParty:
    """A person of a call, and what of the event is sealed for them."""

    person: UUID
    sealed: bytes


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
    caller: SealedParty | None = None
    callee: SealedParty | None = None


def party_objects(kind: str, call: UUID, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Public ids of what the persons of an event belong to: its call, and the leg it is about."""
    of_call = public_id(Prefix.CALL, call)
    if kind == EventKind.LEG_CREATED:
        return public_id(Prefix.LEG, UUID(hex=data["leg"])), of_call
    return (of_call,)


def party_place(
    role: str, kind: str, call: UUID, data: Mapping[str, Any]
) -> tuple[SealedFieldNumber, UUID]:
    """Field and row that the ``role`` (caller|callee) of an event is sealed for: those of the
    record that the event tells of."""
    if kind == EventKind.LEG_CREATED:
        return SealedFieldNumber.LEG_PARTY, UUID(hex=data["leg"])
    if kind == EventKind.CALL_CAPTURED:
        return SealedFieldNumber.CALL_CAPTURED, call
    if role == "caller":
        return SealedFieldNumber.CALL_CALLER, call
    return SealedFieldNumber.CALL_CALLEE, call


def party_facts(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """What an opened value says of its person, beside the person's id: names that a flow gave to
    what it captured stay among themselves."""
    return {"captured": value} if kind == EventKind.CALL_CAPTURED else dict(value)
