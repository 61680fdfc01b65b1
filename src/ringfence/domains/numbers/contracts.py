"""What other domains and the entrances see of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


@dataclass(frozen=True, slots=True)
class TrunkDial:
    """Dial an E.164 number through a trunk."""

    trunk_id: UUID
    number: str


@dataclass(frozen=True, slots=True)
class SipDial:
    """Dial a SIP URI directly."""

    uri: str


DialTarget = TrunkDial | SipDial


@dataclass(frozen=True, slots=True)
class NewNumber:
    """What creates a number."""

    tenant_id: UUID
    e164: str
    dial: tuple[DialTarget, ...] = ()
    flow_id: UUID | None = None
    """The flow that takes its calls, in place of ``dial``."""
    label: str = ""
    dial_timeout_seconds: int = 30
    caller_id: str | None = None
    """E.164 presented to the targets; None passes the caller's own."""
    max_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """A telephone number of a tenant and where its calls go."""

    id: UUID
    tenant_id: UUID
    e164: str
    label: str
    dial: tuple[DialTarget, ...]
    flow_id: UUID | None
    dial_timeout_seconds: int
    caller_id: str | None
    max_seconds: int | None
    status: str
    """``active`` or ``inactive``."""


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Where a call to a number goes, and whose call it is."""

    tenant_id: UUID
    number_id: UUID
    dial: tuple[DialTarget, ...]
    dial_timeout_seconds: int
    caller_id: str | None
    max_seconds: int | None
    flow_id: UUID | None = None
    """The flow that takes the call, in place of ``dial``."""


@dataclass(frozen=True, slots=True)
class NumberPage:
    """A page of numbers, newest first; ``next_cursor`` is None at the end."""

    numbers: tuple[NumberInfo, ...]
    next_cursor: UUID | None


class NumberNotFound(NotFound):
    """No such number for this tenant."""

    code = "number_not_found"


class InvalidNumber(InvalidInput):
    """A field of the number cannot be accepted; ``details.field`` names it."""

    code = "invalid_number"


class NumberTaken(InvalidInput):
    """The installation has this number already."""

    code = "number_taken"
    http_status = 409


class TooManyNumbers(RingfenceError):
    """The tenant has as many active numbers as it may take into service."""

    code = "too_many_numbers"
    http_status = 409


class NumberReleased(RingfenceError):
    """The number is no longer in service; it can be created anew."""

    code = "number_released"
    http_status = 409


class NumberInUse(RingfenceError):
    """A published flow or another number presents it to whom it calls; ``details`` says which."""

    code = "number_in_use"
    http_status = 409
