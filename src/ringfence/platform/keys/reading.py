"""What the server reads from the store for one request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys import holds, leaves, names, persons, subjects, suppression
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.store import KeyStore

_log = logging.getLogger("ringfence.keys")


def read_leaves(store: KeyStore, request: m.LeavesRequest) -> list[m.LeafReply]:
    """Each leaf or its error; makes buckets' keys when asked for sealing. In a transaction."""
    known: dict[Bucket, bytes] = {}
    return _replies(request.refs, lambda ref: _read_leaf(store, request, ref, known))


def resolve(
    store: KeyStore, request: m.ResolveRequest
) -> tuple[list[persons.Resolved], list[m.LeafReply]]:
    """Persons and items, made where there are none, and the leaves that seal for them."""
    found = persons.resolve(store, request.tenant, request.identifiers)
    persons.create_items(store, request.tenant, request.items)
    refs = m.resolved_refs(request, [item.person for item in found])
    known: dict[Bucket, bytes] = {}

    def read(ref: LeafRef) -> bytes:
        return leaves.leaf(store, request.tenant, ref, create=True, known=known)

    return found, _replies(refs, read)


def _replies(refs: Iterable[LeafRef], read: Callable[[LeafRef], bytes]) -> list[m.LeafReply]:
    replies = []
    for ref in refs:
        try:
            replies.append(m.LeafReply(leaf=read(ref)))
        except RingfenceError as error:
            if error.http_status == 500:
                raise
            replies.append(m.LeafReply(error=error.code))
    return replies


def _read_leaf(
    store: KeyStore, request: m.LeavesRequest, ref: LeafRef, known: dict[Bucket, bytes]
) -> bytes:
    tenant = request.tenant
    ref.check()
    if request.purpose == m.SEAL:
        return leaves.leaf(store, tenant, ref, create=True, known=known)
    owners = [ref.person]
    if ref.items:
        owners = [who for item in ref.items for who in persons.item_persons(store, tenant, item)]
    for person in filter(None, owners):
        state = subjects.read_state(store, names.state_name(tenant, person))
        state.check(request.purpose)
    if request.hold is not None:
        return holds.held_leaf(store, tenant, request.hold, ref)
    return leaves.leaf(store, tenant, ref, known=known)


def choose(store: KeyStore, request: m.ChoiceRequest) -> None:
    """Change a living person's state and the lists that their identifier is on, in the caller's
    transaction. Raises KeyDestroyed, KeyUnknown."""
    tenant, person = request.tenant, request.person
    identifier = persons.identifier_of(store, tenant, person)
    name = names.state_name(tenant, person)
    subjects.write_state(store, name, request.change.of(subjects.read_state(store, name)))
    if identifier is not None:
        for listed in request.listed:
            suppression.suppress(store, tenant, listed, [identifier])
        for unlisted in request.unlisted:
            suppression.unsuppress(store, tenant, unlisted, [identifier])


def count(store: KeyStore) -> tuple[int, int, int, int, int]:
    """Keys, tombstones, unconfirmed, stale shards, contradictions; the last are also logged."""
    one = store.db.execute(
        "SELECT (SELECT count(*) FROM key), (SELECT count(*) FROM tombstone),"
        " (SELECT count(*) FROM key WHERE mark > 0), (SELECT count(*) FROM shard WHERE stale = 1)"
    ).fetchone()
    contradictions = store.contradictions()
    kinds = sorted({name.kind.name for name in contradictions})
    if contradictions:
        kv = {"count": len(contradictions), "kinds": kinds}
        _log.error("keys are alive and destroyed at once", extra={"kv": kv})
    return (*one, len(contradictions))
