"""What webhooks say of calls: the call as the API shows it, when the message is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ringfence.domains.calls.queries import get_call
from ringfence.domains.calls.schemas import call_out
from ringfence.domains.webhooks.api import register_payload
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import Prefix, parse_public_id

_TYPES = (
    EventKind.CALL_STARTED,
    EventKind.CALL_ANSWERED,
    EventKind.CALL_ENDED,
    EventKind.CALL_TAGGED,
)


def register() -> None:
    register_payload(call_payload, *_TYPES)


def call_payload(tenant_id: UUID, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Opened for the current use. Raises CallNotFound, PurposeRequired, Refused, Unavailable."""
    return call_out(get_call(tenant_id, parse_public_id(Prefix.CALL, data["call"]))).model_dump(
        mode="json"
    )
