"""What a control is: how many things could break a promise, which of them do, and how to break it.

A control judges by another path than the code that it judges: SQL as the owner of the database, raw
files, own sockets, the public API. It never asks the product's models, nor a gate for its own log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from ringfence.entry.promises.site import Site


class Finding(msgspec.Struct, frozen=True):
    """One thing that breaks a promise. No personal value stands in it."""

    code: str
    """Stable; what is wrong."""
    subject: str
    """Which thing: a table's row, an object's key, a batch of the audit trail."""
    detail: str = ""


@dataclass(frozen=True)
class Violation:
    """A way to break clauses for real, in the canary tenant, and to undo it."""

    name: str
    clauses: tuple[str, ...]
    plant: Callable[[Site], AbstractContextManager[str]]
    """Breaks the promise while the context lasts; the value is the ``subject`` to be named."""


@dataclass(frozen=True)
class Control:
    """A check of the running installation, and what must make it red."""

    name: str
    says: str
    """The promise in one sentence."""
    population: Callable[[Site], int]
    """How many things could break it; with none of them nothing is proven."""
    check: Callable[[Site], Sequence[Finding]]
    """All that break it. Raises whatever keeps it from looking: the state is then unknown."""
    violations: tuple[Violation, ...] = ()
    demonstrates: tuple[str, ...] = ()
    """Clauses that say what the product does, not what it never does: seen to work is enough."""
    limits: str = ""
    """What it does not see."""
    unforced: Callable[[Site], str] | None = None
    """Of a promise that holds by configuration alone where the operating system does not force it:
    why it does not, found by trying; empty when it does. Raises like ``check``."""
    max_age: timedelta = field(default=timedelta(days=1))
    """How long its result may be shown as today's."""

    @property
    def clauses(self) -> frozenset[str]:
        """The clauses that it backs: what it demonstrates, and what its violations break."""
        broken = {clause for one in self.violations for clause in one.clauses}
        return frozenset(broken.union(self.demonstrates))
