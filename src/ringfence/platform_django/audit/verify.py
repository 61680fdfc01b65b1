"""Judges the audit trail by recomputing it from what stands in the database.

It shares no code with the sealer: plain SQL, and hashes of its own. What a writer of the database
can still do unnoticed is to rewrite a whole chain from some batch on; the exported heads show that.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import psycopg

_MAX_TEXT = 256
_HEAD = struct.Struct(">32sQ16sQQQ32s")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_BATCHES = """
    SELECT tenant_id, seq, first_at, last_at, count, digest, previous_head, head
    FROM audit_batch WHERE %(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s
    ORDER BY tenant_id, seq
"""
_RECORDS = """
    SELECT tenant_id, batch_seq, batch_index, record, id, at, credential, actor, action, purpose,
           object_ids, outcome
    FROM audit_use WHERE %(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s
    ORDER BY tenant_id, batch_seq, batch_index
"""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, in which batch of which tenant, and with which of its records."""

    code: str
    tenant: UUID
    seq: int
    detail: str = ""


class Report(msgspec.Struct):
    """What was looked at, and what was found wrong in it."""

    tenants: int = 0
    batches: int = 0
    records: int = 0
    expired: int = 0
    """Batches whose records are gone because their retention is over."""
    heads: int = 0
    """Exported heads that were compared."""
    problems: list[Problem] = []

    @property
    def ok(self) -> bool:
        return not self.problems


class _Batch:
    """One row of ``audit_batch``."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.tenant: UUID = row[0]
        self.seq: int = row[1]
        self.first, self.last = _micros(row[2]), _micros(row[3])
        self.last_at: datetime = row[3]
        self.count: int = row[4]
        self.digest, self.previous, self.head = bytes(row[5]), bytes(row[6]), bytes(row[7])

    @property
    def key(self) -> tuple[int, int]:
        return self.tenant.int, self.seq

    def is_whole(self) -> bool:
        """Whether the head is that of the other columns."""
        try:
            content = _HEAD.pack(
                self.previous, self.seq, self.tenant.bytes, self.count, self.first, self.last,
                self.digest,
            )  # fmt: skip
        except struct.error:
            return False
        sizes = len(self.previous), len(self.digest)
        return sizes == (32, 32) and hashlib.sha256(content).digest() == self.head


def verify(
    url: str,
    *,
    kept_from: datetime,
    tenant: UUID | None = None,
    exported: Mapping[tuple[UUID, int], bytes] | None = None,
) -> Report:
    """Recompute every chain, or one tenant's, in one snapshot of the database.

    ``url`` is of a role that row-level security does not bind. Batches that end before
    ``kept_from`` may have lost all their records, none of them some. ``exported`` are heads that
    left the installation, by tenant and batch. Raises psycopg.Error.
    """
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return judge(connection, kept_from=kept_from, tenant=tenant, exported=exported)


def judge(
    connection: psycopg.Connection[tuple[Any, ...]],
    *,
    kept_from: datetime,
    tenant: UUID | None = None,
    exported: Mapping[tuple[UUID, int], bytes] | None = None,
) -> Report:
    """The same as the connection's transaction sees it, which best is of one snapshot."""
    report = Report(problems=[])
    with connection.cursor("batches") as batches, connection.cursor("records") as records:
        batches.execute(_BATCHES, {"tenant": tenant})
        records.execute(_RECORDS, {"tenant": tenant})
        _walk(report, (_Batch(row) for row in batches), iter(records), kept_from, exported)
    return report


def _walk(
    report: Report,
    batches: Iterator[_Batch],
    records: Iterator[tuple[Any, ...]],
    kept_from: datetime,
    exported: Mapping[tuple[UUID, int], bytes] | None,
) -> None:
    groups = groupby(records, key=lambda row: (row[0], row[1]))
    group = next(groups, None)
    last: _Batch | None = None
    missing = dict(exported or {})
    for batch in batches:
        while group is not None and (group[0][0].int, group[0][1]) < batch.key:
            _without_batch(report, *group[0], len(list(group[1])))
            group = next(groups, None)
        rows: list[tuple[Any, ...]] = []
        if group is not None and (group[0][0].int, group[0][1]) == batch.key:
            rows = list(group[1])
            group = next(groups, None)
        if last is None or last.tenant != batch.tenant:
            last = None
            report.tenants += 1
        report.batches += 1
        report.records += len(rows)
        _check_link(report, last, batch)
        head = missing.pop((batch.tenant, batch.seq), None)
        if head is not None:
            report.heads += 1
            if head != batch.head:
                _add(report, "head_rewritten", batch, "not the head that was exported")
        if not rows and batch.last_at < kept_from:
            report.expired += 1
        else:
            _check_records(report, batch, rows)
        last = batch
    while group is not None:
        _without_batch(report, *group[0], len(list(group[1])))
        group = next(groups, None)
    for owner, seq in sorted(missing):
        report.heads += 1
        problem = Problem("exported_batch_missing", owner, seq, "its head was exported")
        report.problems.append(problem)


def _check_link(report: Report, last: _Batch | None, batch: _Batch) -> None:
    expected = 1 if last is None else last.seq + 1
    if batch.seq > expected:
        span = str(expected) if batch.seq == expected + 1 else f"{expected} to {batch.seq - 1}"
        problem = Problem("batch_missing", batch.tenant, expected, f"no batch {span}")
        report.problems.append(problem)
    elif batch.seq < expected:
        _add(report, "batch_added", batch, "batches are counted from 1")
    elif batch.previous != (bytes(32) if last is None else last.head):
        _add(report, "batch_changed", batch, "does not continue the batch before it")
    if not batch.is_whole():
        _add(report, "batch_changed", batch, "its head is not that of its content")


def _check_records(report: Report, batch: _Batch, rows: list[tuple[Any, ...]]) -> None:
    found = [row[2] for row in rows]
    removed = sorted(set(range(max(0, batch.count))) - set(found))
    if removed:
        _add(report, "record_removed", batch, f"index {_some(removed)}")
    added = [index for index in set(found) if not 0 <= index < batch.count]
    added += [index for index, times in Counter(found).items() if times > 1]
    if added:
        _add(report, "record_added", batch, f"index {_some(added)}")
    changed = [row[2] for row in rows if not _shows_its_record(row, batch)]
    if changed:
        _add(report, "record_changed", batch, f"index {_some(changed)}")
    if removed or added:
        return
    hashes = hashlib.sha256()
    for row in rows:
        hashes.update(hashlib.sha256(row[3]).digest())
    if hashes.digest() != batch.digest and not changed:
        _add(report, "record_changed", batch, "the digest is not that of its records")


def _shows_its_record(row: tuple[Any, ...], batch: _Batch) -> bool:
    """Whether the columns of a row say what its record says."""
    try:
        record = msgspec.msgpack.decode(row[3])
        at = int(record["at"])
        texts = [record[name] for name in ("credential", "actor", "action", "purpose", "outcome")]
        return (
            UUID(record["tenant"]) == row[0]
            and at == _micros(row[5])
            and at // 1000 == row[4].int >> 80
            and batch.first <= at <= batch.last
            and [_shown(text) for text in texts] == [*row[6:10], row[11]]
            and [_shown(item) for item in record["objects"]] == row[10]
        )
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError):
        return False


def _shown(text: str) -> str:
    return text[:_MAX_TEXT].replace("\0", "\ufffd")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _some(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return shown if len(numbers) <= 5 else f"{shown} and {len(numbers) - 5} more"


def _add(report: Report, code: str, batch: _Batch, detail: str) -> None:
    report.problems.append(Problem(code, batch.tenant, batch.seq, detail))


def _without_batch(report: Report, tenant: UUID, seq: int, count: int) -> None:
    report.records += count
    report.problems.append(Problem("record_without_batch", tenant, seq, f"{count} records"))
