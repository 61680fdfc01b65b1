"""What of a client's text and JSON can be kept."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from ringfence.kernel.errors import InvalidInput


def checked_name(name: str, error: type[InvalidInput]) -> str:
    """A name of 1 to 120 characters without control characters, trimmed. Raises ``error``."""
    return checked_text("name", name.strip(), error, least=1, most=120)


def checked_text(
    field: str, text: str, error: type[InvalidInput], *, least: int = 0, most: int
) -> str:
    """Raises ``error`` unless it has so many characters, none of them control or surrogate."""
    if not least <= len(text) <= most or any(
        unicodedata.category(character) in ("Cc", "Cs") for character in text
    ):
        raise error(
            f"{field}: has {least} to {most} characters, none of them control characters",
            details={"field": field},
        )
    return text


def storable(value: Any) -> bool:
    """Whether the database can keep a JSON value: no NUL, no lone surrogate, no NaN."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += item.keys()
            left += item.values()
        elif isinstance(item, list):
            left += item
        elif isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif isinstance(item, str) and any(
            character == "\0" or unicodedata.category(character) == "Cs" for character in item
        ):
            return False
    return True
