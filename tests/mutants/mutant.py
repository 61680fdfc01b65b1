"""What a mutant is: the code that keeps a promise, broken on purpose, and the tests that notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``old`` stands exactly once in the file; with ``new`` in its place some of ``tests`` fail."""

    name: str
    control: str
    """The control that backs the clauses; empty where tests alone do."""
    clauses: tuple[str, ...]
    file: str
    """Below ``src/ringfence``."""
    old: str
    new: str
    tests: tuple[str, ...]
    """Node ids of pytest, or files. Where one has marks of the clauses, these count as proven."""
