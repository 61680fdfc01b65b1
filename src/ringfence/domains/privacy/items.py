"""What domains with content of their own do for privacy: find their items, and clean up after them.

An item is what has a key of its own: a track, a voicemail, a document. Privacy knows no domain;
each that keeps items registers these when its app is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

ItemsOfPerson = Callable[[UUID, UUID], Iterable[UUID]]
"""``(tenant, person)``: every item of everything that the person took part in, also the items of
the others: joint content dies as a whole."""
ItemsOfBucket = Callable[[UUID | None, str, str, int], Iterable[tuple[UUID, UUID]]]
"""``(tenant, category, rule, day)``: tenant and id of each item that ends with a day, of one tenant
or (None) of all."""
NextItemDay = Callable[[UUID, str, str, int, int], int | None]
"""``(tenant, category, rule, first, end)``: the first day from ``first`` on, before ``end``, that
items of the tenant end with."""
ItemCleanup = Callable[[UUID, Sequence[UUID], str], None]
"""``(tenant, items, reason)``, the reason as in ErasureInfo: their keys are dead; delete their
objects and mark their rows. It may be called again for the same items, and for items that it does
not know."""

PersonCleanup = Callable[[UUID, UUID], int]
"""``(tenant, person)``: their identifiers are dead; clear the facts about them that stand in rows
which do not name them. How many rows that were. It may be called again."""

T = TypeVar("T")
_of_person: list[ItemsOfPerson] = []
_of_bucket: list[ItemsOfBucket] = []
_days: list[NextItemDay] = []
_cleanups: list[ItemCleanup] = []
_person_cleanups: list[PersonCleanup] = []


def register_items_of_person(callback: ItemsOfPerson) -> None:
    """See ItemsOfPerson."""
    _add(_of_person, callback)


def register_items_of_bucket(callback: ItemsOfBucket) -> None:
    """See ItemsOfBucket."""
    _add(_of_bucket, callback)


def register_next_item_day(callback: NextItemDay) -> None:
    """See NextItemDay."""
    _add(_days, callback)


def register_item_cleanup(callback: ItemCleanup) -> None:
    """See ItemCleanup."""
    _add(_cleanups, callback)


def register_person_cleanup(callback: PersonCleanup) -> None:
    """See PersonCleanup."""
    _add(_person_cleanups, callback)


def items_of_person(tenant: UUID, person: UUID) -> set[UUID]:
    """Of all domains."""
    return {item for callback in _of_person for item in callback(tenant, person)}


def items_of_bucket(
    tenant: UUID | None, category: str, rule: str, day: int
) -> set[tuple[UUID, UUID]]:
    """Of all domains."""
    return {pair for callback in _of_bucket for pair in callback(tenant, category, rule, day)}


def next_item_day(tenant: UUID, category: str, rule: str, first: int, end: int) -> int | None:
    """Of all domains."""
    found = (callback(tenant, category, rule, first, end) for callback in _days)
    return min((day for day in found if day is not None), default=None)


def clean_up_items(tenant: UUID, items: Sequence[UUID], reason: str) -> None:
    """Tell every domain that these items are dead."""
    if items:
        for callback in _cleanups:
            callback(tenant, items, reason)


def clean_up_person(tenant: UUID, person: UUID) -> int:
    """Tell every domain that this person's identifiers are dead."""
    return sum(callback(tenant, person) for callback in _person_cleanups)


def _add(callbacks: list[T], callback: T) -> None:
    if callback not in callbacks:
        callbacks.append(callback)
