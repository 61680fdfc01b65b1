"""Subjects: verified sets of persons. A link, never a re-seal; it dies with its persons."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ringfence.platform.keys import names
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.store import KeyStore


def link(store: KeyStore, tenant: UUID, subject: UUID, persons: Sequence[UUID]) -> None:
    """Add persons to a subject, in the caller's transaction; one of another subject moves.

    Raises KeyDestroyed or KeyUnknown for a person that is not alive.
    """
    for person in persons:
        seed = names.person_name(tenant, person)
        if store.get(seed) is None:
            if store.tombstoned(seed):
                raise KeyDestroyed("the person was erased")
            raise KeyUnknown("no such person")
        unlink(store, tenant, person)
        store.replace(names.link_name(tenant, person), subject.bytes)
        _write(store, tenant, subject, [*persons_of(store, tenant, subject), person])


def subject_of(store: KeyStore, tenant: UUID, person: UUID) -> UUID | None:
    """The subject that a person was linked to, if any."""
    raw = store.get(names.link_name(tenant, person))
    return None if raw is None else UUID(bytes=raw)


def persons_of(store: KeyStore, tenant: UUID, subject: UUID) -> list[UUID]:
    """The living persons of a subject, in the order in which they were linked."""
    raw = store.get(names.subject_name(tenant, subject)) or b""
    return [UUID(bytes=raw[at : at + 16]) for at in range(0, len(raw), 16)]


def unlink(store: KeyStore, tenant: UUID, person: UUID) -> None:
    """Take a person from their subject, in the caller's transaction."""
    subject = subject_of(store, tenant, person)
    if subject is not None:
        others = [other for other in persons_of(store, tenant, subject) if other != person]
        _write(store, tenant, subject, others)
        store.condemn([names.link_name(tenant, person)])


def _write(store: KeyStore, tenant: UUID, subject: UUID, persons: Sequence[UUID]) -> None:
    name = names.subject_name(tenant, subject)
    if persons:
        store.replace(name, b"".join(person.bytes for person in persons))
        store.mark_stale(name)  # an earlier value may name a person that is no longer of it
    else:
        store.condemn([name])
