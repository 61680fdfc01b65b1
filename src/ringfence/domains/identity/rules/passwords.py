"""Passwords that whoever knows this product and its address guesses first."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TEXT = """
    ringfence ring fence password passphrase secret login signin welcome account console telephone
    phone voice call calls tenant owner admin administrator supervisor agent analyst billing
    developer operator support privacy officer staff member
"""
WORDS = frozenset(_TEXT.split())
"""Of the product, its trade and its roles; labels of the installation's own host come beside."""
_LEFT = 6


def made_of_words(password: str, host: str) -> bool:
    """Whether fewer than six letters are left of it without these words, digits and signs: of
    ``Ringfence-Admin-2026`` nothing is. One without any of the words is not judged."""
    words = WORDS | {label for label in host.lower().split(".") if len(label) >= 4}
    rest = re.sub(_any_of(words), " ", password.lower())
    return rest != password.lower() and sum(char.isalpha() for char in rest) < _LEFT


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
