"""What a clause is."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class CatalogueError(ValueError):
    """The files do not say what they must; the message names file, clause and fault."""


class System(StrEnum):
    """Whose policy: five texts that were read, by code."""

    CTX = "CTX"
    CMX = "CMX"
    CCA = "CCA"
    SIP = "SIP"
    CLX = "CLX"


class Kind(StrEnum):
    """What a clause says."""

    COLLECTS = "collects"
    FEATURE = "feature"
    PROMISE = "promise"
    RIGHT = "right"
    RETENTION = "retention"
    SECURITY = "security"
    SHARING = "sharing"
    ORG = "org"


class Proof(StrEnum):
    """By what a clause can be shown to hold."""

    CODE = "code"
    """A test of the product."""
    CONFIG = "config"
    """A check of how the product is set up."""
    ORG = "org"
    """A document on file: evidenced, never verified."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One sentence of a policy that has one test."""

    id: str
    """``SYSTEM-section-nn``; permanent."""
    section: str
    """Number and heading in its policy."""
    statement: str
    kind: Kind
    capabilities: tuple[str, ...]
    """What the product must have for it, the main one first."""
    how_verified: str
    """The idea of its test; ``T-NAME:`` is a test that clauses share."""
    proof: Proof

    @property
    def system(self) -> System:
        return System(self.id[:3])


@dataclass(frozen=True)
class Catalogue:
    """All clauses, in the order of their ids."""

    clauses: Mapping[str, Clause]

    @functools.cached_property
    def by_capability(self) -> Mapping[str, tuple[Clause, ...]]:
        """The clauses that need each capability."""
        found: dict[str, list[Clause]] = {}
        for clause in self.clauses.values():
            for capability in clause.capabilities:
                found.setdefault(capability, []).append(clause)
        return MappingProxyType({name: tuple(found[name]) for name in sorted(found)})

    def of(self, system: System) -> tuple[Clause, ...]:
        """The clauses of one policy."""
        return tuple(c for c in self.clauses.values() if c.system is system)
