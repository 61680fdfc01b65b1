"""What is kept of registrations over a restart: sealed, in a small file of this node.

A contact holds the address that a person's phone has now. It is sealed as the legs' states in the
spool are: under a key that lives in this process and, itself sealed, in the file, and that dies
with its day. Nothing is synced: who restarts after a power cut waits for the phones to refresh.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from ringfence.engine.journal.recovery_key import bucket_of, place_of
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION, RECOVERY
from ringfence.kernel.ids import uuid7
from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import KeyClient, Value
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.names import LeafRef, day_number
from ringfence.platform.keys.persons import NewItem

_ACTOR = "signalling"
_TABLES = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS key (
        item BLOB PRIMARY KEY, day INTEGER NOT NULL, sealed BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS registration (
        device BLOB PRIMARY KEY, item BLOB NOT NULL, sealed BLOB NOT NULL
    ) WITHOUT ROWID;
"""
_log = logging.getLogger("ringfence.registrations")


class Binding(msgspec.Struct, frozen=True, array_like=True):
    """One contact of a device."""

    uri: str
    q: float
    expires: int
    """Microseconds since the Unix epoch."""
    call_id: str
    cseq: int
    instance: str
    """What says that another contact is the same phone (RFC 5626 4.1), or empty."""
    proof: bytes
    """Stands for the password that it was registered with."""
    local: tuple[str, int]
    remote: tuple[str, int]
    """The way that the REGISTER came: our address, theirs."""


class _Key(msgspec.Struct, frozen=True):
    item: UUID
    day: int
    key: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Binding, ...])


class Registrations:
    """The file. A disk that fails costs what would have been kept, and no registration."""

    def __init__(self, path: Path, keys: KeyClient, clock: Clock) -> None:
        self._path = path
        self._client = keys
        self._clock = clock
        self._key: _Key | None = None
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._db = self._connect()
        except sqlite3.DatabaseError:
            _log.error("file of registrations damaged, begun anew")
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            self._db = self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            database.executescript(_TABLES)
        except sqlite3.DatabaseError:
            database.close()
            raise
        self._path.chmod(0o600)
        return database

    def close(self) -> None:
        self._db.close()

    async def load(self) -> dict[UUID, tuple[Binding, ...]]:
        """What an earlier run kept, by device, as far as its keys live; then a new key is made.

        Raises Unavailable.
        """
        keys = await self._open_keys()
        found = {}
        rows = self._db.execute("SELECT device, item, sealed FROM registration").fetchall()
        for device, item, sealed in rows:
            key = keys.get(UUID(bytes=item))
            try:
                if key is not None:
                    place = place_of(UUID(bytes=device), key.day)
                    data = crypto.open_sealed(key.key, place, sealed)
                    found[UUID(bytes=device)] = _decoder.decode(data)
            except (Unreadable, msgspec.MsgspecError):
                key = None
            if key is None:
                self._db.execute("DELETE FROM registration WHERE device = ?", (device,))
        if len(found) != len(rows):
            kv = {"devices": len(rows) - len(found)}
            _log.warning("registrations cannot be read", extra={"kv": kv})
        await self.renew()
        return found

    async def _open_keys(self) -> dict[UUID, _Key]:
        rows = self._db.execute("SELECT item, day, sealed FROM key").fetchall()
        if not rows:
            return {}
        values = [
            Value(
                LeafRef(bucket_of(day), items=(UUID(bytes=item),)),
                place_of(UUID(bytes=item), day),
                sealed,
            )
            for item, day, sealed in rows
        ]
        opened = await self._client.open(INSTALLATION, RECOVERY, values, actor=_ACTOR)
        return {
            UUID(bytes=item): _Key(UUID(bytes=item), day, key)
            for (item, day, _), key in zip(rows, opened, strict=True)
            if not isinstance(key, RingfenceError)
        }

    async def renew(self) -> None:
        """Seal with another key from now on. A binding is written anew before its hour is over, so
        what is read after a restart never needs a key of another day than yesterday's.

        Raises Unavailable.
        """
        day, item, key = day_number(self._clock.now()), uuid7(self._clock), crypto.new_key()
        bucket = bucket_of(day)
        await self._client.resolve(INSTALLATION, (), [NewItem(item, (), bucket)])
        value = Value(LeafRef(bucket, items=(item,)), place_of(item, day), key)
        (sealed,) = await self._client.seal(INSTALLATION, [value], actor=_ACTOR)
        self._write("DELETE FROM key WHERE item NOT IN (SELECT item FROM registration)", ())
        self._write("INSERT INTO key VALUES (?, ?, ?)", (item.bytes, day, sealed))
        self._key = _Key(item, day, key)

    def save(self, device: UUID, bindings: Sequence[Binding]) -> None:
        """Keep these bindings of a device instead of those it had."""
        if not bindings:
            self._write("DELETE FROM registration WHERE device = ?", (device.bytes,))
            return
        key = self._key
        assert key is not None  # nobody registers before the file is loaded
        data = _encoder.encode(tuple(bindings))
        sealed = crypto.seal(key.key, place_of(device, key.day), data)
        row = (device.bytes, key.item.bytes, sealed)
        self._write("INSERT OR REPLACE INTO registration VALUES (?, ?, ?)", row)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            kv = {"error": type(error).__name__}
            _log.error("registrations are not kept", extra={"kv": kv})
