"""Client of the process ``keys``: asks for leaves in batches, seals and opens with them here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.keys import crypto
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, JournalEntry
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown, Refused, UnfitName, Unreadable
from ringfence.platform.keys.generation import GenerationReader
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.objects import Leaf
from ringfence.platform.keys.orphans import Candidate
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved
from ringfence.platform.keys.subjects import StateChange, SubjectState
from ringfence.platform.rpc import RpcClient, RpcError

MAX_LEAVES = 100_000
_SECONDS = 5.0
_ATTEMPTS = 20
_DESTROY_SECONDS = 300.0
_GOODBYE_SECONDS = 1.0
_ERRORS = {
    error.code: error for error in (KeyDestroyed, KeyUnknown, Refused, UnfitName, Unreadable)
}
T = TypeVar("T")


class Value(msgspec.Struct, frozen=True):
    """A sealed or clear value, where it stands and what its leaf is derived from."""

    ref: LeafRef
    place: Place
    data: bytes


class _Cached(msgspec.Struct, frozen=True):
    leaf: bytes
    until: float
    generation: int


class KeyClient:
    """One per process and credential. Leaves stay here for a lease, and no longer than the shared
    counter stands still. Raises Unavailable while ``keys`` cannot be reached."""

    def __init__(
        self,
        socket: Path,
        generation: Path,
        credential: str,
        secret: str,
        clock: Clock,
        audit: Callable[[m.UseRecord], None],
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._credential = credential
        self._hello = m.Hello(credential, secret)
        self._generation_path = generation
        self._generation: GenerationReader | None = None
        self._lease = 0.0
        self._leaves: dict[tuple[UUID, str, UUID | None, LeafRef], _Cached] = {}
        self._welcome: asyncio.Task[None] | None = None
        self._closing = False
        self._up = asyncio.Event()
        self._rpc = RpcClient(socket, on_connect=self._connected, on_disconnect=self._up.clear)
        self._rpc.on_notify("invalidate", m.Invalidate, self._invalidate)

    def start(self) -> None:
        """Connect in the background and stay connected."""
        self._rpc.start()

    async def stop(self) -> None:
        """Forget every leaf, take no other, and say goodbye: no destruction waits for this client.

        Where ``keys`` does not hear it, its lease is waited out."""
        self._closing = True
        self._leaves.clear()
        try:
            if self._rpc.connected and self._is_welcome():
                with contextlib.suppress(RpcError, Unavailable):
                    await self._rpc.call("goodbye", None, type(None), timeout=_GOODBYE_SECONDS)
        finally:
            if self._welcome is not None:
                self._welcome.cancel()
            await self._rpc.stop()
            self._generation = None  # other threads may be reading it

    def forked(self) -> None:
        """In a forked child: its parent's leaves are not for it."""
        self._closing = True
        self._leaves.clear()

    # --- values

    async def seal(
        self, tenant: UUID, values: Sequence[Value], *, actor: str, objects: Sequence[str] = ()
    ) -> list[bytes]:
        """Seal values, asking at most once for the leaves that are missing.

        Raises KeyDestroyed, KeyUnknown or Refused when any of them cannot be sealed.
        """
        keys = await self.leaves(
            tenant, m.SEAL, [value.ref for value in values], actor=actor, objects=objects
        )
        return seal_values(keys, values)

    async def open(
        self,
        tenant: UUID,
        purpose: str,
        values: Sequence[Value],
        *,
        actor: str,
        objects: Sequence[str] = (),
        hold: UUID | None = None,
    ) -> list[bytes | RingfenceError]:
        """Open values for a purpose: each one's clear text, or why that one does not open.

        Raises Refused when the credential may not claim the purpose.
        """
        refs = [value.ref for value in values]
        keys = await self.leaves(tenant, purpose, refs, actor=actor, objects=objects, hold=hold)
        return open_values(keys, values)

    async def object_leaf(
        self, tenant: UUID, purpose: str, ref: LeafRef, place: Place, *, actor: str
    ) -> Leaf:
        """What ``objects.Sealer`` (purpose SEAL) and ``objects.open_object`` need."""
        keys = await self.leaves(tenant, purpose, [ref], actor=actor, objects=[place.row.hex])
        return Leaf(given(keys[ref]), place)

    def sealing_leaf(self, tenant: UUID, ref: LeafRef) -> bytes | None:
        """The leaf to seal with at once; None when it must be asked for."""
        known = self.known(tenant, m.SEAL, None, (ref,)).get(ref)
        return known if isinstance(known, bytes) else None

    async def leaves(
        self,
        tenant: UUID,
        purpose: str,
        refs: Iterable[LeafRef],
        *,
        actor: str,
        objects: Sequence[str] = (),
        hold: UUID | None = None,
    ) -> dict[LeafRef, bytes | RingfenceError]:
        """The leaves for a purpose, or why one is not given. To be used at once, not kept."""
        wanted = tuple(dict.fromkeys(refs))
        try:
            keys = await self._leaves_of(tenant, purpose, wanted, actor, tuple(objects), hold)
        except Refused as error:
            self.record(tenant, purpose, actor, objects, [error])
            raise
        self.record(tenant, purpose, actor, objects, keys.values())
        return keys

    async def _leaves_of(
        self,
        tenant: UUID,
        purpose: str,
        wanted: tuple[LeafRef, ...],
        actor: str,
        objects: tuple[str, ...],
        hold: UUID | None,
    ) -> dict[LeafRef, bytes | RingfenceError]:
        errors: dict[LeafRef, bytes | RingfenceError] = {}
        for _ in range(_ATTEMPTS):
            known = errors | self.known(tenant, purpose, hold, wanted)
            missing = tuple(ref for ref in wanted if ref not in known)
            if not missing:
                return known
            request = m.LeavesRequest(tenant, purpose, actor, missing, objects, hold)
            asked = self._clock.monotonic()
            reply = await self._call("leaves", request, m.Leaves, _SECONDS)
            errors |= self._take((tenant, purpose, hold), missing, reply, asked)
        raise Unavailable("keys are destroyed faster than they can be asked for")

    def _take(
        self,
        use: tuple[UUID, str, UUID | None],
        refs: Sequence[LeafRef],
        reply: m.Leaves,
        asked: float,
    ) -> dict[LeafRef, bytes | RingfenceError]:
        """Keep the leaves of a reply for a lease from ``asked``; returns what stands for others.

        Raises Unavailable when the client is closed: it said that it would keep nothing."""
        self._check_open()
        errors: dict[LeafRef, bytes | RingfenceError] = {}
        for ref, item in zip(refs, reply.leaves, strict=True):
            if item.error:
                errors[ref] = _error(item.error)
            else:
                entry = _Cached(item.leaf, asked + self._lease, reply.generation)
                self._remember((*use, ref), entry)
        return errors

    def known(
        self, tenant: UUID, purpose: str, hold: UUID | None, refs: Iterable[LeafRef]
    ) -> dict[LeafRef, bytes | RingfenceError]:
        """Those of the leaves that need not be asked for. From any thread."""
        now, generation = self._clock.monotonic(), self._current_generation()
        found: dict[LeafRef, bytes | RingfenceError] = {}
        for ref in refs:
            entry = self._leaves.get((tenant, purpose, hold, ref))
            if entry is not None and entry.generation == generation and now < entry.until:
                found[ref] = entry.leaf
        return found

    def _remember(self, key: tuple[UUID, str, UUID | None, LeafRef], entry: _Cached) -> None:
        if len(self._leaves) >= MAX_LEAVES:
            self._leaves.clear()
        self._leaves[key] = entry

    def record(
        self,
        tenant: UUID,
        purpose: str,
        actor: str,
        objects: Sequence[str],
        outcomes: Iterable[bytes | RingfenceError],
    ) -> None:
        """Tell the audit callback of an opening, or of a sealing that was refused."""
        error = next((item.code for item in outcomes if isinstance(item, RingfenceError)), "ok")
        sealing = purpose == m.SEAL
        if sealing and error != Refused.code:
            return
        self.tell(tenant, m.SEAL if sealing else "open", purpose, actor, objects, error)

    def tell(
        self,
        tenant: UUID,
        action: str,
        purpose: str,
        actor: str,
        objects: Sequence[str],
        outcome: str,
    ) -> None:
        """Tell the audit callback of a use. From any thread."""
        record = m.UseRecord(
            self._clock.micros(), self._credential, actor, tenant, action, purpose,
            tuple(objects), outcome,
        )  # fmt: skip
        self._audit(record)

    # --- everything else

    async def resolve(
        self,
        tenant: UUID,
        identifiers: Sequence[Identifier],
        items: Sequence[NewItem] = (),
        *,
        seal: Sequence[Bucket] = (),
    ) -> list[Resolved]:
        """The persons of a call and the keys of its items, durable: one round trip.

        It also brings, for ``sealing_leaf``, the leaf of each person in each bucket of ``seal``
        and that of each item that names a bucket; one that is destroyed does not come. Raises
        KeyDestroyed for an item that was destroyed, Refused for a bucket that the credential may
        not seal in.
        """
        request = m.ResolveRequest(tenant, tuple(identifiers), tuple(items), tuple(seal))
        asked = self._clock.monotonic()
        reply = await self._call("resolve", request, m.Resolution, _SECONDS)
        refs = m.resolved_refs(request, [item.person for item in reply.persons])
        self._take((tenant, m.SEAL, None), refs, reply.leaves, asked)
        return list(reply.persons)

    async def find(
        self,
        tenant: UUID,
        identifiers: Sequence[Identifier],
        *,
        purpose: str = "",
        actor: str = "system",
    ) -> list[Resolved | None]:
        """The persons that identifiers mean now. Makes nothing; recorded without identifiers."""
        request = m.FindRequest(tenant, tuple(identifiers))
        try:
            found = await self._call("find", request, list[Resolved | None], _SECONDS)
        except Refused as error:
            self.tell(tenant, "find", purpose, actor, (), error.code)
            raise
        self.tell(tenant, "find", purpose, actor, (), "ok")
        return found

    async def destroy(self, tenant: UUID, destruction: Destruction, *, actor: str) -> m.Destroyed:
        """Returns when the keys are destroyed and no client can use them any more."""
        request = m.DestroyRequest(tenant, actor, destruction)
        return await self._call("destroy", request, m.Destroyed, _DESTROY_SECONDS)

    async def set_state(self, tenant: UUID, person: UUID, state: SubjectState) -> m.Destroyed:
        """Returns when no client can use what the new state forbids."""
        request = m.StateRequest(tenant, person, state)
        return await self._call("state", request, m.Destroyed, _DESTROY_SECONDS)

    async def choose(
        self,
        tenant: UUID,
        person: UUID,
        change: StateChange,
        *,
        actor: str,
        listed: Sequence[str] = (),
        unlisted: Sequence[str] = (),
        objects: Sequence[str] = (),
    ) -> m.Destroyed:
        """Change some of a person's choices and the suppression lists that they are on; returns
        when no client can use what is forbidden now. Raises KeyDestroyed, KeyUnknown."""
        request = m.ChoiceRequest(
            tenant, person, change, actor, tuple(listed), tuple(unlisted), tuple(objects)
        )
        return await self._call("choose", request, m.Destroyed, _DESTROY_SECONDS)

    async def reassign(self, tenant: UUID, identifier: Identifier) -> Resolved:
        """Begin a new tenure: the identifier means somebody else from now on."""
        return await self._call(
            "reassign", m.ReassignRequest(tenant, identifier), Resolved, _SECONDS
        )

    async def hold(self, tenant: UUID, hold: UUID, refs: Sequence[LeafRef]) -> None:
        """Begin a legal hold, or let it cover more."""
        request = m.HoldRequest(tenant, hold, tuple(refs))
        await self._call("hold", request, type(None), _DESTROY_SECONDS)

    async def release(self, tenant: UUID, hold: UUID) -> m.Destroyed:
        """End a hold: what it alone kept is destroyed."""
        request = m.HoldRequest(tenant, hold)
        return await self._call("release", request, m.Destroyed, _DESTROY_SECONDS)

    async def orphans(self, limit: int = 1000) -> list[Candidate]:
        """Persons and items that nobody confirmed for a day, oldest first."""
        request = m.OrphansRequest(limit)
        return await self._call("orphans", request, list[Candidate], _DESTROY_SECONDS)

    async def settle(
        self, known: Sequence[Candidate] = (), orphans: Sequence[Candidate] = ()
    ) -> m.Destroyed:
        """Confirm what the database knows; destroy what it does not."""
        request = m.SettleRequest(tuple(known), tuple(orphans))
        return await self._call("settle", request, m.Destroyed, _DESTROY_SECONDS)

    async def journal(self, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
        """Destructions in their order, after a sequence number."""
        request = m.JournalRequest(after, limit)
        return await self._call("journal", request, list[JournalEntry], _DESTROY_SECONDS)

    async def person_identifier(
        self, tenant: UUID, person: UUID, purpose: str, *, actor: str
    ) -> Identifier:
        """What a person is known by; for ``rights`` and ``legal`` only, always recorded.

        Raises KeyDestroyed for an erased person, KeyUnknown, Refused.
        """
        request = m.IdentifierRequest(tenant, person, purpose, actor)
        return await self._call("identifier", request, Identifier, _SECONDS)

    async def suppress(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> None:
        """Put identifiers on a list that outlives every erasure."""
        request = m.SuppressionRequest(tenant, suppression_list, tuple(identifiers))
        await self._call("suppress", request, type(None), _SECONDS)

    async def unsuppress(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> None:
        """Take identifiers from a list."""
        request = m.SuppressionRequest(tenant, suppression_list, tuple(identifiers))
        await self._call("unsuppress", request, type(None), _DESTROY_SECONDS)

    async def is_suppressed(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> list[bool]:
        """Which of the identifiers stand on a list."""
        request = m.SuppressionRequest(tenant, suppression_list, tuple(identifiers))
        return await self._call("suppressed", request, list[bool], _SECONDS)

    async def link_subject(self, tenant: UUID, subject: UUID, persons: Sequence[UUID]) -> None:
        """Add persons to a verified subject; one of another subject moves."""
        request = m.LinkRequest(tenant, subject, tuple(persons))
        await self._call("link", request, type(None), _SECONDS)

    async def subject_of(self, tenant: UUID, person: UUID) -> UUID | None:
        """The subject that a person was linked to, if any."""
        request = m.SubjectRequest(tenant, person)
        return await self._call("subject_of", request, UUID | None, _SECONDS)  # type: ignore[arg-type]

    async def persons_of(self, tenant: UUID, subject: UUID) -> list[UUID]:
        """The living persons of a subject."""
        request = m.SubjectRequest(tenant, subject)
        return await self._call("persons_of", request, list[UUID], _SECONDS)

    async def backup(self, path: Path) -> int:
        """Have the store copied to a new file of mode 0600; its size in bytes."""
        return await self._call("backup", m.BackupRequest(str(path)), int, _DESTROY_SECONDS)

    async def call(
        self, name: str, request: object, reply: type[T], *, seconds: float = _DESTROY_SECONDS
    ) -> T:
        """Any other request of ``messages``. Raises its error, RpcError or Unavailable."""
        return await self._call(name, request, reply, seconds)

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable("this client of keys is closed")

    async def _call(self, name: str, request: object, reply: type[T], seconds: float) -> T:
        self._check_open()
        try:
            async with asyncio.timeout(seconds):
                await self._up.wait()
                await asyncio.shield(self._welcomed())
        except TimeoutError:
            raise Unavailable("the process keys cannot be reached") from None
        try:
            return await self._rpc.call(name, request, reply, timeout=seconds)
        except RpcError as error:
            raise _error(error.code, error.message) from None

    # --- connection

    def _connected(self) -> None:
        if self._closing:
            return
        self._welcome = None
        self._welcomed()
        self._up.set()

    def _welcomed(self) -> asyncio.Task[None]:
        """The introduction on this connection; a new one where the last one failed."""
        known = self._welcome
        if known is not None and (not known.done() or self._is_welcome()):
            return known
        task = self._welcome = asyncio.ensure_future(self._introduce())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def _is_welcome(self) -> bool:
        known = self._welcome
        if known is None or not known.done() or known.cancelled():
            return False
        return known.exception() is None

    async def _introduce(self) -> None:
        try:
            welcome = await self._rpc.call("hello", self._hello, m.Welcome, timeout=_SECONDS)
        except RpcError as error:
            raise _error(error.code, error.message) from None
        self._lease = welcome.lease_seconds
        self._generation = GenerationReader(self._generation_path)

    def _current_generation(self) -> int:
        return -1 if self._generation is None else self._generation.value

    def _invalidate(self, message: m.Invalidate) -> None:
        self._leaves.clear()
        self._rpc.notify("ack", message)


def _error(code: str, message: str = "") -> RingfenceError:
    kind = _ERRORS.get(code)
    if kind is not None:
        return kind(message or "the key is not given")
    return RpcError(code, message or "the key is not given")


def given(item: bytes | RingfenceError) -> bytes:
    """The leaf. Raises what stands in its place."""
    if isinstance(item, RingfenceError):
        raise item
    return item


def seal_values(
    keys: Mapping[LeafRef, bytes | RingfenceError], values: Sequence[Value]
) -> list[bytes]:
    """Seal values with the leaves that ``leaves`` gave. Raises what stands in a leaf's place."""
    return [crypto.seal(given(keys[value.ref]), value.place, value.data) for value in values]


def open_values(
    keys: Mapping[LeafRef, bytes | RingfenceError], values: Sequence[Value]
) -> list[bytes | RingfenceError]:
    """Each value's clear text, or why that one does not open."""
    return [_open(keys[value.ref], value) for value in values]


def _open(leaf: bytes | RingfenceError, value: Value) -> bytes | RingfenceError:
    if isinstance(leaf, RingfenceError):
        return leaf
    try:
        return crypto.open_sealed(leaf, value.place, value.data)
    except Unreadable as error:
        return error
