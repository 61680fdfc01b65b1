"""Which version binds a business customer: a worse one not before it was accepted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Dated:
    """A version, as far as binding goes."""

    number: int
    effective_at: datetime
    needs_consent: bool
    """It reduces rights, and the version before it promises that the old terms then hold on."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What binds somebody now."""

    number: int | None
    """None: nothing was in force yet."""
    awaits: int | None = None
    """The newest version in force that waits for consent, if any."""


def bound(
    versions: Iterable[Dated], accepted: Collection[int], joined_at: datetime, now: datetime
) -> Bound:
    """``versions`` in order of their numbers; ``joined_at``: when the customer came, under what was
    in force then.

    Once a version waits for consent, those after it wait as well: they contain it.
    """
    current: int | None = None
    awaits: int | None = None
    for one in versions:
        if one.effective_at > now:
            break
        free = awaits is None and not one.needs_consent
        if current is None or free or one.effective_at <= joined_at or one.number in accepted:
            current, awaits = one.number, None
        else:
            awaits = one.number
    return Bound(current, awaits)
