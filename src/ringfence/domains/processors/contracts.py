"""What other domains and the entrances see of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


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
