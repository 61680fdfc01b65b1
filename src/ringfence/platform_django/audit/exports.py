"""Heads leave the installation daily: after that not even the database's owner can rewrite."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime

import msgspec

from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.storage import ObjectStore
from ringfence.platform_django.audit.queries import current_heads

_KEY = re.compile(r"heads-\d{4}-\d{2}-\d{2}\.json")


class ExportedHead(msgspec.Struct, frozen=True):
    """The head of one tenant's chain; in hex."""

    tenant: str
    seq: int
    head: str
    last_at: datetime


class Previous(msgspec.Struct, frozen=True):
    """The export before, and the SHA-256 of its bytes in hex."""

    key: str
    sha256: str


class Export(msgspec.Struct, frozen=True):
    """The content of ``heads-YYYY-MM-DD.json``."""

    at: datetime
    previous: Previous | None
    heads: tuple[ExportedHead, ...]


def export_key(day: date) -> str:
    return f"heads-{day.isoformat()}.json"


def export_keys(store: ObjectStore) -> list[str]:
    """All exports in the store, oldest first."""
    return sorted(key for key in store.list() if _KEY.fullmatch(key))


def export_heads(store: ObjectStore, now: datetime) -> bool:
    """Put today's heads, UTC; False when they are there. Raises StorageUnavailable."""
    key = export_key(now.date())
    earlier = export_keys(store)
    if key in earlier:
        return False
    earlier = [item for item in earlier if item < key]
    previous = None
    if earlier:
        content = b"".join(store.read(earlier[-1]))
        previous = Previous(earlier[-1], hashlib.sha256(content).hexdigest())
    heads = tuple(
        ExportedHead(
            public_id(Prefix.TENANT, item.tenant_id), item.seq, item.head.hex(), item.last_at
        )
        for item in current_heads()
    )
    store.put(key, msgspec.json.encode(Export(now, previous, heads)))
    return True
