"""What webhooks say of recordings: the recording as the API shows it, when the message is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ringfence.domains.recordings.queries import get_recording
from ringfence.domains.recordings.schemas import recording_out
from ringfence.domains.webhooks.api import register_payload
from ringfence.kernel.events import EventKind
from ringfence.kernel.ids import Prefix, parse_public_id


def register() -> None:
    register_payload(recording_payload, EventKind.RECORDING_STORED)


def recording_payload(tenant_id: UUID, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises RecordingNotFound."""
    info = get_recording(tenant_id, parse_public_id(Prefix.RECORDING, data["recording"]))
    return recording_out(info).model_dump(mode="json")
