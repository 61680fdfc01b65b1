"""The clauses are all there, as the inventory has them, and the loader is strict."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import astuple
from pathlib import Path

import pytest

import ringfence.policies
from ringfence.policies.catalogue import (
    CatalogueError,
    Kind,
    Proof,
    System,
    load_catalogue,
    parse_clauses,
)
from ringfence.policies.catalogue.parameters import parse_parameters

INVENTORY = Path(__file__).parents[4] / "shared" / "catalogue" / "clauses.csv"
NAMED = {"CCA-03.0-03", "CCA-03.0-04", "CLX-03.B-05", "CTX-03.A-02", "CTX-03.C-02"}
"""Statements that name a company or its products in the inventory and not here."""
CLAUSE = """["CTX-04.B-01"]
section = "04.B Retention"
statement = "CDRs kept 24 months"
kind = "retention"
capabilities = ["CDR store"]
how_verified = "look"
class = "code"
"""


def test_every_policy_has_its_clauses() -> None:
    catalogue = load_catalogue()
    of = {system: len(catalogue.of(system)) for system in System}
    assert of == {"CTX": 133, "CMX": 109, "CCA": 64, "SIP": 194, "CLX": 83}
    assert list(catalogue.clauses) == sorted(catalogue.clauses)
    assert len(catalogue.by_capability) == 93
    assert len(catalogue.by_capability["DSAR engine"]) == 49


def test_kinds_and_proofs_are_as_counted() -> None:
    clauses = load_catalogue().clauses.values()
    assert Counter(c.kind for c in clauses) == {
        Kind.COLLECTS: 117,
        Kind.FEATURE: 100,
        Kind.PROMISE: 138,
        Kind.RIGHT: 69,
        Kind.RETENTION: 27,
        Kind.SECURITY: 64,
        Kind.SHARING: 39,
        Kind.ORG: 29,
    }
    assert Counter(c.proof for c in clauses) == {Proof.CODE: 493, Proof.CONFIG: 71, Proof.ORG: 19}


@pytest.mark.skipif(not INVENTORY.exists(), reason="the inventory is not on this machine")
def test_clauses_are_those_of_the_inventory() -> None:
    with INVENTORY.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    clauses = load_catalogue().clauses
    assert [row["id"] for row in rows] == list(clauses)
    for row in rows:
        clause = clauses[row["id"]]
        capabilities = tuple(part.strip() for part in row["capability"].split(";"))
        reworded = clause.statement != row["statement"]
        assert reworded == (clause.id in NAMED)
        assert (clause.section, clause.kind, clause.how_verified, clause.proof) == (
            row["section"],
            row["kind"],
            row["how_verified"],
            row["class"],
        )
        assert clause.capabilities == capabilities


@pytest.mark.skipif(not INVENTORY.exists(), reason="the inventory is not on this machine")
def test_no_policy_is_called_by_whose_it_is() -> None:
    with INVENTORY.open(encoding="utf-8", newline="") as file:
        names = {row["system"] for row in csv.DictReader(file)}
    assert len(names) == 5
    forbidden = re.compile("|".join(re.escape(name) for name in names), re.I)
    folder = Path(ringfence.policies.__path__[0])
    files = [file for file in folder.rglob("*") if file.suffix in (".py", ".toml", ".md")]
    assert len(files) > 70
    assert [file.name for file in files if forbidden.search(file.read_text("utf-8"))] == []
    assert not any("@" in str(astuple(clause)) for clause in load_catalogue().clauses.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", None),
        ('section = "04.B Retention"', "", "ctx-04: CTX-04.B-01 needs exactly"),
        ('class = "code"', 'class = "code"\nowner = "me"', "needs exactly"),
        ('class = "code"', 'class = "magic"', "'magic' is not a valid Proof"),
        ('kind = "retention"', 'kind = "hope"', "'hope' is not a valid Kind"),
        ('kind = "retention"', "kind = 7", "kind is a text"),
        ('how_verified = "look"', 'how_verified = " "', "how_verified is a text"),
        ('["CDR store"]', "[]", "capabilities are one text or more"),
        ('["CDR store"]', '"CDR store"', "capabilities are one text or more"),
        ('["CDR store"]', '["CDR store", "CDR store"]', "a capability stands twice"),
        ("CTX-04.B-01", "CTX-05.B-01", "no id of a clause of this file"),
        ("CTX-04.B-01", "XTC-04.B-01", "no id of a clause of this file"),
        (CLAUSE, CLAUSE + CLAUSE, "not TOML"),
    ],
)
def test_the_loader_is_strict(old: str, new: str, message: str | None) -> None:
    files = {"ctx-04": CLAUSE.replace(old, new) if old else CLAUSE}
    if message is None:
        assert list(parse_clauses(files).clauses) == ["CTX-04.B-01"]
    else:
        with pytest.raises(CatalogueError, match=re.escape(message)):
            parse_clauses(files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["a"]\nclauses = ["CTX-99.B-01"]\nholds = "equal"', "no such clause: CTX-99.B-01"),
        ('["a"]\nclauses = []\nholds = "equal"', "one or more"),
        ('["a"]\nclauses = ["CTX-04.B-01", "CTX-04.B-01"]\nholds = "equal"', "different ids"),
        ('["a"]\nclauses = ["CTX-04.B-01"]\nholds = "often"', "holds is equal or stricter"),
        ('["a"]\nclauses = ["CTX-04.B-01"]', "needs exactly clauses, holds"),
        ('["a"]\n["a"]', "not TOML"),
    ],
)
def test_parameters_are_strict(text: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        parse_parameters(text, load_catalogue())
