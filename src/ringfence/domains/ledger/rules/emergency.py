"""Numbers of emergency and crisis services: what is dialled there is never charged."""

from __future__ import annotations

_SERVICES = ("911", "112", "933", "988")
"""Emergency, its test number, and the crisis line."""
_NUMBERS = frozenset(prefix + number for prefix in ("", "+", "1", "+1") for number in _SERVICES)


def is_emergency(number: str | None) -> bool:
    """Whether these digits reach emergency or crisis services."""
    return number in _NUMBERS
