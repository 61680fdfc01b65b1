"""Orphans: keys made for a row that was never committed. Collected after a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from ringfence.kernel.clock import to_micros
from ringfence.platform.keys import erasure, names
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.names import KeyName, Kind
from ringfence.platform.keys.store import KeyStore

GRACE = timedelta(days=1)


class Candidate(msgspec.Struct, frozen=True):
    """A person or an item that nobody confirmed to be in use for a day."""

    tenant: UUID
    kind: Kind
    id: UUID


def candidates(store: KeyStore, limit: int = 1000) -> list[Candidate]:
    """Unconfirmed keys older than a day, oldest first: ask the database which of them it knows."""
    before = to_micros(store.clock.now() - GRACE)
    return [
        Candidate(name.tenant, name.kind, UUID(bytes=name.id))
        for name in store.unconfirmed(before, limit)
    ]


def settle(store: KeyStore, known: Iterable[Candidate], orphans: Sequence[Candidate]) -> int:
    """Confirm what the database knows and condemn what it does not; in the caller's transaction.

    Only what is a candidate at this moment is condemned; returns how many.
    """
    store.confirm(_name(candidate) for candidate in known)
    eligible = set(orphans) & set(candidates(store, limit=1 << 30)) if orphans else set()
    by_tenant: dict[UUID, list[Candidate]] = {}
    for candidate in eligible:
        by_tenant.setdefault(candidate.tenant, []).append(candidate)
    for tenant, group in by_tenant.items():
        persons = tuple(ErasePerson(item.id) for item in group if item.kind is Kind.PERSON)
        items = tuple(item.id for item in group if item.kind is Kind.ITEM)
        erasure.condemn(store, tenant, Destruction(persons, items))
    return len(eligible)


def _name(candidate: Candidate) -> KeyName:
    if candidate.kind is Kind.PERSON:
        return names.person_name(candidate.tenant, candidate.id)
    return names.item_name(candidate.tenant, candidate.id)
