"""The client of the process ``keys`` for code that blocks, from any thread."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.client import KeyClient, Value, given, open_values, seal_values
from ringfence.platform.keys.connect import key_client
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.erasure import Destruction, JournalEntry
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.objects import Leaf
from ringfence.platform.keys.orphans import Candidate
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved
from ringfence.platform.keys.subjects import StateChange, SubjectState
from ringfence.platform.settings import Settings

T = TypeVar("T")
Ask = Callable[[KeyClient], Coroutine[Any, Any, T]]


class BlockingKeys:
    """Methods and errors of ``KeyClient``, for any thread that is no event loop.

    Connects at the first use. Leaves that are known are used in the calling thread; everything else
    is asked in a thread of its own. A forked child begins anew.
    """

    def __init__(
        self,
        settings: Settings,
        credential: str,
        clock: Clock,
        audit: Callable[[m.UseRecord], None] | None = None,
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._clock = clock
        self._audit = audit if audit is not None else AuditSpool(settings, credential)
        self._lock = threading.Lock()
        self._running: _Running | None = None
        _instances.add(self)

    def close(self) -> None:
        """Forget every leaf and say goodbye to ``keys``; a later use connects again."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.stop()

    # --- values

    def seal(
        self, tenant: UUID, values: Sequence[Value], *, actor: str, objects: Sequence[str] = ()
    ) -> list[bytes]:
        """Seal values, asking at most once for the leaves that are missing.

        Raises KeyDestroyed, KeyUnknown or Refused when any of them cannot be sealed.
        """
        refs = [value.ref for value in values]
        return seal_values(self.leaves(tenant, m.SEAL, refs, actor=actor, objects=objects), values)

    def open(
        self,
        tenant: UUID,
        purpose: str,
        values: Sequence[Value],
        *,
        actor: str,
        objects: Sequence[str] = (),
        hold: UUID | None = None,
    ) -> list[bytes | RingfenceError]:
        """Each value's clear text, or why that one does not open.

        Raises Refused when the credential may not claim the purpose.
        """
        refs = [value.ref for value in values]
        keys = self.leaves(tenant, purpose, refs, actor=actor, objects=objects, hold=hold)
        return open_values(keys, values)

    def leaves(
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
        wanted = dict.fromkeys(refs)
        client = self._client().client
        known = client.known(tenant, purpose, hold, wanted)
        if len(known) == len(wanted):
            client.record(tenant, purpose, actor, objects, known.values())
            return known
        return self._ask(
            lambda client: client.leaves(
                tenant, purpose, wanted, actor=actor, objects=objects, hold=hold
            )
        )

    def has(self, tenant: UUID, purpose: str, refs: Collection[LeafRef]) -> bool:
        """Whether these leaves may still be used, without asking and without a record: a lease ran
        out, or something was destroyed, when not."""
        return len(self._client().client.known(tenant, purpose, None, refs)) == len(set(refs))

    def sealing_leaf(self, tenant: UUID, ref: LeafRef) -> bytes | None:
        """The leaf to seal with at once; None when it must be asked for."""
        return self._client().client.sealing_leaf(tenant, ref)

    def object_leaf(
        self, tenant: UUID, purpose: str, ref: LeafRef, place: Place, *, actor: str
    ) -> Leaf:
        """What ``objects.Sealer`` (purpose SEAL) and ``objects.open_object`` need."""
        keys = self.leaves(tenant, purpose, [ref], actor=actor, objects=[place.row.hex])
        return Leaf(given(keys[ref]), place)

    # --- everything else

    def resolve(
        self,
        tenant: UUID,
        identifiers: Sequence[Identifier],
        items: Sequence[NewItem] = (),
        *,
        seal: Sequence[Bucket] = (),
    ) -> list[Resolved]:
        """Persons, the keys of items and the leaves to seal with: one round trip."""
        return self._ask(lambda client: client.resolve(tenant, identifiers, items, seal=seal))

    def find(
        self,
        tenant: UUID,
        identifiers: Sequence[Identifier],
        *,
        purpose: str = "",
        actor: str = "system",
    ) -> list[Resolved | None]:
        """The persons that identifiers mean now. Makes nothing; recorded without identifiers."""
        return self._ask(
            lambda client: client.find(tenant, identifiers, purpose=purpose, actor=actor)
        )

    def refused(
        self, tenant: UUID, purpose: str, *, actor: str, objects: Sequence[str], outcome: str
    ) -> None:
        """Record a use that was refused before anything was asked of ``keys``."""
        self._client().client.tell(tenant, "open", purpose, actor, objects, outcome)

    def destroy(self, tenant: UUID, destruction: Destruction, *, actor: str) -> m.Destroyed:
        """Returns when the keys are destroyed and no client can use them any more."""
        return self._ask(lambda client: client.destroy(tenant, destruction, actor=actor))

    def set_state(self, tenant: UUID, person: UUID, state: SubjectState) -> m.Destroyed:
        """Returns when no client can use what the new state forbids."""
        return self._ask(lambda client: client.set_state(tenant, person, state))

    def choose(
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
        return self._ask(
            lambda client: client.choose(
                tenant, person, change,
                actor=actor, listed=listed, unlisted=unlisted, objects=objects,
            )
        )  # fmt: skip

    def reassign(self, tenant: UUID, identifier: Identifier) -> Resolved:
        """Begin a new tenure: the identifier means somebody else from now on."""
        return self._ask(lambda client: client.reassign(tenant, identifier))

    def hold(self, tenant: UUID, hold: UUID, refs: Sequence[LeafRef]) -> None:
        """Begin a legal hold, or let it cover more."""
        self._ask(lambda client: client.hold(tenant, hold, refs))

    def release(self, tenant: UUID, hold: UUID) -> m.Destroyed:
        """End a hold: what it alone kept is destroyed."""
        return self._ask(lambda client: client.release(tenant, hold))

    def orphans(self, limit: int = 1000) -> list[Candidate]:
        """Persons and items that nobody confirmed for a day, oldest first."""
        return self._ask(lambda client: client.orphans(limit))

    def settle(
        self, known: Sequence[Candidate] = (), orphans: Sequence[Candidate] = ()
    ) -> m.Destroyed:
        """Confirm what the database knows; destroy what it does not."""
        return self._ask(lambda client: client.settle(known, orphans))

    def journal(self, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
        """Destructions in their order, after a sequence number."""
        return self._ask(lambda client: client.journal(after, limit))

    def person_identifier(
        self, tenant: UUID, person: UUID, purpose: str, *, actor: str
    ) -> Identifier:
        """What a person is known by; for ``rights`` and ``legal`` only, always recorded."""
        return self._ask(
            lambda client: client.person_identifier(tenant, person, purpose, actor=actor)
        )

    def suppress(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> None:
        """Put identifiers on a list that outlives every erasure."""
        self._ask(lambda client: client.suppress(tenant, suppression_list, identifiers))

    def unsuppress(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> None:
        """Take identifiers from a list."""
        self._ask(lambda client: client.unsuppress(tenant, suppression_list, identifiers))

    def is_suppressed(
        self, tenant: UUID, suppression_list: str, identifiers: Sequence[Identifier]
    ) -> list[bool]:
        """Which of the identifiers stand on a list."""
        return self._ask(lambda client: client.is_suppressed(tenant, suppression_list, identifiers))

    def link_subject(self, tenant: UUID, subject: UUID, persons: Sequence[UUID]) -> None:
        """Add persons to a verified subject; one of another subject moves."""
        self._ask(lambda client: client.link_subject(tenant, subject, persons))

    def subject_of(self, tenant: UUID, person: UUID) -> UUID | None:
        """The subject that a person was linked to, if any."""
        return self._ask(lambda client: client.subject_of(tenant, person))

    def persons_of(self, tenant: UUID, subject: UUID) -> list[UUID]:
        """The living persons of a subject."""
        return self._ask(lambda client: client.persons_of(tenant, subject))

    def backup(self, path: Path) -> int:
        """Have the store copied to a new file of mode 0600; its size in bytes."""
        return self._ask(lambda client: client.backup(path))

    def call(self, name: str, request: object, reply: type[T]) -> T:
        """Any other request of ``messages``. Raises its error, RpcError or Unavailable."""
        return self._ask(lambda client: client.call(name, request, reply))

    def _ask(self, ask: Ask[T]) -> T:
        running = self._client()
        return asyncio.run_coroutine_threadsafe(ask(running.client), running.loop).result()

    def _client(self) -> _Running:
        running = self._running
        if running is None:
            with self._lock:
                running = self._running
                if running is None:
                    running = self._running = _Running(self._new_client)
        return running

    def _new_client(self) -> KeyClient:
        return key_client(self._settings, self._credential, self._clock, self._audit)

    def _forked(self) -> None:
        """In a forked child: the parent's thread is not here, its connection not ours."""
        if self._running is not None:
            self._running.client.forked()
            _inherited.append(self._running)  # collecting it would disturb nobody but warn
        self._running = None
        self._lock = threading.Lock()


class _Running:
    """A client and the thread of its event loop."""

    def __init__(self, build: Callable[[], KeyClient]) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="keys", daemon=True)
        self._thread.start()
        try:
            self.client = self._run(_started(build))
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        self._run(self.client.stop())
        self._end()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def _end(self) -> None:
        self._run(_settled())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _started(build: Callable[[], KeyClient]) -> KeyClient:
    client = build()
    client.start()
    return client


async def _settled() -> None:
    """Let everything that was cancelled come to its end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_instances: weakref.WeakSet[BlockingKeys] = weakref.WeakSet()
_inherited: list[_Running] = []


def _after_fork() -> None:
    for instance in _instances:
        instance._forked()


os.register_at_fork(after_in_child=_after_fork)
