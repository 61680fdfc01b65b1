"""What is known of mutants: the product's code, broken on purpose, which its tests must notice.

``make mutants`` makes them, runs the tests and writes ``mutants.json`` beside this module. A mutant
that survived says that nothing would notice if the promise were broken: its clauses are unproven.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

RECORD = Path(__file__).with_name("mutants.json")


class Mutated(msgspec.Struct, frozen=True):
    """One way to break the code that keeps a promise."""

    name: str
    control: str
    """The control whose clauses these are."""
    clauses: tuple[str, ...]
    killed: bool
    """Whether a test failed."""


class Kept(msgspec.Struct, frozen=True):
    """A mutant, and what it was tried on."""

    digest: str
    """SHA-256 over the mutant, the file that it changes and the tests that were run, in hex."""
    result: Mutated


@cache
def known_mutants() -> tuple[Mutated, ...]:
    """Those of this build."""
    return tuple(one.result for one in kept_mutants().values())


def kept_mutants() -> dict[str, Kept]:
    """By name. Raises msgspec.DecodeError for a file that is not such a record."""
    return msgspec.json.decode(RECORD.read_bytes(), type=dict[str, Kept])
