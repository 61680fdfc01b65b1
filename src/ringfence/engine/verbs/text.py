"""Texts with variables: ``{zip}`` stands for a variable's value, ``{{`` and ``}}`` for braces."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PART = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,39})\}")


def names(text: str) -> frozenset[str]:
    """Variables that a text holds. With any, what it becomes is personal."""
    return frozenset(match[1] for match in _PART.finditer(text) if match[1])


def fill(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables' values; one that is not set leaves nothing."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1], "") if match[1] else match[0][0]

    return _PART.sub(value, text)
