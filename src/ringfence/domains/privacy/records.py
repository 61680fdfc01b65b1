"""Records that outlive their tenant, or no person's key: they end as rows, by the profile's own
categories, after what the law asks for.

Privacy knows no domain and no tenant; they register these when their apps are ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Life:
    """Of a business customer: since when it is closed, and whether its data ended."""

    tenant: UUID
    closed: date | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Records:
    """One kind of records."""

    rule: str
    """Its name in certificates; never given to another kind."""
    category: str
    """Of the profile: a name in ``Retention``."""
    start: Callable[[UUID], date | None]
    """``(tenant)``: from when the oldest of them counts; of those that end all at once, the newest.
    None: there are none."""
    remove: Callable[[str, UUID, date], int]
    """``(alias, tenant, day)``: delete those that count from before the day, in the transaction
    under way there; how many rows that were. Again, it finds nothing."""
    of_ended: bool = False
    """They end of tenants alone that are ended themselves."""
    of_living: bool = False
    """They end of tenants alone that are not ended: later all of the kind end at once."""
    last: bool = False
    """They end when the tenant has no other records any more."""


_records: dict[str, Records] = {}
_lives: list[Callable[[], Iterable[Life]]] = []


def register_records(records: Records) -> None:
    """See Records; again, it takes the place of the one of its rule."""
    _records[records.rule] = records


def register_lives(callback: Callable[[], Iterable[Life]]) -> None:
    """All tenants of which there may be records. There is one source; a later one takes its
    place."""
    _lives[:] = [callback]


def all_records() -> tuple[Records, ...]:
    return tuple(_records.values())


def records_of(rule: str) -> Records:
    """Raises KeyError."""
    return _records[rule]


def lives() -> Iterable[Life]:
    """Raises RuntimeError when nobody registered: then nobody's records would ever end."""
    if not _lives:
        raise RuntimeError("nobody tells privacy which tenants there are")
    return _lives[0]()
