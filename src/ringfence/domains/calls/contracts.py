"""What other domains and the entrances see of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError, Unavailable

MAX_TAG_NAME, MAX_TAG_VALUE = 64, 255
"""Characters of a tag that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """What is known of one leg of a call, a dialog and its media, without opening anything."""

    id: UUID
    role: str
    """``caller`` or ``callee``."""
    trunk_id: UUID | None
    transport: str | None
    cipher: str | None
    codec: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    """When it first talked to the other side of its call; of callee legs."""
    ended_at: datetime | None
    sip_status: int | None
    q850: int | None
    ended_by: str | None
    """``remote`` or ``local``."""
    rx_packets: int | None
    tx_packets: int | None
    lost_packets: int | None
    jitter_ms: float | None
    rtt_ms: float | None
    mos: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegInfo(LegFacts):
    """One leg of a call."""

    number: str | None
    """Of the leg's own party."""
    number_error: str | None
    """Why it does not open; None also when nothing was ever recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of a call without opening anything. Times are UTC."""

    id: UUID
    tenant_id: UUID | None
    direction: str
    country_code: str | None
    """Calling code of the caller's number, without ``+``."""
    area: str | None
    """Area code of the caller's number, where its country has any."""
    trunk_id: UUID | None
    number_id: UUID | None
    flow_id: UUID | None
    """The flow that the call began with; None for a number that dials."""
    flow_version: int | None
    started_at: datetime
    routed_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    """kernel.events.Disposition; None while the call lives."""
    end_reason: str | None
    ended_by: str | None
    sip_status: int | None
    q850: int | None
    billed_seconds: int
    """From answer to end, rounded up to whole seconds; 0 when not answered."""
    duration_ms: int | None
    """From start to end."""
    unrecorded: str | None
    """Code of why it was not recorded though it was to be: ``customer_key_missing``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInfo(CallFacts):
    """A call record (CDR), opened for a purpose."""

    from_number: str | None
    from_error: str | None
    """Why the number does not open, such as ``key_destroyed``; None also when nothing was ever
    recorded."""
    to_number: str | None
    to_error: str | None
    tags: dict[str, str]
    captured: dict[str, str] | None = None
    """What the flow captured, by variable; only opened when one call is asked for."""
    captured_error: str | None = None
    legs: tuple[LegInfo, ...] = ()
    """Only filled when one call is asked for."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One journal event of a call. ``data`` has the persons that it names as ``caller`` and
    ``callee``: ``person`` (hex id), and what was sealed for them (``number``, or ``captured``) or
    ``error``."""

    call_id: UUID
    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]
    position: int
    """Place in the installation's journal; grows with every insert."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order of their positions."""

    events: tuple[TimelineEvent, ...]
    last: int
    """Pass as ``after`` to read on; also where nothing was found."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list; None does not restrict. ``since`` inclusive, ``until`` exclusive.

    A ``tag_value`` restricts only together with the name of its ``tag``.
    """

    since: datetime | None = None
    until: datetime | None = None
    disposition: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    number_id: UUID | None = None
    trunk_id: UUID | None = None
    flow_id: UUID | None = None
    tag: str | None = None
    tag_value: str | None = None


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls from the newest to the oldest."""

    calls: tuple[CallInfo, ...]
    next_cursor: UUID | None = field(default=None)
    """Pass as ``before`` to get the next page; None at the end."""


class CallNotFound(NotFound):
    """No such call for this tenant."""

    code = "call_not_found"


CallAction = Literal[
    "pause_recording",
    "resume_recording",
    "stop_recording",
    "bar_recording",
    "redirect",
    "hang_up",
]


class CallCommand(msgspec.Struct, frozen=True):
    """RPC ``command`` to the signalling process, in the words of engine.ports.CallCommand."""

    tenant: UUID
    call: UUID
    action: CallAction
    flow: UUID | None = None
    url: str | None = None


class NewCall(msgspec.Struct, frozen=True):
    """RPC ``originate`` to the signalling process, in the words of engine.ports.OriginateRequest:
    whom to ring, and what they get, a published flow, the document at a URL, or a text."""

    tenant: UUID
    call: UUID
    to: str
    """E.164, a SIP URI, or the public id of a device."""
    caller_id: str
    """E.164 of an active number of the tenant."""
    flow: UUID | None = None
    url: str | None = None
    timeout_seconds: int = 30
    say: str | None = None


class CallNotLive(NotFound):
    """No call of this tenant with this id is going on."""

    code = "call_not_live"


class CallStateConflict(RingfenceError):
    """The call is not in a state for that, such as resuming a recording that is not paused."""

    code = "call_state"
    http_status = 409


class CallPlaneUnavailable(Unavailable):
    """The process that holds the calls does not answer."""

    code = "call_plane_unavailable"


class TargetInvalid(InvalidInput):
    """Nobody can be rung at what was given."""

    code = "target_invalid"


class CallerIdRefused(InvalidInput):
    """The number is no active number of the tenant, which alone it may present."""

    code = "caller_id_refused"


class WalletEmpty(RingfenceError):
    """Nothing is left of balance and credit."""

    code = "wallet_empty"
    http_status = 402
