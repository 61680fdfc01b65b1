"""What others may ask of this domain."""

from __future__ import annotations

from ringfence.domains.processors.queries import list_processors, list_sent
from ringfence.domains.processors.retention import drop_expired

__all__ = ["drop_expired", "list_processors", "list_sent"]
