"""The key store: rows by name, each wrapped under its tenant key and its shard key.

Blocking; used by one thread at a time. Only the process ``keys`` opens it.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ringfence.kernel.clock import Clock
from ringfence.platform.keys import crypto
from ringfence.platform.keys.errors import KeyDestroyed, StoreDamaged
from ringfence.platform.keys.names import OF_PERSON, UNTOMBSTONED, KeyName, decode_name
from ringfence.platform.keys.roots import RootKey
from ringfence.platform.keys.schema import DYING, SETTLED, connect
from ringfence.platform.keys.shard import Shard
from ringfence.platform.keys.slots import SHARDS, SlotFile


class Replica(Protocol):
    """Another copy of store and slots."""

    def rotated(self, shard: int, generation: int) -> None:
        """Return when the copy has destroyed every earlier generation; raise when it has not."""
        ...


class KeyStore:
    """Raises StoreDamaged when store, slot file and root key do not belong together."""

    def __init__(
        self,
        path: Path,
        slots: SlotFile,
        root: RootKey,
        clock: Clock,
        replicas: Sequence[Replica] = (),
    ) -> None:
        self.path = path
        self.slots = slots
        self.clock = clock
        self.replicas = replicas
        self.db = connect(path)
        self._root = root
        self._tenants: dict[UUID, tuple[int, bytes, bytes]] = {}
        self._tenant_ids: dict[int, UUID] = {}
        self.shards = self._open_shards()

    def close(self) -> None:
        self.db.close()
        self.slots.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, durable at its end, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            self._forget_tenants()
            raise

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that can fail without the rest."""
        self.db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK TO part")
                self.db.execute("RELEASE part")
            self._forget_tenants()
            raise
        self.db.execute("RELEASE part")

    # --- rows

    def get(self, name: KeyName) -> bytes | None:
        """The value of a living row."""
        tenant = self._tenant(name.tenant)
        if tenant is None:
            return None
        shard = self.shards[self._route(tenant[2], name)]
        lookup = shard.lookup(name)
        row = self.db.execute(
            "SELECT body FROM key WHERE shard = ? AND lookup = ? AND mark <> ?",
            (shard.number, lookup, DYING),
        ).fetchone()
        if row is None:
            return None
        return shard.unwrap(name.tenant, tenant[1], lookup, row[0])[1]

    def put(self, name: KeyName, value: bytes, *, unconfirmed: bool = False) -> None:
        """Add a row. Raises KeyDestroyed for a name that has a tombstone."""
        if name.kind not in UNTOMBSTONED and self.tombstoned(name):
            raise KeyDestroyed("a destroyed key is never made again")
        mark = self.clock.micros() if unconfirmed else SETTLED
        self._write("INSERT", name, value, mark)

    def replace(self, name: KeyName, value: bytes) -> None:
        """Add or change a row that is no key: earlier values stay readable until it dies."""
        assert name.kind in UNTOMBSTONED
        self._write("INSERT OR REPLACE", name, value, SETTLED)

    def _write(self, verb: str, name: KeyName, value: bytes, mark: int) -> None:
        number, key, route = self._tenant(name.tenant) or self._create_tenant(name.tenant)
        shard = self.shards[self._route(route, name)]
        lookup, body = shard.wrap(key, name, value)
        if name.kind in UNTOMBSTONED:  # the name may come again before the old row is rotated out
            self.db.execute(
                "DELETE FROM key WHERE shard = ? AND lookup = ? AND mark = ?",
                (shard.number, lookup, DYING),
            )
        self.db.execute(
            f"{verb} INTO key (shard, lookup, tenant, mark, body) VALUES (?, ?, ?, ?, ?)",
            (shard.number, lookup, number, mark, body),
        )

    def condemn(self, names: Iterable[KeyName]) -> None:
        """Make rows unreadable now and destroyed by the next ``rotate_stale``; leave tombstones.

        A name without a row gets its tombstone too, and its shard is rotated all the same.
        """
        now = self.clock.micros()
        for name in names:
            if name.kind not in UNTOMBSTONED:
                self.db.execute(
                    "INSERT OR IGNORE INTO tombstone VALUES (?, ?)", (name.encode(), now)
                )
            shard = self.mark_stale(name)
            if shard is not None:
                self.db.execute(
                    "UPDATE key SET mark = ? WHERE shard = ? AND lookup = ?",
                    (DYING, shard.number, shard.lookup(name)),
                )

    def mark_stale(self, name: KeyName) -> Shard | None:
        """Have the shard of a name rotated next; returns it, or None for an unknown tenant."""
        tenant = self._tenant(name.tenant)
        if tenant is None:
            return None
        shard = self.shards[self._route(tenant[2], name)]
        self.db.execute("UPDATE shard SET stale = 1 WHERE shard = ?", (shard.number,))
        return shard

    def confirm(self, names: Iterable[KeyName]) -> None:
        """These keys are in use: no orphans."""
        for name in names:
            tenant = self._tenant(name.tenant)
            if tenant is not None:
                shard = self.shards[self._route(tenant[2], name)]
                self.db.execute(
                    "UPDATE key SET mark = ? WHERE shard = ? AND lookup = ? AND mark > 0",
                    (SETTLED, shard.number, shard.lookup(name)),
                )

    def touch(self, name: KeyName) -> None:
        """An unconfirmed key counts as new again: somebody is about to use it."""
        tenant = self._tenant(name.tenant)
        if tenant is not None:
            shard = self.shards[self._route(tenant[2], name)]
            self.db.execute(
                "UPDATE key SET mark = ? WHERE shard = ? AND lookup = ? AND mark > 0",
                (self.clock.micros(), shard.number, shard.lookup(name)),
            )

    def unconfirmed(self, before: int, limit: int) -> list[KeyName]:
        """Rows put as unconfirmed before a time (micros), oldest first."""
        rows = self.db.execute(
            "SELECT shard, lookup, tenant, body FROM key WHERE mark > 0 AND mark < ?"
            " ORDER BY mark LIMIT ?",
            (before, limit),
        ).fetchall()
        return [self.unwrap_row(*row)[0] for row in rows]

    def tombstoned(self, name: KeyName) -> bool:
        """Whether a key of this name was destroyed."""
        query = "SELECT 1 FROM tombstone WHERE name = ?"
        return self.db.execute(query, (name.encode(),)).fetchone() is not None

    def contradictions(self) -> list[KeyName]:
        """Names that are alive and tombstoned: an older store was put back. Always an alarm."""
        rows = self.db.execute("SELECT name FROM tombstone").fetchall()
        return [name for (raw,) in rows if self.get(name := decode_name(raw)) is not None]

    def unwrap_row(
        self, shard: int, lookup: bytes, tenant: int, body: bytes
    ) -> tuple[KeyName, bytes]:
        """Name and value of a row as it stands in the table."""
        id_, key = self.tenant_of(tenant)
        return self.shards[shard].unwrap(id_, key, lookup, body)

    # --- tenants

    def tenant_of(self, number: int) -> tuple[UUID, bytes]:
        """Id and key of a tenant by its number in the table."""
        id_ = self._tenant_ids.get(number)
        if id_ is None:
            (raw,) = self.db.execute("SELECT id FROM tenant WHERE number = ?", (number,)).fetchone()
            id_ = self._tenant_ids[number] = UUID(bytes=raw)
        tenant = self._tenant(id_)
        assert tenant is not None
        return id_, tenant[1]

    def number_of(self, id_: UUID) -> int | None:
        """The number of a tenant in the table; None for one that never had a key."""
        tenant = self._tenant(id_)
        return None if tenant is None else tenant[0]

    def _tenant(self, id_: UUID) -> tuple[int, bytes, bytes] | None:
        known = self._tenants.get(id_)
        if known is None:
            row = self.db.execute(
                "SELECT number, wrapped FROM tenant WHERE id = ?", (id_.bytes,)
            ).fetchone()
            if row is None:
                return None
            key = self._root.unwrap(row[1], b"tenant" + id_.bytes)
            known = self._tenants[id_] = (row[0], key, crypto.derive(key, b"route"))
        return known

    def rewrap_tenants(self, fit: Callable[[bytes], bool]) -> int:
        """Wrap anew the tenant keys whose wrap does not fit, in the caller's transaction."""
        rows = self.db.execute("SELECT number, id, wrapped FROM tenant").fetchall()
        unfit = [(number, b"tenant" + id_, wrap) for number, id_, wrap in rows if not fit(wrap)]
        for number, context, wrapped in unfit:
            fresh = self._root.wrap(self._root.unwrap(wrapped, context), context)
            self.db.execute("UPDATE tenant SET wrapped = ? WHERE number = ?", (fresh, number))
        return len(unfit)

    def _forget_tenants(self) -> None:
        """One that was made in a transaction that failed is gone."""
        self._tenants.clear()
        self._tenant_ids.clear()

    def _create_tenant(self, id_: UUID) -> tuple[int, bytes, bytes]:
        key = crypto.new_key()
        wrapped = self._root.wrap(key, b"tenant" + id_.bytes)
        cursor = self.db.execute(
            "INSERT INTO tenant (id, wrapped) VALUES (?, ?)", (id_.bytes, wrapped)
        )
        assert cursor.lastrowid is not None
        known = self._tenants[id_] = (cursor.lastrowid, key, crypto.derive(key, b"route"))
        return known

    @staticmethod
    def _route(route: bytes, name: KeyName) -> int:
        """The shard of a name; keyed, since shard numbers stand in the file in clear.

        What is of one person shares a shard, so that it dies with one rotation.
        """
        routed = name.id[:16] if name.kind in OF_PERSON else name.encode()
        return hmac.digest(route, routed, "sha256")[0] % SHARDS

    # --- opening

    def _open_shards(self) -> list[Shard]:
        rows = dict(self.db.execute("SELECT shard, generation FROM shard").fetchall())
        if not rows:
            if any(self.slots.generations(shard) for shard in range(SHARDS)):
                raise StoreDamaged("the slot file belongs to another key store, which is missing")
            with self.transaction():
                for shard in range(SHARDS):
                    self.db.execute("INSERT INTO shard VALUES (?, 1, 1, 0)", (shard,))
            rows = dict.fromkeys(range(SHARDS), 1)
        return [self._open_shard(shard, rows[shard]) for shard in range(SHARDS)]

    def _open_shard(self, shard: int, generation: int) -> Shard:
        if generation not in self.slots.generations(shard):
            used = self.db.execute("SELECT 1 FROM key WHERE shard = ? LIMIT 1", (shard,)).fetchone()
            if used or generation != 1 or self.slots.generations(shard):
                raise StoreDamaged("the slot file does not belong to this key store")
            self.slots.write(shard, generation, crypto.new_key())
        return Shard(shard, generation, self.slots.read(shard, generation))
