"""Legal holds: leaves that a hold covers are kept under the hold's key when their own keys die."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from ringfence.platform.keys import crypto, leaves, names
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, UnfitName
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.store import KeyStore

_encoder = msgspec.msgpack.Encoder()
_refs = msgspec.msgpack.Decoder(list[LeafRef])


def place(store: KeyStore, tenant: UUID, hold: UUID, refs: Sequence[LeafRef]) -> None:
    """Begin a hold, or let it cover more; in the caller's transaction. Raises UnfitName."""
    for ref in refs:
        ref.check()
        if ref.bucket is None:
            raise UnfitName("a hold covers personal values only")
        ref.bucket.encode()
    name = names.hold_name(tenant, hold)
    key = store.get(name)
    if key is None:
        key = crypto.new_key()
        store.put(name, key)
    (seq,) = store.db.execute(
        "SELECT coalesce(max(seq), 0) + 1 FROM hold WHERE tenant = ? AND hold = ?",
        (tenant.bytes, hold.bytes),
    ).fetchone()
    body = crypto.seal_raw(key, b"covered" + hold.bytes, _encoder.encode(list(refs)))
    store.db.execute("INSERT INTO hold VALUES (?, ?, ?, ?)", (tenant.bytes, hold.bytes, seq, body))


def escrow(store: KeyStore, tenant: UUID, dies: Callable[[LeafRef], bool]) -> int:
    """Keep every covered leaf that is about to die; before that, in the same transaction.

    Returns how many leaves were kept. A leaf that cannot be derived any more is passed over.
    """
    kept = 0
    known: dict[Bucket, bytes] = {}
    holds = store.db.execute(
        "SELECT DISTINCT hold FROM hold WHERE tenant = ?", (tenant.bytes,)
    ).fetchall()
    for (raw,) in holds:
        hold = UUID(bytes=raw)
        key = _key(store, tenant, hold)
        for ref in _covered(store, tenant, hold, key):
            if not dies(ref):
                continue
            try:
                leaf = leaves.leaf(store, tenant, ref, known=known)
            except (KeyDestroyed, KeyUnknown):
                continue
            lookup = _lookup(key, ref)
            body = crypto.seal_raw(key, lookup, leaf)
            row = (raw, lookup, body)
            store.db.execute("INSERT OR IGNORE INTO escrow VALUES (?, ?, ?)", row)
            kept += 1
    return kept


def held_leaf(store: KeyStore, tenant: UUID, hold: UUID, ref: LeafRef) -> bytes:
    """A leaf that the hold covers, from its own keys or from escrow.

    Raises KeyUnknown when there is no such hold or it does not cover the leaf, KeyDestroyed after
    its release or when the leaf was dead before the hold.
    """
    key = _key(store, tenant, hold)
    if ref not in _covered(store, tenant, hold, key):
        raise KeyUnknown("the hold does not cover this")
    lookup = _lookup(key, ref)
    row = store.db.execute(
        "SELECT body FROM escrow WHERE hold = ? AND lookup = ?", (hold.bytes, lookup)
    ).fetchone()
    if row is not None:
        return crypto.open_raw(key, lookup, row[0])
    return leaves.leaf(store, tenant, ref)


def release(store: KeyStore, tenant: UUID, hold: UUID) -> None:
    """End a hold, in the caller's transaction: what it alone kept dies with its key."""
    store.condemn([names.hold_name(tenant, hold)])
    store.db.execute("DELETE FROM hold WHERE tenant = ? AND hold = ?", (tenant.bytes, hold.bytes))
    store.db.execute("DELETE FROM escrow WHERE hold = ?", (hold.bytes,))


def _key(store: KeyStore, tenant: UUID, hold: UUID) -> bytes:
    name = names.hold_name(tenant, hold)
    key = store.get(name)
    if key is None:
        if store.tombstoned(name):
            raise KeyDestroyed("the hold was released")
        raise KeyUnknown("no such hold")
    return key


def _covered(store: KeyStore, tenant: UUID, hold: UUID, key: bytes) -> list[LeafRef]:
    rows = store.db.execute(
        "SELECT body FROM hold WHERE tenant = ? AND hold = ? ORDER BY seq",
        (tenant.bytes, hold.bytes),
    ).fetchall()
    additional = b"covered" + hold.bytes
    return [ref for (body,) in rows for ref in _refs.decode(crypto.open_raw(key, additional, body))]


def _lookup(key: bytes, ref: LeafRef) -> bytes:
    return hmac.digest(key, _encoder.encode(ref), "sha256")[:16]
