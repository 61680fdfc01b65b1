"""Which days of which tenants are to end, when each tenant may have a number of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from uuid import UUID

NextDay = Callable[[UUID, int, int], int | None]
"""``(tenant, first, end)``: the first day from ``first`` on, before ``end``, that may hold values
of the tenant."""


def first_kept(today: int, installed: int, chosen: int | None) -> int:
    """The first day that is still kept, when a day is kept for so many whole days after it."""
    return today - (installed if chosen is None else chosen)


def due(
    tenants: Iterable[UUID], ends: Mapping[UUID, int], last: Mapping[UUID, int], next_day: NextDay
) -> Iterator[tuple[UUID, int]]:
    """The days before each tenant's ``ends`` that did not end yet, each tenant's in their order.

    ``last`` is the newest day of each that was ordered to end. As a tenant's days end in their
    order, nothing before that is left, whatever its number was then and whoever was interrupted: a
    number that grows revives nothing, one that shrinks is followed from there.
    """
    for tenant in sorted(tenants):
        day: int | None = last.get(tenant, -1)
        while day is not None:
            day = next_day(tenant, day + 1, ends[tenant])
            if day is not None:
                yield tenant, day
