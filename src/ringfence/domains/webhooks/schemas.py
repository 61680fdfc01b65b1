"""Bodies of the webhooks' REST API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from ringfence.domains.webhooks.contracts import (
    DeliveryInfo,
    DeliveryState,
    EndpointChange,
    EndpointInfo,
    NewEndpoint,
)
from ringfence.domains.webhooks.rules.validation import MAX_DESCRIPTION, MAX_URL
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
EventNames = Annotated[
    list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=50)
]


class WebhookIn(Schema, extra="forbid"):
    """``events``: types, or ``*`` for all, also those to come."""

    url: Url
    events: EventNames
    description: Description = ""

    def as_new(self) -> NewEndpoint:
        return NewEndpoint(self.url, tuple(self.events), self.description)


class WebhookPatch(Schema, extra="forbid"):
    """What is left out stays as it is."""

    url: Url | None = None
    events: EventNames | None = None
    description: Description | None = None
    enabled: bool | None = None

    def as_change(self) -> EndpointChange:
        events = None if self.events is None else tuple(self.events)
        return EndpointChange(self.url, events, self.description, self.enabled)


class WebhookOut(Schema):
    """Where the tenant is told of events. ``disabled_reason``: ``request``, ``gone`` (it answered
    410) or ``failing`` (nothing but failures for five days)."""

    id: str
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    rotating_until: datetime | None
    created_at: datetime


class WebhookWithSecret(WebhookOut):
    """The secret is shown this once."""

    secret: str


class WebhookList(Schema):
    webhooks: list[WebhookOut]


class AttemptOut(Schema):
    """One attempt. ``bytes``: size of the answer, which is not kept."""

    at: datetime
    ms: int
    status: int | None
    code: str | None
    bytes: int


class DeliveryOut(Schema):
    """One event on its way to one webhook. ``id`` is the header ``webhook-id`` of each attempt."""

    id: str
    webhook_id: str
    type: str
    data: dict[str, Any]
    state: DeliveryState
    attempts: int
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    log: list[AttemptOut]


class DeliveryList(Schema):
    """Deliveries, newest first; pass ``next`` as ``before`` for the page after this one."""

    deliveries: list[DeliveryOut]
    next: str | None


class DeliveryQuery(Schema):
    state: DeliveryState | None = None
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @property
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.DELIVERY, self.before)


class ReplayIn(Schema, extra="forbid"):
    """Dead deliveries created at ``since`` or later."""

    since: AwareDatetime


class ReplayOut(Schema):
    replayed: int


def webhook_out(info: EndpointInfo) -> WebhookOut:
    return WebhookOut(**_values(info))


def webhook_with_secret(info: EndpointInfo, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**_values(info), secret=secret)


def _values(info: EndpointInfo) -> dict[str, Any]:
    values = {name: getattr(info, name) for name in WebhookOut.model_fields if name != "id"}
    return {**values, "id": public_id(Prefix.WEBHOOK, info.id), "events": list(info.events)}


def delivery_out(info: DeliveryInfo) -> DeliveryOut:
    plain = DeliveryOut.model_fields.keys() - {"id", "webhook_id", "log"}
    return DeliveryOut(
        id=public_id(Prefix.DELIVERY, info.id),
        webhook_id=public_id(Prefix.WEBHOOK, info.endpoint_id),
        log=[AttemptOut(**entry) for entry in info.log],
        **{name: getattr(info, name) for name in plain},
    )
