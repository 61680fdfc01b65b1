"""The reference of flows says what the code does."""

from __future__ import annotations

from tests.unit.flows.reference import PATH, render


def test_the_reference_is_that_of_the_code() -> None:
    assert PATH.read_text() == render(), "run: python -m tests.unit.flows.reference"
