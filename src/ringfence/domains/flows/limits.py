"""How much of each kind a tenant may keep: disks are shared."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, Sum

from ringfence.domains.flows.contracts import TooMany

MAX_FLOWS = 2_000
"""Archived ones among them."""
MAX_VERSIONS = 1_000
"""Of one flow."""
MAX_TARGETS = 10_000
MAX_PROMPTS = 2_000
MAX_PROMPT_BYTES = 2_000_000_000
"""Of all prompts together: 34 hours."""


def check_room(rows: QuerySet[Any], limit: int) -> None:
    """Raises TooMany when there is no room for one more."""
    if rows.count() >= limit:
        raise TooMany("there are as many as there may be", details={"limit": limit})


def check_bytes(prompts: QuerySet[Any], more: int) -> None:
    """Raises TooMany when a prompt of so many bytes has no room."""
    kept = prompts.aggregate(kept=Sum("bytes"))["kept"] or 0
    if kept + more > MAX_PROMPT_BYTES:
        details = {"limit": MAX_PROMPT_BYTES}
        raise TooMany("prompts have as many bytes as they may have", details=details)
