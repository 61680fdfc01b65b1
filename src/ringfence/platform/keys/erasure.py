"""Erase and expire: what dies, what must live on, and the journal that a restore replays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

import msgspec

from ringfence.platform.keys import crypto, holds, leaves, links, names, persons
from ringfence.platform.keys.names import Bucket, KeyName, Kind, LeafRef
from ringfence.platform.keys.schema import DYING
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.keys.subjects import read_state, write_state


class ErasePerson(msgspec.Struct, frozen=True):
    """A person, and the categories that the law excepts from their erasure."""

    person: UUID
    keep: tuple[str, ...] = ()


class Destruction(msgspec.Struct, frozen=True):
    """What to destroy of one tenant, all together."""

    persons: tuple[ErasePerson, ...] = ()
    items: tuple[UUID, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    everything: bool = False
    """The tenant is at its end: every key of it dies, but those of legal holds, and what keeps a
    STOP honoured."""


class JournalEntry(msgspec.Struct, frozen=True):
    """One destruction as it was ordered: ``at`` in microseconds."""

    seq: int
    at: int
    tenant: UUID
    destruction: Destruction


REST = 2000
"""Keys that are condemned in one transaction."""
_SURVIVE = (Kind.HOLD, Kind.SUPPRESSED)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Destruction)


def condemn(store: KeyStore, tenant: UUID, destruction: Destruction) -> int:
    """Order a destruction, in the caller's transaction; nothing of it opens after the commit.

    The keys exist until ``rotation.rotate_stale``, which also a restart runs. Leaves under a legal
    hold are put in escrow first; their number is returned. Repeating it changes nothing. Of a
    tenant's end this is the beginning: ``condemn_rest`` goes on.
    """
    keep = {item.person: frozenset(item.keep) for item in destruction.persons}
    items, buckets = frozenset(destruction.items), frozenset(destruction.buckets)
    for bucket in buckets:
        bucket.encode()
    for category in frozenset().union(*keep.values()):
        names.label(category)

    def dies(ref: LeafRef) -> bool:
        assert ref.bucket is not None
        if destruction.everything:
            return True
        person = ref.person in keep and ref.bucket.category not in keep[ref.person]
        return person or ref.bucket in buckets or not items.isdisjoint(ref.items)

    escrowed = holds.escrow(store, tenant, dies)
    for person, kept in keep.items():
        store.condemn(list(_erase_person(store, tenant, person, kept)))
    store.condemn(names.item_name(tenant, item) for item in destruction.items)
    store.condemn(list(_expire(store, tenant, buckets)))
    store.db.execute(
        "INSERT INTO erasure (at, tenant, entry) VALUES (?, ?, ?)",
        (store.clock.micros(), tenant.bytes, _encoder.encode(destruction)),
    )
    return escrowed


def condemn_rest(
    store: KeyStore, tenant: UUID, after: tuple[int, bytes] = (-1, b""), limit: int = REST
) -> tuple[int, bytes] | None:
    """Condemn some of all that a tenant has, in the caller's transaction: where to go on, or None
    at the end. So a tenant with a million keys keeps nobody waiting for theirs."""
    number = store.number_of(tenant)
    if number is None:
        return None
    rows = store.db.execute(
        "SELECT shard, lookup, tenant, body FROM key WHERE (shard, lookup) > (?, ?)"
        " AND tenant = ? AND mark <> ? ORDER BY shard, lookup LIMIT ?",
        (*after, number, DYING, limit),
    ).fetchall()
    found = [store.unwrap_row(*row)[0] for row in rows]
    store.condemn(name for name in found if name.kind not in _SURVIVE)
    return (rows[-1][0], rows[-1][1]) if len(rows) == limit else None


def journal(store: KeyStore, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
    """Destructions in their order, after a sequence number."""
    rows = store.db.execute(
        "SELECT seq, at, tenant, entry FROM erasure WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
    ).fetchall()
    return [
        JournalEntry(seq, at, UUID(bytes=tenant), _decoder.decode(entry))
        for seq, at, tenant, entry in rows
    ]


def _erase_person(
    store: KeyStore, tenant: UUID, person: UUID, keep: frozenset[str]
) -> Iterator[KeyName]:
    """Puncture: the excepted categories' keys are stored, then the seed is named to die."""
    seed_name, state_name = names.person_name(tenant, person), names.state_name(tenant, person)
    state = read_state(store, state_name)
    value = store.get(seed_name)
    if value is None:
        remains = keep & set(state.remains)
    else:
        remains = keep
        for category in sorted(keep):
            seed = value[: crypto.KEY_BYTES]
            key = crypto.person_category_key(seed, tenant, person, category)
            store.put(names.category_name(tenant, person, category), key)
    links.unlink(store, tenant, person)
    mapping = persons.mapping_of(store, tenant, person)
    if mapping is not None:
        name, is_current = mapping
        if is_current:
            yield name
        else:
            store.mark_stale(name)  # an earlier value of that row still names this person
    for category in state.remains:
        if category not in keep:
            yield names.category_name(tenant, person, category)
    if remains:
        kept = msgspec.structs.replace(state, remains=tuple(sorted(remains)))
        write_state(store, state_name, kept)
    else:
        yield state_name
    yield seed_name


def _expire(store: KeyStore, tenant: UUID, buckets: frozenset[Bucket]) -> Iterator[KeyName]:
    months: defaultdict[tuple[str, str, int], list[Bucket]] = defaultdict(list)
    for bucket in sorted(buckets, key=Bucket.encode):
        if bucket.account is not None:
            yield names.event_name(tenant, bucket.category, bucket.rule, bucket.account)
        elif bucket.day is not None:
            months[bucket.category, bucket.rule, names.month_of(bucket.day)].append(bucket)
    for (category, rule, month), group in months.items():
        dying = frozenset(bucket.day for bucket in group if bucket.day is not None)
        month_name = names.month_name(tenant, category, rule, month)
        seed = store.get(month_name)
        if seed is not None:
            leaves.puncture_month(store, tenant, group[0], seed, dying)
            yield month_name
        for day in sorted(dying):
            yield names.day_name(tenant, category, rule, day)
