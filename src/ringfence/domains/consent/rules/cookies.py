"""What a visitor of a hosted page allows: the profile, the browser's signal, and their choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ringfence.policies.profiles import Profile
from ringfence.policies.profiles.vocabulary import Cookies


class Category(StrEnum):
    """Kinds of cookies that a page may go without."""

    FUNCTIONAL = "functional"
    ANALYTICS = "analytics"
    ADS = "ads"


class Why(StrEnum):
    """What decided about a category."""

    POLICY = "policy"
    """The profile uses none."""
    SIGNAL = "signal"
    """Global Privacy Control."""
    CHOICE = "choice"
    SILENCE = "silence"
    """The visitor said nothing: what the profile makes of that."""


@dataclass(frozen=True, slots=True)
class Decided:
    category: Category
    on: bool
    why: Why

    @property
    def open(self) -> bool:
        """Whether the visitor has a choice."""
        return self.why in (Why.CHOICE, Why.SILENCE)


_SIGNALLED = frozenset({Category.ADS})
"""Refused by the signal, whatever else is said: it is sharing and targeted advertising."""


def decide(
    profile: Profile, chosen: Mapping[Category, bool], *, signal: bool
) -> tuple[Decided, ...]:
    """By category. The signal is a no to what silence would allow, and a last word about ads."""
    use = {
        Category.FUNCTIONAL: profile.cookies.functional,
        Category.ANALYTICS: profile.cookies.performance,
        Category.ADS: profile.cookies.ads,
    }
    return tuple(_decide(one, use[one], chosen.get(one), signal) for one in Category)


def _decide(category: Category, use: Cookies, chosen: bool | None, signal: bool) -> Decided:
    if use is Cookies.OFF:
        return Decided(category, False, Why.POLICY)
    if signal and category in _SIGNALLED:
        return Decided(category, False, Why.SIGNAL)
    if chosen is not None:
        return Decided(category, chosen, Why.CHOICE)
    return Decided(category, use is Cookies.ON and not signal, Why.SILENCE)


def spelled(chosen: Mapping[Category, bool]) -> str:
    """The value of the cookie that keeps a choice: nothing else stands in it."""
    return ".".join(f"{one}-{'yes' if chosen[one] else 'no'}" for one in Category if one in chosen)


def read(text: str) -> dict[Category, bool]:
    """Opposite of ``spelled``; what is not understood was not said."""
    found: dict[Category, bool] = {}
    for part in text.split(".")[: len(Category)]:
        name, _, word = part.partition("-")
        if name in set(Category) and word in ("yes", "no"):
            found[Category(name)] = word == "yes"
    return found
