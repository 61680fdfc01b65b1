"""Evidence is chained: each piece contains the digest of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Facts = Mapping[str, str | int | None]
"""What a digest covers. Of sealed values their hashes alone: so an erasure breaks no chain."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a tenant's chain."""

    seq: int
    previous: str
    digest: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is not whole: ``missing``, ``changed`` or ``order``."""

    seq: int
    kind: str


def digest_of(previous: str, facts: Facts) -> str:
    """SHA-256 in hex over the digest before (empty for the first), a line feed, and the facts as
    JSON with sorted keys and no blanks."""
    spelled = json.dumps(dict(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{spelled}".encode()).hexdigest()


def hash_of(data: bytes | str | None) -> str | None:
    """SHA-256 in hex; None of nothing."""
    if data is None:
        return None
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def breaks(links: Iterable[Link]) -> list[Break]:
    """Where the chain of one tenant, given in order of ``seq``, is not as it was written.

    That its end was cut off, only somebody who knows the last digest can tell.
    """
    found, at, head = [], 0, ""
    for link in links:
        if link.seq != at + 1:
            found.append(Break(link.seq, "missing"))
        elif link.previous != head:
            found.append(Break(link.seq, "order"))
        if link.digest != digest_of(link.previous, link.facts) or link.facts["seq"] != link.seq:
            found.append(Break(link.seq, "changed"))
        at, head = link.seq, link.digest
    return found
