"""What other domains and the entrances see of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.platform.processor_settings import ProcessorSettings

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class SentInfo:
    """One thing that left, or was refused."""

    id: UUID
    at: datetime
    receiver: str
    template: str
    purpose: str
    host: str
    fields: tuple[str, ...]
    size: int
    refusal: str | None
    outcome: str
    """``unknown``: under way, or the process ended before it knew."""
    status: int | None


@dataclass(frozen=True, slots=True)
class ProcessorInfo:
    """A registered third party."""

    name: str
    settings: ProcessorSettings
    fields: Mapping[str, tuple[str, ...]]
    """By template, those that may leave, sorted."""
    state: str
    """``in_force``; else why nothing may be sent there today."""
