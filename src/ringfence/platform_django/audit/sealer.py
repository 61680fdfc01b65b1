"""The one writer of the audit trail: spools become rows, and each second's rows a batch."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
from django.db import Error, connections, transaction
from django.db.backends.utils import CursorWrapper

from ringfence.kernel.clock import from_micros
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform.audit import audit_directory, claim, instances, remove
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import Settings
from ringfence.platform.spool import Position, SpoolCorrupt, SpoolReader
from ringfence.platform_django.audit.chain import Head, SealedBatch, seal_batch
from ringfence.platform_django.audit.records import COLUMNS, TYPES, row, understand
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import OPERATOR

_LOCK = 0x52464155
"""Advisory lock of a round: chains have one writer at a time, on however many nodes."""
_ROUND_SECONDS = 1.0
_MAX_BACK_OFF = 5.0
_MOST = 20_000
"""Records in one round."""
_HEADS = """
    SELECT wanted.tenant_id, last.seq, last.head FROM unnest(%s::uuid[]) AS wanted (tenant_id)
    CROSS JOIN LATERAL (
        SELECT seq, head FROM audit_batch WHERE tenant_id = wanted.tenant_id
        ORDER BY seq DESC LIMIT 1
    ) AS last
"""
_KEEP_POSITION = """
    INSERT INTO audit_spool (name, node, position) VALUES (%s, %s, %s)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
_log = logging.getLogger("ringfence.audit")
_encode = msgspec.msgpack.Encoder().encode


class _Spool:
    """The spool of one process instance during a round."""

    def __init__(self, directory: Path, reader: SpoolReader, claimed: int | None) -> None:
        self.directory = directory
        self.reader = reader
        self.claimed = claimed
        """The lock of a spool whose writer is dead: nothing is added to it any more."""
        self.start = self.position = Position(0, 0)
        self.drained = False


class AuditSealer:
    """Seals what the processes of this machine recorded, each record once.

    A round is one transaction: rows, batches, and how far each spool was read. A crash before its
    commit repeats the round, one after it only repeats the removal of what was read.
    """

    def __init__(self, settings: Settings) -> None:
        self._root = audit_directory(settings)
        self._node = settings.node.name
        self._readers: dict[Path, SpoolReader] = {}
        self._forget = True
        """Whether positions of removed spools may stand in the database."""

    def run(self, stop: threading.Event) -> None:
        """Seal until told to stop, then once more; whatever happens to the database meanwhile."""
        back_off = _ROUND_SECONDS
        while True:
            stopping = stop.is_set()
            try:
                full = self.seal()
            except (Error, psycopg.Error, OSError) as error:  # COPY raises the driver's own
                if back_off == _ROUND_SECONDS:
                    _log.warning("audit trail waits", extra=_kv(error))
                connections.close_all()
                back_off = min(back_off * 2, _MAX_BACK_OFF)
                full = False
            else:
                if back_off != _ROUND_SECONDS:
                    _log.info("audit trail goes on")
                    back_off = _ROUND_SECONDS
            if stopping:
                break
            if not full:
                stop.wait(back_off)
        connections.close_all()
        self.close()

    def close(self) -> None:
        """Let go of all spools."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def seal(self) -> bool:
        """One round; whether more is likely to wait. Raises django.db.Error."""
        spools: list[_Spool] = []
        try:
            with transaction.atomic(using=OPERATOR), connections[OPERATOR].cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
                if cursor.fetchone() != (True,):
                    return False
                # below the lock: else a spool that another writer found meanwhile is forgotten
                self._open(spools)
                self._restore_positions(cursor, spools)
                records = self._read(spools)
                if records:
                    self._write(cursor, records)
                self._keep_positions(cursor, spools)
            self._discard(spools)
        finally:
            for spool in spools:
                if spool.claimed is not None:
                    os.close(spool.claimed)
        return len(records) >= _MOST

    def _open(self, spools: list[_Spool]) -> None:
        found = instances(self._root)
        for gone in self._readers.keys() - set(found):
            self._readers.pop(gone).close()
        for path in found:
            reader = self._readers.setdefault(path, SpoolReader(path))
            spools.append(_Spool(path, reader, claim(path)))

    def _restore_positions(self, cursor: CursorWrapper, spools: list[_Spool]) -> None:
        names = [spool.directory.name for spool in spools]
        if self._forget:
            cursor.execute(
                "DELETE FROM audit_spool WHERE node = %s AND name <> ALL(%s)", [self._node, names]
            )
            self._forget = False
        cursor.execute("SELECT name, position FROM audit_spool WHERE name = ANY(%s)", [names])
        known = dict(cursor.fetchall())
        for spool in spools:
            spool.start = spool.position = _unpack(known.get(spool.directory.name, 0))

    def _keep_positions(self, cursor: CursorWrapper, spools: list[_Spool]) -> None:
        for spool in spools:
            if spool.position != spool.start:
                values = (spool.directory.name, self._node, _pack(spool.position))
                cursor.execute(_KEEP_POSITION, values)

    def _read(self, spools: list[_Spool]) -> list[tuple[UseRecord, bytes]]:
        records: list[tuple[UseRecord, bytes]] = []
        for spool in spools:
            room = _MOST - len(records)
            if room <= 0:
                break
            try:
                found = spool.reader.read(spool.position, room)
            except SpoolCorrupt as damage:
                spool.position = damage.resume
                records.append(self._damage(spool, damage.position))
                continue
            spool.drained = not found
            for position, data in found:
                record = understand(data)
                if record is None:
                    records.append(self._damage(spool, position))
                else:
                    records.append((record, data))
                spool.position = position
        return records

    def _damage(self, spool: _Spool, position: Position) -> tuple[UseRecord, bytes]:
        """The trail itself says that something in it was lost."""
        place = f"{spool.directory.name}/{position.segment}/{position.offset}"
        _log.error("records of use are damaged", extra={"kv": {"place": place}})
        record = UseRecord(
            clock().micros(), "control", "sealer", INSTALLATION, "lost", "", (place,),
            SpoolCorrupt.code,
        )  # fmt: skip
        return record, _encode(record)

    def _write(self, cursor: CursorWrapper, records: list[tuple[UseRecord, bytes]]) -> None:
        """A batch per tenant and month, so that a month ends without breaking a batch."""
        groups: defaultdict[tuple[UUID, int, int], list[tuple[UseRecord, bytes]]]
        groups = defaultdict(list)
        for record, data in records:
            at = from_micros(record.at)
            groups[record.tenant, at.year, at.month].append((record, data))
        cursor.execute(_HEADS, [list({tenant for tenant, *_ in groups})])
        heads = {tenant: Head(seq, bytes(head)) for tenant, seq, head in cursor.fetchall()}
        batches: list[SealedBatch] = []
        with cursor.copy(f"COPY audit_use ({COLUMNS}) FROM STDIN") as copy:
            copy.set_types(TYPES)
            for key in sorted(groups):
                group = groups[key]
                batch = seal_batch(
                    key[0],
                    heads.get(key[0], Head()),
                    [data for _, data in group],
                    [record.at for record, _ in group],
                )
                heads[key[0]] = Head(batch.seq, batch.head)
                batches.append(batch)
                for index, (record, data) in enumerate(group):
                    copy.write_row(row(record, data, batch.seq, index))
        with cursor.copy(
            "COPY audit_batch (tenant_id, seq, first_at, last_at, count, digest, previous_head, "
            "head) FROM STDIN"
        ) as copy:
            for item in batches:
                copy.write_row(
                    (
                        item.tenant, item.seq, from_micros(item.first_at),
                        from_micros(item.last_at), item.count, item.digest, item.previous,
                        item.head,
                    )
                )  # fmt: skip

    def _discard(self, spools: list[_Spool]) -> None:
        """Remove what is sealed for good."""
        for spool in spools:
            with contextlib.suppress(OSError):  # the next round tries again
                if spool.claimed is not None and spool.drained:
                    self._readers.pop(spool.directory).close()
                    remove(spool.directory)
                    self._forget = True
                else:
                    spool.reader.delete_before(spool.position)


def _pack(position: Position) -> int:
    return position.segment << 32 | position.offset


def _unpack(packed: int) -> Position:
    return Position(packed >> 32, packed & 0xFFFF_FFFF)


def _kv(error: Exception) -> dict[str, dict[str, str | None]]:
    cause = error.__cause__ or error
    return {"kv": {"error": type(error).__name__, "sqlstate": getattr(cause, "sqlstate", None)}}
