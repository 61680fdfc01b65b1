"""Destruction: a shard is wrapped anew without what must die, and its old key is overwritten.

New shard key into the free slot, durable -> shard re-wrapped, committed -> old slot overwritten in
place, durable -> replicas acknowledged. A crash in between is completed when the store is next
opened: a slot ahead of the store is thrown away, one behind it is overwritten.
"""

from __future__ import annotations

from ringfence.platform.keys import crypto
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.keys.schema import DYING
from ringfence.platform.keys.shard import Shard
from ringfence.platform.keys.store import KeyStore


def stale_shards(store: KeyStore) -> list[int]:
    """Shards that hold something condemned, or whose last rotation is not finished."""
    rows = store.db.execute("SELECT shard FROM shard WHERE stale = 1 OR confirmed < generation")
    return [shard for (shard,) in rows.fetchall()]


def rotate_stale(store: KeyStore) -> int:
    """Destroy everything condemned so far; how many shards that took."""
    shards = stale_shards(store)
    for shard in shards:
        finish(store, shard)
    return len(shards)


def recover(store: KeyStore) -> int:
    """What an interrupted run left: to be called once after opening. Returns shards rotated."""
    for shard in range(len(store.shards)):
        _settle_slots(store, shard)
    return rotate_stale(store)


def rotate_shard(store: KeyStore, shard: int) -> None:
    """Give one shard a new key, whether something of it is condemned or not."""
    with store.transaction():
        store.db.execute("UPDATE shard SET stale = 1 WHERE shard = ?", (shard,))
    finish(store, shard)


def rewrap_roots(store: KeyStore, root: RootKeys) -> int:
    """Wrap under the root keys in use whatever is not wrapped under each and only them.

    Interrupted at any point, the root key that the store was opened with still opens everything.
    Returns how many keys were wrapped anew.
    """
    count = 0
    for shard in store.shards:
        if not root.wrapped_for_all(store.slots.wrapped(shard.number, shard.generation)):
            store.slots.rewrap(shard.number, shard.generation)
            count += 1
    with store.transaction():
        return count + store.rewrap_tenants(root.wrapped_for_all)


def finish(store: KeyStore, shard: int) -> None:
    """Bring one shard to where nothing of it is condemned and every copy of that is confirmed."""
    _settle_slots(store, shard)
    query = "SELECT stale FROM shard WHERE shard = ?"
    if store.db.execute(query, (shard,)).fetchone()[0]:
        rotate(store, shard)
    else:
        _acknowledge(store, shard)


def rotate(store: KeyStore, shard: int) -> None:
    """Give a shard a new key. On an exception the next ``finish`` or ``recover`` completes it."""
    old = store.shards[shard]
    key = crypto.new_key()
    new = Shard(shard, old.generation + 1, key)
    store.slots.write(shard, new.generation, key)
    with store.transaction():
        _rewrap(store, old, new)
    store.shards[shard] = new
    store.slots.erase(shard, old.generation)
    _acknowledge(store, shard)


def _rewrap(store: KeyStore, old: Shard, new: Shard) -> None:
    rows = store.db.execute(
        "SELECT lookup, tenant, mark, body FROM key WHERE shard = ? AND mark <> ?",
        (old.number, DYING),
    ).fetchall()
    fresh = []
    for lookup, tenant, mark, body in rows:
        id_, tenant_key = store.tenant_of(tenant)
        new_lookup, new_body = new.rewrap(old, id_, tenant_key, lookup, body)
        fresh.append((new.number, new_lookup, tenant, mark, new_body))
    fresh.sort()
    store.db.execute("DELETE FROM key WHERE shard = ?", (old.number,))
    store.db.executemany("INSERT INTO key VALUES (?, ?, ?, ?, ?)", fresh)
    store.db.execute(
        "UPDATE shard SET generation = ?, stale = 0 WHERE shard = ?", (new.generation, new.number)
    )


def _settle_slots(store: KeyStore, shard: int) -> None:
    """Overwrite every slot of a shard but the one that the store is wrapped under."""
    current = store.shards[shard].generation
    for generation in store.slots.generations(shard):
        if generation != current:
            store.slots.erase(shard, generation)
    store.slots.scrub(shard)


def _acknowledge(store: KeyStore, shard: int) -> None:
    generation = store.shards[shard].generation
    for replica in store.replicas:
        replica.rotated(shard, generation)
    with store.transaction():
        store.db.execute("UPDATE shard SET confirmed = ? WHERE shard = ?", (generation, shard))
