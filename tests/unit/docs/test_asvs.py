"""``docs/reference/asvs.md`` names every requirement once, and only what is in the repository."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/asvs.md"
STATES = ("met", "partly", "not met", "not applicable")
REQUIREMENTS = """
4.1.1-3 4.2.1-1 4.3.1-2 4.4.1-4
6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4
7.1.1-3 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1-2 7.6.1-2
8.1.1-2 8.2.1-3 8.3.1-1 8.4.1-1
9.1.1-3 9.2.1-4
10.1.1-2 10.2.1-2 10.3.1-4 10.4.1-11 10.5.1-5 10.6.1-2 10.7.1-3
"""
"""Of the levels 1 and 2, from the standard's own file of version 5.0.0; typed by hand."""
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_REFERENCE = re.compile(r"`((?:src|tests|docs)/[^`]+)`")
_NAMED = re.compile(r"\*\*(\d+\.\d+\.\d+)\*\*")


def required() -> Iterator[str]:
    for span in REQUIREMENTS.split():
        first, last = span.split("-")
        section, _, number = first.rpartition(".")
        yield from (f"{section}.{one}" for one in range(int(number), int(last) + 1))


def rows() -> list[tuple[str, str, str, str]]:
    return _ROW.findall(PAGE.read_text("utf-8"))


@functools.cache
def names_of_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def missing(reference: str, root: Path) -> bool:
    name, _, test = reference.partition("::")
    path = root / name
    if not test:
        return not path.exists()
    return not path.is_file() or test not in names_of_tests(path)


def test_every_requirement_stands_once_with_a_state() -> None:
    found = [id_ for id_, *_ in rows()]
    assert found == list(required()), "in the standard's order"
    assert len(found) == 106
    assert {state for _, _, state, _ in rows()} <= set(STATES)
    lines = PAGE.read_text("utf-8").splitlines()
    assert len([one for one in lines if re.match(r"\| \d", one)]) == len(found), "no row is misread"


def test_what_is_referred_to_is_there() -> None:
    references = _REFERENCE.findall(PAGE.read_text("utf-8"))
    assert len(references) > 100
    assert [one for one in sorted(set(references)) if missing(one, ROOT)] == []


def test_what_is_met_says_where() -> None:
    own = "above"  # a section of the page itself
    for id_, _, state, where in rows():
        if state == "met":
            assert _REFERENCE.search(where) or own in where, id_
        assert len(where) > 5, id_


def test_what_is_not_met_is_told_first() -> None:
    text = PAGE.read_text("utf-8")
    told = text[text.index("\nNot met:") : text.index("## What is asked")]
    unmet, partly = told.split("\nPartly:")
    for part, state in ((unmet, "not met"), (partly, "partly")):
        named = _NAMED.findall(part)
        assert sorted(named) == sorted(id_ for id_, _, found, _ in rows() if found == state)


def test_a_wrong_reference_is_seen() -> None:
    here = "tests/unit/docs/test_asvs.py"
    assert not missing(f"{here}::test_a_wrong_reference_is_seen", ROOT)
    assert missing(f"{here}::test_that_never_was", ROOT)
    assert missing("tests/unit/docs/never.py::test_x", ROOT)
    assert missing("src/ringfence/never.py", ROOT)
