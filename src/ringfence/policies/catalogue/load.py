"""Reading the files. Strict: what is unknown, missing, double or of the wrong kind is an error."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from ringfence.policies.catalogue.model import Catalogue, CatalogueError, Clause, Kind, Proof

CLAUSE_ID = re.compile(r"(CTX|CMX|CCA|SIP|CLX)-(\d\d)\.[0-9A-Z]-\d\d")
TEXTS = ("section", "statement", "kind", "how_verified", "class")
KEYS = frozenset({*TEXTS, "capabilities"})


def parse_clauses(files: Mapping[str, str]) -> Catalogue:
    """The catalogue that ``files`` (name without suffix -> TOML) make. Raises CatalogueError."""
    found: dict[str, Clause] = {}
    for name, text in files.items():
        for clause_id, raw in _tables(name, text).items():
            if clause_id in found:
                raise CatalogueError(f"{name}: {clause_id} stands twice")
            found[clause_id] = _clause(name, clause_id, raw)
    return Catalogue(MappingProxyType(dict(sorted(found.items()))))


@functools.cache
def load_catalogue() -> Catalogue:
    """The catalogue of the product. Raises CatalogueError."""
    folder = resources.files("ringfence.policies.catalogue").joinpath("clauses")
    return parse_clauses(
        {
            file.name.removesuffix(".toml"): file.read_text("utf-8")
            for file in folder.iterdir()
            if file.name.endswith(".toml")
        }
    )


def _tables(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # a table that stands twice ends here too
        raise CatalogueError(f"{name}: not TOML: {error}") from None


def _clause(name: str, clause_id: str, raw: Any) -> Clause:
    where = f"{name}: {clause_id}"
    shape = CLAUSE_ID.fullmatch(clause_id)
    if shape is None or name != f"{shape[1].lower()}-{shape[2]}":
        raise CatalogueError(f"{where} is no id of a clause of this file")
    if not isinstance(raw, dict) or set(raw) != KEYS:
        raise CatalogueError(f"{where} needs exactly {', '.join(sorted(KEYS))}")
    for key in TEXTS:
        if not _text(raw[key]):
            raise CatalogueError(f"{where}: {key} is a text")
    capabilities = raw["capabilities"]
    if not isinstance(capabilities, list) or not capabilities or not all(map(_text, capabilities)):
        raise CatalogueError(f"{where}: capabilities are one text or more")
    if len(set(capabilities)) != len(capabilities):
        raise CatalogueError(f"{where}: a capability stands twice")
    try:
        kind, proof = Kind(raw["kind"]), Proof(raw["class"])
    except ValueError as error:
        raise CatalogueError(f"{where}: {error}") from None
    return Clause(
        clause_id,
        raw["section"],
        raw["statement"],
        kind,
        tuple(capabilities),
        raw["how_verified"],
        proof,
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
