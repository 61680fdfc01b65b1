"""What a person's evidence comes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ringfence.domains.consent.vocabulary import ConsentScope, ConsentState


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of evidence, as far as states go."""

    seq: int
    """Its place among all of its tenant."""
    scope: ConsentScope
    state: ConsentState


def fold(evidence: Iterable[Said]) -> dict[ConsentScope, Said]:
    """By scope, what was said last: the highest ``seq``, in whatever order they come."""
    found: dict[ConsentScope, Said] = {}
    for one in evidence:
        last = found.get(one.scope)
        if last is None or one.seq > last.seq:
            found[one.scope] = one
    return found
