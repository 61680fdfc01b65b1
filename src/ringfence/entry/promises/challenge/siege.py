"""The attack itself, made twice: before the erasure, when it must succeed, and after it."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from ringfence.entry.promises.attack import (
    Keys,
    Opened,
    audio_of,
    derivable,
    forms,
    opened,
    persons_of,
    place_of,
    told,
)
from ringfence.entry.promises.challenge.loot import OBJECTS, Loot, keys_of_now
from ringfence.entry.promises.challenge.subjects import Subject
from ringfence.entry.promises.challenge.verdict import Seen
from ringfence.entry.promises.plaintext import pieces
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import OVERHEAD, Place
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.settings import Settings

_ALL_KEYS = 5_000
"""Of a larger store the keys of the auditor's tenant alone are tried."""
_BATCH = 4 << 20
_PURPOSES = frozenset({"service", "support", "legal", "backup"})
_ACTOR = "challenge"
Columns = dict[str, list[str]]


@dataclass(frozen=True)
class _Sealed:
    """A value in a row, and every id that stands in that row."""

    where: str
    data: bytes
    ids: tuple[UUID, ...]


@dataclass
class Siege:
    """What is attacked, and what was learned of it the first time."""

    settings: Settings
    tenant: UUID
    calls: Sequence[UUID]
    """Of the two subjects; their rows tell which persons they are."""
    subjects: dict[str, Subject]
    """By ``erased`` and ``control``."""
    loot: Loot
    restored: str
    """Where the restored base backup is reached."""
    today: str
    """Where the living database is reached, as its owner."""
    keys: str = ""
    _clients: dict[str, BlockingKeys] = field(default_factory=dict)
    _persons: set[UUID] = field(default_factory=set)
    _values: list[tuple[str, str, Value]] = field(default_factory=list)
    _tracks: list[tuple[str, str, LeafRef, Place, bytes]] = field(default_factory=list)

    def close(self) -> None:
        """Disconnect from ``keys``. Between two attacks the connections stay, with all that they
        were given: the erasure has to end that too."""
        for keys in self._clients.values():
            keys.close()

    def attack(self) -> dict[str, Seen]:
        """What opens of each subject with the keys of this moment. Raises StoreDamaged,
        psycopg.Error, OSError."""
        rows = list(self._rows(self.restored))
        with keys_of_now(self.settings) as store:
            near = {id_ for one in rows for id_ in one.ids if self._is_of_call(one)}
            self._persons |= persons_of(store, self.tenant) & near
            (count,) = store.db.execute("SELECT count(*) FROM key").fetchone()
            of = None if count <= _ALL_KEYS else self.tenant
            self.keys = "all" if of is None else "of the auditor's tenant"
            wanted = (self.tenant, self._persons, self._buckets())
            keys = derivable(store, *wanted, of=of)
            own = derivable(store, *wanted, of=self.tenant, crossed=False)
            kinds = {
                who: told(store, self.tenant, one.needle) for who, one in self.subjects.items()
            }
        self._learn(rows, keys)
        copy = self._values_of(rows, keys)
        today = self._values_of(list(self._rows(self.today)), keys)
        files, objects, asked = self._files(own), self._objects(keys), self._ask()
        return {
            who: Seen(
                copy=_names(copy, who),
                files=_names(files, who),
                objects=_names(objects, who),
                credentials=_names(asked, who),
                key_store=tuple(sorted(kinds[who])),
                today=_names(today, who),
            )
            for who in self.subjects
        }

    # --- rows

    def _rows(self, dsn: str) -> Iterator[_Sealed]:
        """Whatever may be sealed in the rows of the auditor's tenant and calls: found by the ids in
        them, in every table, read as it is and as hex and base64."""
        wanted = [self.tenant, *self.calls]
        with psycopg.connect(dsn, autocommit=True) as database:
            for table, columns in _columns(database).items():
                is_one = sql.SQL(" OR ").join(
                    sql.SQL("{} = ANY(%(wanted)s)").format(sql.Identifier(name)) for name in columns
                )
                query = sql.SQL("SELECT * FROM {} WHERE {}").format(sql.Identifier(table), is_one)
                cursor = database.execute(query, {"wanted": wanted})
                names = [one.name for one in cursor.description or ()]
                for row in cursor:
                    yield from _sealed_in(table, names, row)

    def _is_of_call(self, one: _Sealed) -> bool:
        return any(call in one.ids for call in self.calls)

    def _buckets(self) -> list[Bucket]:
        today = day_number(SystemClock().now())
        kinds = ((IDENTIFIER, CALL_RECORDS), (CONTENT, RECORDINGS))
        return [Bucket(*kind, day=day) for kind in kinds for day in (today - 1, today)]

    def _values_of(self, rows: list[_Sealed], keys: Keys) -> set[tuple[str, str]]:
        return {(who, rows[index].where) for index, who, _ in self._opened_in(rows, keys)}

    def _opened_in(self, rows: list[_Sealed], keys: Keys) -> Iterator[tuple[int, str, bytes]]:
        """Which of the rows a key opens, whose it is, and the key."""
        whose = {one.needle: who for who, one in self.subjects.items()}
        for index, at, found in _opened_among([one.data for one in rows], keys, whose):
            if at == 0:
                yield index, whose[found.needle], found.key

    def _learn(self, rows: list[_Sealed], keys: Keys) -> None:
        """What each opened value belongs to, for asking ``keys`` for it now and later."""
        known = {value.data for _, _, value in self._values}
        for index, who, key in self._opened_in(rows, keys):
            one, ref = rows[index], keys[key]
            if ref is None or one.data in known:
                continue
            place = place_of(one.data, key, ref, self.tenant, one.ids)
            if place is not None:
                self._values.append((who, one.where, Value(ref, place, one.data)))

    # --- files and objects

    def _files(self, keys: Keys) -> set[tuple[str, str]]:
        whose = {one.needle: who for who, one in self.subjects.items()}
        leaves = [key for key, ref in keys.items() if ref is not None]
        with psycopg.connect(self.restored) as database:
            rows = database.execute("SELECT relfilenode::text, relname FROM pg_class")
            tables: dict[str, str] = dict(rows.fetchall())

        def named(path: Path) -> str:
            table = tables.get(path.name) if path.name.isdigit() else None
            return f"{path.relative_to(self.loot.folder)}" + (f" ({table})" if table else "")

        found: set[tuple[str, str]] = set()
        batch: list[tuple[Path, bytes]] = []
        for path in sorted(self.loot.folder.rglob("*")):
            for piece in pieces(path):
                batch.append((path, piece))
                if sum(len(one) for _, one in batch) > _BATCH:
                    found |= {(who, named(where)) for who, where in _read(batch, leaves, whose)}
                    batch.clear()
        return found | {(who, named(where)) for who, where in _read(batch, leaves, whose)}

    def _objects(self, keys: Keys) -> set[tuple[str, str]]:
        found = set()
        for path in sorted((self.loot.folder / OBJECTS).rglob("*")):
            if not path.is_file() or (track := _track(path)) is None:
                continue
            sealed = path.read_bytes()
            said = audio_of(sealed, track, self.tenant, keys, self._persons)
            if said is None:
                continue
            clear, ref, place = said
            for who, subject in self.subjects.items():
                if subject.voice in clear:
                    found.add((who, path.name))
                    if ref is not None and path.name not in [one[1] for one in self._tracks]:
                        self._tracks.append((who, path.name, ref, place, sealed))
        return found

    # --- credentials

    def _ask(self) -> set[tuple[str, str]]:
        """What the process ``keys`` opens for anybody who may ask it anything."""
        found: set[tuple[str, str]] = set()
        for credential, grant in GRANTS.items():
            if credential not in self._clients:
                self._clients[credential] = BlockingKeys(
                    self.settings, credential, SystemClock(), lambda _: None
                )
            for purpose in sorted(grant.purposes | _PURPOSES):
                found.update(self._ask_as(self._clients[credential], purpose))
        return found

    def _ask_as(self, keys: BlockingKeys, purpose: str) -> Iterator[tuple[str, str]]:
        for who, where, value in self._values:
            try:
                (clear,) = keys.open(self.tenant, purpose, [value], actor=_ACTOR)
            except RingfenceError:
                continue
            if isinstance(clear, bytes) and self.subjects[who].needle in clear:
                yield who, where
        for who, name, ref, place, sealed in self._tracks:
            try:
                leaf = keys.leaves(self.tenant, purpose, [ref], actor=_ACTOR)[ref]
                if not isinstance(leaf, bytes):
                    continue
                clear = b"".join(open_object([sealed], Leaf(leaf, place)))
            except RingfenceError:
                continue
            if self.subjects[who].voice in clear:
                yield who, f"track {name}"


def _opened_among(
    parts: Sequence[bytes], keys: Iterable[bytes], needles: Collection[bytes]
) -> Iterator[tuple[int, int, Opened]]:
    """What opens in many at once: in which, from where on in it."""
    starts = [0, *accumulate(len(one) for one in parts)]
    for found in opened(b"".join(parts), keys, needles):
        index = bisect.bisect_right(starts, found.at) - 1
        yield index, found.at - starts[index], found


def _read(
    batch: Sequence[tuple[Path, bytes]], keys: Iterable[bytes], whose: Mapping[bytes, str]
) -> Iterator[tuple[str, Path]]:
    for index, _, found in _opened_among([piece for _, piece in batch], keys, whose):
        yield whose[found.needle], batch[index][0]


def _columns(database: psycopg.Connection[Any]) -> Columns:
    """The columns with ids, by table; partitions are tables of their own."""
    rows = database.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0"
        " AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype ORDER BY 1, 2"
    )
    found: Columns = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


def _sealed_in(table: str, names: list[str], row: tuple[Any, ...]) -> Iterator[_Sealed]:
    read = [list(forms(value)) for value in row]
    ids = tuple({UUID(bytes=one) for column in read for one in column if len(one) == 16})
    for name, column in zip(names, read, strict=True):
        for data in column:
            if len(data) > OVERHEAD and data[0] == 1:
                yield _Sealed(f"{table}.{name} of {row[0]}", data, ids)


def _track(path: Path) -> UUID | None:
    try:
        return UUID(path.name)
    except ValueError:
        return None


def _names(found: set[tuple[str, str]], who: str) -> tuple[str, ...]:
    return tuple(sorted(name for whose, name in found if whose == who))
