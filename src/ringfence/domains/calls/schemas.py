"""Bodies of the calls' REST API."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field, model_validator

from ringfence.domains.calls.contracts import (
    MAX_TAG_NAME,
    MAX_TAG_VALUE,
    CallFilter,
    CallInfo,
    LegInfo,
    TimelineEvent,
)
from ringfence.kernel.events import Disposition
from ringfence.kernel.ids import Prefix, parse_public_id, public_id


class LegOut(Schema):
    """One leg: a SIP dialog and its media. ``number`` is that of its party."""

    id: str
    role: str
    trunk_id: str | None
    number: str | None
    number_error: str | None
    transport: str | None
    cipher: str | None
    codec: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    sip_status: int | None
    q850: int | None
    ended_by: str | None
    rx_packets: int | None
    tx_packets: int | None
    lost_packets: int | None
    jitter_ms: float | None
    rtt_ms: float | None
    mos: float | None


class CallSummary(Schema):
    """A call record. Times are UTC; ``disposition`` is null while the call lives.

    A number that cannot be opened is null, and ``from_error`` or ``to_error`` says why:
    ``key_destroyed`` (erased or expired), ``key_refused`` (the person forbids this purpose),
    ``key_unknown``, ``unreadable_value``. A withheld number is empty.
    """

    id: str
    direction: str
    from_number: str | None
    from_error: str | None
    to_number: str | None
    to_error: str | None
    country_code: str | None
    area: str | None
    trunk_id: str | None
    number_id: str | None
    flow_id: str | None
    flow_version: int | None
    tags: dict[str, str]
    started_at: datetime
    routed_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    end_reason: str | None
    ended_by: str | None
    sip_status: int | None
    q850: int | None
    billed_seconds: int
    duration_ms: int | None
    unrecorded: str | None
    """Why it was not recorded though it was to be: ``customer_key_missing``, where the customer
    alone may hold the keys and has registered none."""


class CallOut(CallSummary):
    """A call record with its legs, and what its flow captured, by variable; ``captured_error``
    says why that does not open."""

    captured: dict[str, str] | None
    captured_error: str | None
    legs: list[LegOut]


class CallList(Schema):
    """Calls, newest first; pass ``next`` as ``before`` for the page after this one."""

    calls: list[CallSummary]
    next: str | None


class ProgramIn(Schema):
    """What the call gets: a published flow, or the document (TwiML) at a URL."""

    flow: str | None = None
    url: str | None = Field(None, max_length=2000, pattern=r"^https?://[!-~]+$")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.flow is None) == (self.url is None):
            raise ValueError("exactly one of flow and url is given")
        return self

    @property
    def flow_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.flow is None else parse_public_id(Prefix.FLOW, self.flow)


class CallIn(ProgramIn):
    """A call to begin. ``to``: a number in E.164, a SIP URI, or the id of a device, which rings for
    ``timeout_seconds``. ``caller_id``: an active number of the tenant, its id or E.164."""

    to: str = Field(min_length=1, max_length=255)
    caller_id: str = Field(min_length=1, max_length=40)
    timeout_seconds: int = Field(30, ge=5, le=300)


class CallAccepted(Schema):
    """The call, and what is happening to it: ``started``, ``redirected`` or ``ended``."""

    id: str
    state: str


class EventOut(Schema):
    """One journal event of a call. Where it names persons, ``data`` has ``caller`` and ``callee``:
    ``person`` (a random id), and their ``number``, what they gave (``captured``) or an ``error``.
    """

    call_id: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]
    position: int


class EventList(Schema):
    events: list[EventOut]


class JournalList(Schema):
    """Events of all calls, oldest first; pass ``last`` as ``after`` to read on, now or later."""

    events: list[EventOut]
    last: int


class JournalQuery(Schema):
    """``after``: the position of the last event that is known."""

    after: int = Field(0, ge=0, le=2**63 - 1)
    limit: int = Field(100, ge=1, le=500)


class CallQuery(Schema):
    """Filters: ``since`` inclusive, ``until`` exclusive, numbers in E.164, whole; ``tag`` is the
    name of a tag, ``tag_value`` its value (any, without)."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    disposition: Disposition | None = None
    direction: str | None = Field(None, pattern="^(inbound|outbound)$")
    from_number: str | None = Field(None, max_length=128)
    to_number: str | None = Field(None, max_length=128)
    number: str | None = None
    trunk: str | None = None
    flow: str | None = None
    tag: str | None = Field(None, min_length=1, max_length=MAX_TAG_NAME)
    tag_value: str | None = Field(None, max_length=MAX_TAG_VALUE)
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @model_validator(mode="after")
    def _value_of_a_tag(self) -> Self:
        if self.tag_value is not None and self.tag is None:
            raise ValueError("tag_value needs tag")
        return self

    def as_filter(self) -> CallFilter:
        """Raises InvalidId."""
        return CallFilter(
            since=self.since,
            until=self.until,
            disposition=self.disposition,
            direction=self.direction,
            from_number=self.from_number,
            to_number=self.to_number,
            number_id=None if not self.number else parse_public_id(Prefix.NUMBER, self.number),
            trunk_id=None if not self.trunk else parse_public_id(Prefix.TRUNK, self.trunk),
            flow_id=None if not self.flow else parse_public_id(Prefix.FLOW, self.flow),
            tag=self.tag,
            tag_value=self.tag_value,
        )

    @property
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.CALL, self.before)


def _optional(prefix: Prefix, value: UUID | None) -> str | None:
    return None if value is None else public_id(prefix, value)


# Bodies are built without validation: the API validates each response once, as a whole.


def leg_out(info: LegInfo) -> LegOut:
    values = asdict(info)
    values["id"] = public_id(Prefix.LEG, info.id)
    values["trunk_id"] = _optional(Prefix.TRUNK, info.trunk_id)
    return LegOut.model_construct(**values)


def _call_values(info: CallInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in CallSummary.model_fields} | {
        "id": public_id(Prefix.CALL, info.id),
        "trunk_id": _optional(Prefix.TRUNK, info.trunk_id),
        "number_id": _optional(Prefix.NUMBER, info.number_id),
        "flow_id": _optional(Prefix.FLOW, info.flow_id),
    }


def call_summary(info: CallInfo) -> CallSummary:
    return CallSummary.model_construct(**_call_values(info))


def call_out(info: CallInfo) -> CallOut:
    legs = [leg_out(leg) for leg in info.legs]
    return CallOut.model_construct(
        **_call_values(info),
        captured=info.captured,
        captured_error=info.captured_error,
        legs=legs,
    )


def event_out(event: TimelineEvent) -> EventOut:
    values = asdict(event) | {"call_id": public_id(Prefix.CALL, event.call_id)}
    return EventOut.model_construct(**values)
