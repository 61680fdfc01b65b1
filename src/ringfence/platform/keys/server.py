"""Serves the key store on a Unix socket, in batches, to clients that prove who they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys import (
    erasure,
    holds,
    links,
    names,
    orphans,
    persons,
    reading,
    rotation,
    subjects,
    suppression,
)
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.access import Session, authenticate
from ringfence.platform.keys.backup import copy_store
from ringfence.platform.keys.errors import Refused, UnfitName
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.owner import StoreOwner
from ringfence.platform.keys.roots import RootKeys, root_key_from_text
from ringfence.platform.keys.slots import SHARDS
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.keys.subjects import SubjectState
from ringfence.platform.rpc import Connection, RpcServer

LEASE_SECONDS = 60.0
Audit = Callable[[m.UseRecord], None]


class KeyServer:
    """Answers requests, and returns from a destruction only when no client can use what died."""

    def __init__(
        self,
        socket: Path,
        store: KeyStore,
        generation: GenerationWriter,
        secrets: Mapping[str, str],
        clock: Clock,
        audit: Audit,
        *,
        lease_seconds: float = LEASE_SECONDS,
        roots: RootKeys | None = None,
    ) -> None:
        self.owner = StoreOwner(store)
        self._clock = clock
        self._generation = generation
        self._secrets = secrets
        self._audit = audit
        self._lease = lease_seconds
        self._roots = roots
        self._sessions: dict[Connection, Session] = {}
        self._gone: list[Session] = []
        self._acked = asyncio.Event()
        # an earlier run may have granted leases to clients that did not come back yet
        self._foreign_until = clock.monotonic() + lease_seconds if generation.found else 0.0
        self._rpc = RpcServer(socket, on_disconnect=self._disconnected)
        self._rpc.register("hello", m.Hello, self._hello)
        self._rpc.register("ack", m.Invalidate, self._ack)
        self._rpc.register("goodbye", None, self._goodbye)
        for name, request, handler in (
            ("leaves", m.LeavesRequest, self._leaves),
            ("resolve", m.ResolveRequest, self._resolve),
            ("find", m.FindRequest, self._find),
            ("reassign", m.ReassignRequest, self._reassign),
            ("destroy", m.DestroyRequest, self._destroy),
            ("state", m.StateRequest, self._state),
            ("choose", m.ChoiceRequest, self._choose),
            ("hold", m.HoldRequest, self._hold),
            ("release", m.HoldRequest, self._release),
            ("orphans", m.OrphansRequest, self._orphans),
            ("settle", m.SettleRequest, self._settle),
            ("journal", m.JournalRequest, self._journal),
            ("identifier", m.IdentifierRequest, self._identifier),
            ("suppress", m.SuppressionRequest, self._suppress),
            ("unsuppress", m.SuppressionRequest, self._unsuppress),
            ("suppressed", m.SuppressionRequest, self._suppressed),
            ("link", m.LinkRequest, self._link),
            ("subject_of", m.SubjectRequest, self._subject_of),
            ("persons_of", m.SubjectRequest, self._persons_of),
            ("rotate", m.RotateRequest, self._rotate),
            ("reroot", m.RerootRequest, self._reroot),
            ("backup", m.BackupRequest, self._backup),
            ("status", None, self._status),
        ):
            self._rpc.register(name, request, self._guarded(name, handler))

    async def start(self) -> None:
        await self._rpc.start()

    async def stop(self) -> None:
        """Stop answering, then close the store."""
        await self._rpc.stop()
        await self.owner.close()

    # --- connections

    def _hello(self, request: m.Hello, connection: Connection) -> m.Welcome:
        session = authenticate(self._secrets, request.credential, request.secret)
        self._disconnected(connection)  # what an earlier introduction was granted is waited for
        self._sessions[connection] = session
        return m.Welcome(self._lease)

    def _ack(self, request: m.Invalidate, connection: Connection) -> None:
        session = self._sessions.get(connection)
        if session is not None:
            session.acknowledged = max(session.acknowledged, request.generation)
            self._acked.set()

    def _goodbye(self, request: None, connection: Connection) -> None:
        """The client of this connection holds no leaf any more; it names no other."""
        session = self._sessions.pop(connection, None)
        if session is None:
            raise Refused("say hello first")
        session.leave()
        self._acked.set()

    def _disconnected(self, connection: Connection) -> None:
        session = self._sessions.pop(connection, None)
        if session is not None:  # it may go on using what it holds
            session.ended = True
            now = self._clock.monotonic()
            self._gone = [item for item in self._gone if item.lease_until > now] + [session]

    def _guarded(self, name: str, handler: Callable[[Any, Session], Any]) -> Any:
        def handle(request: Any, connection: Connection) -> Any:
            session = self._sessions.get(connection)
            if session is None:
                raise Refused("say hello first")
            session.may(name)
            return handler(request, session)

        return handle

    # --- leaves

    async def _leaves(self, request: m.LeavesRequest, session: Session) -> m.Leaves:
        try:
            session.may_have(request, self._clock.now())
        except Refused as error:
            self._use(session, request, error.code)
            raise
        generation = self._generation.value  # before reading: a key that dies meanwhile is noticed
        replies = await self.owner.run(lambda store: reading.read_leaves(store, request))
        session.lend_until(self._clock.monotonic() + self._lease)
        outcome = next((reply.error for reply in replies if reply.error), "ok")
        if request.purpose != m.SEAL or outcome == Refused.code:
            self._use(session, request, outcome)
        return m.Leaves(generation, tuple(replies))

    def _use(self, session: Session, request: m.LeavesRequest, outcome: str) -> None:
        action = m.SEAL if request.purpose == m.SEAL else "grant"
        self._record(
            session, request.tenant, request.actor, action, request.purpose, request.objects,
            outcome,
        )  # fmt: skip

    def _record(
        self,
        session: Session,
        tenant: UUID,
        actor: str,
        action: str,
        purpose: str = "",
        objects: tuple[str, ...] = (),
        outcome: str = "ok",
    ) -> None:
        record = m.UseRecord(
            self._clock.micros(), session.credential, actor, tenant, action, purpose, objects,
            outcome,
        )  # fmt: skip
        self._audit(record)

    # --- persons

    async def _resolve(self, request: m.ResolveRequest, session: Session) -> m.Resolution:
        session.may_resolve(request, self._clock.now())
        generation = self._generation.value
        found, replies = await self.owner.run(lambda store: reading.resolve(store, request))
        if replies:
            session.lend_until(self._clock.monotonic() + self._lease)
        for resolved in found:
            session.takes_part(resolved.person)
        for item in request.items:
            session.takes_part(item.id)
        return m.Resolution(tuple(found), m.Leaves(generation, tuple(replies)))

    async def _find(
        self, request: m.FindRequest, session: Session
    ) -> list[persons.Resolved | None]:
        return await self.owner.run(
            lambda store: [
                persons.find(store, request.tenant, identifier)
                for identifier in request.identifiers
            ]
        )

    async def _reassign(self, request: m.ReassignRequest, session: Session) -> persons.Resolved:
        return await self.owner.run(
            lambda store: persons.reassign(store, request.tenant, request.identifier)
        )

    async def _state(self, request: m.StateRequest, session: Session) -> m.Destroyed:
        def work(store: KeyStore) -> None:
            name = names.state_name(request.tenant, request.person)
            remains = subjects.read_state(store, name).remains
            given = request.state
            state = SubjectState(given.restricted, given.consents, given.objections, remains)
            subjects.write_state(store, name, state)

        await self.owner.run(work)
        return m.Destroyed(0, await self._invalidate())

    async def _choose(self, request: m.ChoiceRequest, session: Session) -> m.Destroyed:
        """Raises KeyDestroyed for an erased person, KeyUnknown where there never was one."""
        await self.owner.run(lambda store: reading.choose(store, request))
        if request.unlisted:
            await self.owner.rotate()
        self._record(session, request.tenant, request.actor, "choose", objects=request.objects)
        forbids = request.change.forbids
        return m.Destroyed(0, await self._invalidate() if forbids else self._generation.value)

    async def _identifier(
        self, request: m.IdentifierRequest, session: Session
    ) -> persons.Identifier:
        outcome = "ok"
        try:
            session.may_use(request.purpose)
            if request.purpose not in subjects.UNRESTRICTED_PURPOSES:
                raise Refused("an identifier is told for legal purposes and rights requests only")
            found = await self.owner.run(
                lambda store: persons.identifier_of(store, request.tenant, request.person)
            )
        except RingfenceError as error:
            outcome = error.code
            raise
        finally:
            self._record(
                session, request.tenant, request.actor, "identifier", request.purpose,
                (request.person.hex,), outcome,
            )  # fmt: skip
        return found or persons.Identifier("withheld")

    # --- suppression lists and subjects

    async def _suppress(self, request: m.SuppressionRequest, session: Session) -> None:
        await self.owner.run(
            lambda store: suppression.suppress(
                store, request.tenant, request.suppression_list, request.identifiers
            )
        )

    async def _unsuppress(self, request: m.SuppressionRequest, session: Session) -> None:
        await self.owner.run(
            lambda store: suppression.unsuppress(
                store, request.tenant, request.suppression_list, request.identifiers
            )
        )
        await self.owner.rotate()

    async def _suppressed(self, request: m.SuppressionRequest, session: Session) -> list[bool]:
        return await self.owner.run(
            lambda store: suppression.suppressed(
                store, request.tenant, request.suppression_list, request.identifiers
            )
        )

    async def _link(self, request: m.LinkRequest, session: Session) -> None:
        await self.owner.run(
            lambda store: links.link(store, request.tenant, request.subject, request.persons)
        )

    async def _subject_of(self, request: m.SubjectRequest, session: Session) -> UUID | None:
        return await self.owner.run(
            lambda store: links.subject_of(store, request.tenant, request.id)
        )

    async def _persons_of(self, request: m.SubjectRequest, session: Session) -> list[UUID]:
        return await self.owner.run(
            lambda store: links.persons_of(store, request.tenant, request.id)
        )

    # --- destruction

    async def _destroy(self, request: m.DestroyRequest, session: Session) -> m.Destroyed:
        escrowed = await self.owner.run(
            lambda store: erasure.condemn(store, request.tenant, request.destruction)
        )
        if request.destruction.everything:
            await self._condemn_rest(request.tenant)
        generation = await self._complete()
        died = request.destruction
        objects = (
            *(item.person.hex for item in died.persons),
            *(item.hex for item in died.items),
            *(f"{item.category}/{item.rule}/{item.day or item.account}" for item in died.buckets),
            *(["everything"] if died.everything else []),
        )
        self._record(session, request.tenant, request.actor, "destroy", objects=objects)
        return m.Destroyed(escrowed, generation)

    async def _condemn_rest(self, tenant: UUID) -> None:
        at: tuple[int, bytes] | None = (-1, b"")
        while at is not None:
            at = await self.owner.run(partial(erasure.condemn_rest, tenant=tenant, after=at))

    async def _hold(self, request: m.HoldRequest, session: Session) -> None:
        await self.owner.run(
            lambda store: holds.place(store, request.tenant, request.hold, request.refs)
        )

    async def _release(self, request: m.HoldRequest, session: Session) -> m.Destroyed:
        await self.owner.run(lambda store: holds.release(store, request.tenant, request.hold))
        return m.Destroyed(0, await self._complete())

    async def _orphans(
        self, request: m.OrphansRequest, session: Session
    ) -> list[orphans.Candidate]:
        return await self.owner.run(lambda store: orphans.candidates(store, request.limit))

    async def _settle(self, request: m.SettleRequest, session: Session) -> m.Destroyed:
        count = await self.owner.run(
            lambda store: orphans.settle(store, request.known, request.orphans)
        )
        return m.Destroyed(0, await self._complete() if count else self._generation.value)

    async def _journal(
        self, request: m.JournalRequest, session: Session
    ) -> list[erasure.JournalEntry]:
        return await self.owner.run(
            lambda store: erasure.journal(store, request.after, request.limit)
        )

    async def _status(self, request: None, session: Session) -> m.Status:
        counts = await self.owner.run(reading.count)
        root_keys = 1 if self._roots is None else self._roots.count
        clients, now = len(self._sessions), self._clock.monotonic()
        leases = sum(one.lease_until > now for one in [*self._sessions.values(), *self._gone])
        return m.Status(*counts, root_keys, self._generation.value, clients, leases)

    # --- upkeep

    async def _rotate(self, request: m.RotateRequest, session: Session) -> int:
        if not 0 <= request.shard < SHARDS:
            raise UnfitName("no such shard")

        def work(store: KeyStore) -> int:
            rotation.rotate_shard(store, request.shard)
            return store.shards[request.shard].generation

        return await self.owner.alone(work)

    async def _reroot(self, request: m.RerootRequest, session: Session) -> int:
        roots = self._roots
        if roots is None:
            raise UnfitName("this root key is not one that can be changed here")
        roots.add(root_key_from_text(request.root_key, "the new root key"))
        return await self.owner.alone(lambda store: rotation.rewrap_roots(store, roots))

    async def _backup(self, request: m.BackupRequest, session: Session) -> int:
        try:
            return await asyncio.to_thread(copy_store, self.owner.path, Path(request.path))
        except OSError as error:
            raise UnfitName(f"the backup cannot be written: {error.strerror or error}") from None

    async def _complete(self) -> int:
        """Destroy what is condemned, and wait until no client can use it."""
        invalidated = asyncio.ensure_future(self._invalidate())
        try:
            await self.owner.rotate()
            return await invalidated
        finally:
            invalidated.cancel()

    async def _invalidate(self) -> int:
        """Return when each client acknowledged or said goodbye, or its lease ran out."""
        generation = self._generation.bump()
        granted = [*self._sessions.values(), *self._gone]
        deadlines = {session: session.lease_until for session in granted}
        for connection in self._sessions:
            connection.notify("invalidate", m.Invalidate(generation))
        while True:
            now = self._clock.monotonic()
            open_until = [
                until
                for session, until in deadlines.items()
                if not session.left and session.acknowledged < generation and until > now
            ]
            if self._foreign_until > now:
                open_until.append(self._foreign_until)
            if not open_until:
                return generation
            self._acked.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._acked.wait(), min(open_until) - now + 0.001)
