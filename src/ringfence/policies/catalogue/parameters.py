"""Which values of a profile a clause states: ``parameters.toml``.

A value is named by its path in a profile (``retention.cdr.active``). A clause with several values
holds when each of them does.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from ringfence.policies.catalogue.load import load_catalogue
from ringfence.policies.catalogue.model import Catalogue, CatalogueError


class Holds(StrEnum):
    """When another profile keeps what the clause says."""

    EQUAL = "equal"
    """With the very value ("kept 24 months" is no shorter and no longer)."""
    STRICTER = "stricter"
    """With the value, or one that is stricter for the subject ("within 45 days" in 30)."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The two directions of the file."""

    clauses: Mapping[str, tuple[str, ...]]
    """Path -> ids of the clauses that state its value."""
    holds: Mapping[str, Holds]
    """Path -> when a clause that states it holds elsewhere."""

    def of(self, clause_id: str) -> tuple[str, ...]:
        """The paths whose values the clause states; empty: it states none."""
        return tuple(path for path, ids in self.clauses.items() if clause_id in ids)


def parse_parameters(text: str, catalogue: Catalogue) -> Parameters:
    """The parameters that a file defines. Raises CatalogueError."""
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"parameters: not TOML: {error}") from None
    clauses, holds = {}, {}
    for path, raw in tables.items():
        if not isinstance(raw, dict) or set(raw) != {"clauses", "holds"}:
            raise CatalogueError(f"parameters: {path} needs exactly clauses, holds")
        ids = raw["clauses"]
        if not isinstance(ids, list) or not ids or len({str(i) for i in ids}) != len(ids):
            raise CatalogueError(f"parameters: {path}: clauses are different ids, one or more")
        if unknown := [str(i) for i in ids if str(i) not in catalogue.clauses]:
            raise CatalogueError(f"parameters: {path}: no such clause: {', '.join(unknown)}")
        if raw["holds"] not in list(Holds):
            raise CatalogueError(f"parameters: {path}: holds is equal or stricter")
        clauses[path], holds[path] = tuple(ids), Holds(raw["holds"])
    return Parameters(clauses, holds)


@functools.cache
def load_parameters() -> Parameters:
    """The parameters of the product. Raises CatalogueError."""
    file = resources.files("ringfence.policies.catalogue").joinpath("parameters.toml")
    return parse_parameters(file.read_text("utf-8"), load_catalogue())
