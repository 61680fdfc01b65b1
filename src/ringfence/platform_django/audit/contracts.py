"""What the audit trail answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UseInfo:
    """Who used which values for what, and what came of it."""

    id: UUID
    at: datetime
    credential: str
    """The process that asked."""
    actor: str
    action: str
    """``grant`` (keys were given), ``open`` (values were opened with them), ``destroy``."""
    purpose: str
    objects: tuple[str, ...]
    outcome: str
    """``ok``, or the code of the first error."""


@dataclass(frozen=True, slots=True)
class UsePage:
    """Uses, newest first; ``next_cursor`` continues, None at the end."""

    uses: tuple[UseInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where a tenant's chain ends."""

    tenant_id: UUID
    seq: int
    head: bytes
    last_at: datetime
