"""What a record of use shows in the columns of its row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from ringfence.kernel.clock import from_micros, to_micros
from ringfence.kernel.ids import uuid7_floor
from ringfence.platform.keys.messages import UseRecord

MAX_TEXT = 256
"""Characters of a text that a column shows; the record itself is whole."""
_LATEST = to_micros(datetime(9999, 1, 1, tzinfo=UTC))
_decoder = msgspec.msgpack.Decoder(UseRecord)
COLUMNS = (
    "id, tenant_id, at, credential, actor, action, purpose, object_ids, outcome, "
    "batch_seq, batch_index, record"
)
TYPES = ("uuid", "uuid", "timestamptz", *("text",) * 4, "text[]", "text", "int8", "int4", "bytea")


def understand(data: bytes) -> UseRecord | None:
    """The record in a spool, or None when no row can be made of it."""
    try:
        record = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    return record if 0 <= record.at < _LATEST else None


def row(record: UseRecord, data: bytes, seq: int, index: int) -> Sequence[Any]:
    """The values of COLUMNS."""
    return (
        _id(record.at, index), record.tenant, from_micros(record.at), _shown(record.credential),
        _shown(record.actor), _shown(record.action), _shown(record.purpose),
        [_shown(item) for item in record.objects], _shown(record.outcome), seq, index, data,
    )  # fmt: skip


def _shown(text: str) -> str:
    return text[:MAX_TEXT].replace("\0", "\ufffd")  # PostgreSQL's text holds no NUL


def _id(at: int, index: int) -> UUID:
    """A UUIDv7 of the use's millisecond; those of one batch sort by their index."""
    low = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=uuid7_floor(at // 1000).int | (index & 0xFFF) << 64 | low)
