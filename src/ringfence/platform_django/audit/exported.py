"""Reading exported heads back, to compare the database with them."""

from __future__ import annotations

import hashlib
from uuid import UUID

import msgspec

from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.storage import ObjectStore
from ringfence.platform_django.audit.exports import Export, export_keys
from ringfence.platform_django.audit.verify import Problem

Heads = dict[tuple[UUID, int], bytes]


def read_exports(store: ObjectStore, tenant: UUID | None = None) -> tuple[Heads, list[Problem]]:
    """All exported heads, or one tenant's, and what is wrong with the exports themselves.

    The oldest ones may have been cleared away; of the rest each names the one before it. Raises
    StorageUnavailable.
    """
    heads: Heads = {}
    problems: list[Problem] = []
    before: tuple[str, str] | None = None
    for key in export_keys(store):
        content = b"".join(store.read(key))
        try:
            export = msgspec.json.decode(content, type=Export)
            found = {
                (parse_public_id(Prefix.TENANT, item.tenant), item.seq): bytes.fromhex(item.head)
                for item in export.heads
            }
        except (msgspec.MsgspecError, InvalidInput, ValueError):
            problems.append(Problem("export_changed", INSTALLATION, 0, f"{key} is not readable"))
        else:
            named = export.previous and (export.previous.key, export.previous.sha256)
            if before is not None and named != before:
                detail = f"{key} does not continue {before[0]}"
                problems.append(Problem("export_changed", INSTALLATION, 0, detail))
            for place, head in found.items():
                if tenant not in (None, place[0]):
                    continue
                if heads.setdefault(place, head) != head:
                    problems.append(Problem("export_changed", *place, f"{key} contradicts another"))
        before = key, hashlib.sha256(content).hexdigest()
    return heads, problems
