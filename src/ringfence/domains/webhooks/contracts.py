"""What other domains and the entrances see of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound

EVERY_TYPE = "*"
"""An endpoint's wish for every type, also those to come."""
TEST_TYPE = "webhook.test"
"""What is sent when a tenant tries an endpoint; it goes to that one alone."""
EVENT_TYPES = (
    "call.started",
    "call.answered",
    "call.ended",
    "call.tagged",
    "recording.stored",
    "wallet.low",
    "consent.changed",
)
"""What endpoints may ask for."""

Scalar = str | int | bool | None


class DeliveryState(StrEnum):
    PENDING = "pending"
    """Waits for its first or next attempt, or one is under way."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up after its last attempt, or its endpoint was disabled. Can be replayed."""


class DisabledReason(StrEnum):
    REQUEST = "request"
    GONE = "gone"
    """The endpoint answered 410."""
    FAILING = "failing"
    """Nothing but failures for five days."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened, to be told to those endpoints of a tenant that ask for its type.

    ``data``: ids, codes and amounts that the message is made from when it is sent; never a personal
    value. ``key`` names what happened: the same key is told once to each endpoint.
    """

    tenant_id: UUID
    type: str
    data: Mapping[str, Scalar]
    key: str
    at: datetime | None = None
    """When it happened; None: now."""


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """Where a tenant wants to be told of events, without the secret."""

    id: UUID
    tenant_id: UUID
    url: str
    description: str
    events: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    """Since when every attempt failed; None after a success."""
    rotating_until: datetime | None
    """Until when messages are also signed with the secret before the present one."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """An endpoint and the only copy of its new secret."""

    info: EndpointInfo
    secret: str = field(repr=False)
    """``whsec_`` and the base64 of the key that signs."""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What creates an endpoint."""

    url: str
    events: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What changes of an endpoint; None stays as it is."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
    """One event on its way to one endpoint."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    type: str
    data: dict[str, Any]
    state: str
    attempts: int
    """Since it was made or last replayed."""
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None
    """None when nothing more is tried."""
    delivered_at: datetime | None
    last_status: int | None
    """HTTP status of the last answer, if there was any."""
    last_error: str | None
    """Why the last attempt failed, such as ``timeout``; None after a success."""
    log: tuple[dict[str, Any], ...]
    """The newest attempts: at, ms, status, code, bytes (size of the answer, which is not kept)."""


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries from the newest to the oldest."""

    deliveries: tuple[DeliveryInfo, ...]
    next_cursor: UUID | None


class WebhookNotFound(NotFound):
    """No such endpoint for this tenant."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """No such delivery for this tenant."""

    code = "delivery_not_found"


class InvalidWebhook(InvalidInput):
    """A field of the endpoint cannot be accepted; ``details.field`` names it."""

    code = "invalid_webhook"


class TooManyWebhooks(InvalidInput):
    """The tenant has as many endpoints as it may."""

    code = "too_many_webhooks"
    http_status = 409


class WebhookDisabled(InvalidInput):
    """Nothing is sent to a disabled endpoint; enable it first."""

    code = "webhook_disabled"
    http_status = 409
