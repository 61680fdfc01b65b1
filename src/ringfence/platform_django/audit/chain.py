"""How records become batches, and batches a chain per tenant. See docs/decisions/0011."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

import msgspec

GENESIS = bytes(32)
"""Stands for the head before the first batch."""


class Head(msgspec.Struct, frozen=True):
    """Where a tenant's chain ends: the last batch."""

    seq: int = 0
    value: bytes = GENESIS


class SealedBatch(msgspec.Struct, frozen=True):
    """A batch with the head that it makes. Times are microseconds since the Unix epoch."""

    tenant: UUID
    seq: int
    first_at: int
    last_at: int
    count: int
    digest: bytes
    previous: bytes
    head: bytes


def seal_batch(
    tenant: UUID, after: Head, records: Sequence[bytes], times: Sequence[int]
) -> SealedBatch:
    """The batch that follows ``after``. ``records`` are not empty, in the order of their index."""
    hashes = b"".join(hashlib.sha256(record).digest() for record in records)
    digest = hashlib.sha256(hashes).digest()
    seq, count, first, last = after.seq + 1, len(records), min(times), max(times)
    head = hashlib.sha256(
        after.value
        + seq.to_bytes(8, "big")
        + tenant.bytes
        + count.to_bytes(8, "big")
        + first.to_bytes(8, "big")
        + last.to_bytes(8, "big")
        + digest
    ).digest()
    return SealedBatch(tenant, seq, first, last, count, digest, after.value, head)
