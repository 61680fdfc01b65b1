"""What the process ``keys`` is asked. Each is the name of an RPC method, its request and reply."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ringfence.platform.keys.erasure import Destruction
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.orphans import Candidate
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved
from ringfence.platform.keys.subjects import StateChange, SubjectState

SEAL = "seal"
"""In place of a purpose: the leaf is wanted to seal, not to open."""


class Hello(msgspec.Struct, frozen=True):
    """``hello`` -> Welcome. The first request of every connection."""

    credential: str
    secret: str


class Welcome(msgspec.Struct, frozen=True):
    """Leaves may be used for ``lease_seconds`` from the moment they were asked for."""

    lease_seconds: float


# ``goodbye`` (body None) -> None: the client of this connection, which alone can say it, has
# forgotten every leaf, and keeps none that is still on its way. Nobody waits for it; what else it
# asks needs another ``hello``.


class LeavesRequest(msgspec.Struct, frozen=True):
    """``leaves`` -> Leaves. ``objects`` are the ids that the audit record names."""

    tenant: UUID
    purpose: str
    """SEAL, or what the values are opened for."""
    actor: str
    refs: tuple[LeafRef, ...]
    objects: tuple[str, ...] = ()
    hold: UUID | None = None
    """Open what this legal hold covers; the purpose is then ``legal``."""


class LeafReply(msgspec.Struct, frozen=True):
    """One leaf, or the code of the error that stands in its place."""

    leaf: bytes = b""
    error: str = ""


class Leaves(msgspec.Struct, frozen=True):
    """In the order asked for; valid while the shared counter shows ``generation``."""

    generation: int
    leaves: tuple[LeafReply, ...]


class ResolveRequest(msgspec.Struct, frozen=True):
    """``resolve`` -> Resolution; also makes item keys: one round trip at call setup."""

    tenant: UUID
    identifiers: tuple[Identifier, ...] = ()
    items: tuple[NewItem, ...] = ()
    seal: tuple[Bucket, ...] = ()
    """Give the leaf of each person in each of these buckets too, to seal with."""


def resolved_refs(request: ResolveRequest, persons: Sequence[UUID]) -> tuple[LeafRef, ...]:
    """The leaves that a reply gives, in its order: of each person in each bucket, then of each
    item that named a bucket."""
    of_persons = [LeafRef(bucket, person) for person in persons for bucket in request.seal]
    of_items = [LeafRef(item.bucket, None, (item.id,)) for item in request.items if item.bucket]
    return tuple(dict.fromkeys(of_persons + of_items))


class Resolution(msgspec.Struct, frozen=True):
    """The person of each identifier, and the leaves of ``resolved_refs``."""

    persons: tuple[Resolved, ...]
    leaves: Leaves


class FindRequest(msgspec.Struct, frozen=True):
    """``find`` -> list of Resolved or None. Makes nothing."""

    tenant: UUID
    identifiers: tuple[Identifier, ...]


class ReassignRequest(msgspec.Struct, frozen=True):
    """``reassign`` -> Resolved."""

    tenant: UUID
    identifier: Identifier


class DestroyRequest(msgspec.Struct, frozen=True):
    """``destroy`` -> Destroyed, when nobody can use the keys any more."""

    tenant: UUID
    actor: str
    destruction: Destruction


class Destroyed(msgspec.Struct, frozen=True):
    """How many leaves a legal hold kept, and the counter after it."""

    escrowed: int
    generation: int


class StateRequest(msgspec.Struct, frozen=True):
    """``state`` -> Destroyed. ``remains`` of the state is ignored."""

    tenant: UUID
    person: UUID
    state: SubjectState


class ChoiceRequest(msgspec.Struct, frozen=True):
    """``choose`` -> Destroyed. What a person chose, all of it or nothing: the rest of their state
    stays. ``objects`` are the ids that the audit record names."""

    tenant: UUID
    person: UUID
    change: StateChange
    actor: str
    listed: tuple[str, ...] = ()
    """Suppression lists that their identifier is put on."""
    unlisted: tuple[str, ...] = ()
    """Those that it is taken from."""
    objects: tuple[str, ...] = ()


class HoldRequest(msgspec.Struct, frozen=True):
    """``hold`` -> None; ``release`` (without refs) -> Destroyed."""

    tenant: UUID
    hold: UUID
    refs: tuple[LeafRef, ...] = ()


class OrphansRequest(msgspec.Struct, frozen=True):
    """``orphans`` -> list of Candidate."""

    limit: int = 1000


class SettleRequest(msgspec.Struct, frozen=True):
    """``settle`` -> Destroyed. What the database knows, and what it does not."""

    known: tuple[Candidate, ...] = ()
    orphans: tuple[Candidate, ...] = ()


class JournalRequest(msgspec.Struct, frozen=True):
    """``journal`` -> list of JournalEntry after a sequence number."""

    after: int = 0
    limit: int = 1000


class IdentifierRequest(msgspec.Struct, frozen=True):
    """``identifier`` -> Identifier. What a person is known by, for ``rights`` or ``legal`` only."""

    tenant: UUID
    person: UUID
    purpose: str
    actor: str


class SuppressionRequest(msgspec.Struct, frozen=True):
    """``suppress`` and ``unsuppress`` -> None; ``suppressed`` -> list of bool."""

    tenant: UUID
    suppression_list: str
    identifiers: tuple[Identifier, ...]


class LinkRequest(msgspec.Struct, frozen=True):
    """``link`` -> None. Persons who were verified to be one subject."""

    tenant: UUID
    subject: UUID
    persons: tuple[UUID, ...]


class SubjectRequest(msgspec.Struct, frozen=True):
    """``subject_of`` (of a person) -> id or None; ``persons_of`` (of a subject) -> list of ids."""

    tenant: UUID
    id: UUID


class RotateRequest(msgspec.Struct, frozen=True):
    """``rotate`` -> generation of the shard, after it got a new key."""

    shard: int


class RerootRequest(msgspec.Struct, frozen=True):
    """``reroot`` -> how many keys were wrapped anew: under the new root key (base64) too."""

    root_key: str


class BackupRequest(msgspec.Struct, frozen=True):
    """``backup`` -> size in bytes of the copy in a new file."""

    path: str


class Status(msgspec.Struct, frozen=True):
    """``status`` (body None)."""

    keys: int
    tombstones: int
    unconfirmed: int
    stale_shards: int
    contradictions: int
    """Names alive and tombstoned: not zero is an alarm."""
    root_keys: int
    """Two while the store is moved to another root key: until ``keys`` is started with it."""
    generation: int
    clients: int
    leases: int
    """Clients, also vanished ones, that may still use a leaf: whom a destruction would wait for."""


class Invalidate(msgspec.Struct, frozen=True):
    """Notification ``invalidate`` to clients, answered by the notification ``ack``: forget every
    leaf granted before this generation."""

    generation: int


class UseRecord(msgspec.Struct, frozen=True):
    """One use of keys, for the audit trail. No personal value stands in it."""

    at: int
    """Microseconds since the Unix epoch."""
    credential: str
    actor: str
    tenant: UUID
    action: str
    purpose: str
    objects: tuple[str, ...]
    outcome: str
    """``ok``, or the code of the first error."""
