"""Leaves: the keys that seal values, derived from what is alive in the store."""

from __future__ import annotations

from uuid import UUID

from ringfence.platform.keys import crypto, names
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.names import Bucket, KeyName, LeafRef
from ringfence.platform.keys.store import KeyStore


def leaf(
    store: KeyStore,
    tenant: UUID,
    ref: LeafRef,
    *,
    create: bool = False,
    known: dict[Bucket, bytes] | None = None,
) -> bytes:
    """The leaf of a record field, of content, of what mixes content, or of a tenant's secrets.

    ``known`` collects the buckets' keys of one request of one tenant, inside one transaction.

    ``create`` makes a bucket's key when there is none yet, inside the caller's transaction; persons
    and items are never made here. Raises KeyDestroyed, KeyUnknown, UnfitName.
    """
    ref.check()
    if ref.bucket is None:
        return crypto.secret_leaf(secret_key(store, tenant, create=create), tenant)
    if ref.person is not None:
        p = person_category_key(store, tenant, ref.person, ref.bucket.category)
        d = _known_bucket_key(store, tenant, ref.bucket, create, known)
        return crypto.record_leaf(p, d, tenant, ref.person, ref.bucket)
    rows = (_alive(store, names.item_name(tenant, item)) for item in ref.items)
    keys = [row[: crypto.KEY_BYTES] for row in rows]
    d = _known_bucket_key(store, tenant, ref.bucket, create, known)
    return crypto.content_leaf(keys, d, tenant, ref.items, ref.bucket)


def person_category_key(store: KeyStore, tenant: UUID, person: UUID, category: str) -> bytes:
    """p, from the person's seed or from what outlived it."""
    seed = names.person_name(tenant, person)
    value = store.get(seed)
    if value is not None:
        return crypto.person_category_key(value[: crypto.KEY_BYTES], tenant, person, category)
    value = store.get(names.category_name(tenant, person, category))
    if value is None:
        raise _absent(store, seed)
    return value


def bucket_key(store: KeyStore, tenant: UUID, bucket: Bucket, *, create: bool) -> bytes:
    """d, or the key of a bucket whose clock starts at an event."""
    bucket.encode()
    category, rule = bucket.category, bucket.rule
    if bucket.account is not None:
        event = names.event_name(tenant, category, rule, bucket.account)
        return _alive(store, event, create=create)
    assert bucket.day is not None
    month = names.month_name(tenant, category, rule, names.month_of(bucket.day))
    seed = store.get(month)
    if seed is not None:
        return crypto.day_key(seed, tenant, category, rule, bucket.day)
    day = names.day_name(tenant, category, rule, bucket.day)
    if store.tombstoned(month) or store.tombstoned(day):
        return _alive(store, day)
    if not create:
        raise KeyUnknown("nothing was ever sealed in this bucket")
    return _begin_month(store, month, bucket, tenant)


def _known_bucket_key(
    store: KeyStore, tenant: UUID, bucket: Bucket, create: bool, known: dict[Bucket, bytes] | None
) -> bytes:
    if known is None:
        return bucket_key(store, tenant, bucket, create=create)
    key = known.get(bucket)
    if key is None:
        key = known[bucket] = bucket_key(store, tenant, bucket, create=create)
    return key


def secret_key(store: KeyStore, tenant: UUID, *, create: bool = False) -> bytes:
    """The tenant's key for secrets that belong to no person."""
    return _alive(store, names.secret_name(tenant), create=create)


def _begin_month(store: KeyStore, month: KeyName, bucket: Bucket, tenant: UUID) -> bytes:
    """First use of a month: its seed, or only its days when some of them expired before that."""
    assert bucket.day is not None
    seed = crypto.new_key()
    category, rule = bucket.category, bucket.rule
    if any(
        store.tombstoned(names.day_name(tenant, category, rule, day))
        for day in names.days_of(names.month_of(bucket.day))
    ):
        puncture_month(store, tenant, bucket, seed, frozenset())
        store.condemn([month])
    else:
        store.put(month, seed)
    return crypto.day_key(seed, tenant, category, rule, bucket.day)


def puncture_month(
    store: KeyStore, tenant: UUID, bucket: Bucket, seed: bytes, dying: frozenset[int]
) -> None:
    """Store the day keys of a month that must outlive its seed: all but ``dying`` and dead ones."""
    assert bucket.day is not None
    category, rule = bucket.category, bucket.rule
    for day in names.days_of(names.month_of(bucket.day)):
        name = names.day_name(tenant, category, rule, day)
        if day not in dying and not store.tombstoned(name):
            store.put(name, crypto.day_key(seed, tenant, category, rule, day))


def _alive(store: KeyStore, name: KeyName, *, create: bool = False) -> bytes:
    value = store.get(name)
    if value is not None:
        return value
    if not create or store.tombstoned(name):
        raise _absent(store, name)
    key = crypto.new_key()
    store.put(name, key)
    return key


def _absent(store: KeyStore, name: KeyName) -> KeyDestroyed | KeyUnknown:
    if store.tombstoned(name):
        return KeyDestroyed("the key was destroyed")
    return KeyUnknown("no such key")
