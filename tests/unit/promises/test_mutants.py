"""Each control has mutants, each mark has one that turns it red, and what survives shows."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tools.promises_reference import marked_tests

from ringfence.entry.promises.control import Control, Finding
from ringfence.entry.promises.controls import CONTROLS
from ringfence.entry.promises.examine import examine
from ringfence.entry.promises.mutants import Mutated, kept_mutants, known_mutants
from ringfence.entry.promises.site import Site
from ringfence.entry.promises.states import State, state_of
from ringfence.kernel.clock import SystemClock

SOURCE = Path(__file__).parents[3] / "src" / "ringfence"


def test_each_control_has_mutants_of_its_own_clauses() -> None:
    controls = {control.name: control for control in CONTROLS}
    assert {one.control for one in MUTANTS} - {""} == controls.keys()
    for one in MUTANTS:
        if one.control:
            assert set(one.clauses) <= controls[one.control].clauses, one.name


def test_each_mark_has_a_mutant_that_turns_it_red() -> None:
    """The test that is marked is one of those that are run on a mutant of its clause."""
    for clause, tests in marked_tests().items():
        for test in tests:
            runs = [run for one in MUTANTS if clause in one.clauses for run in one.tests]
            assert test in runs or test.partition("::")[0] in runs, (clause, test)


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_each_is_a_change_of_the_code_and_was_killed(one: Mutant) -> None:
    text = (SOURCE / one.file).read_text()
    assert text.count(one.old) == 1, "the code moved on: mend the mutant"
    compile(text.replace(one.old, one.new), one.file, "exec")
    kept = kept_mutants()[one.name].result
    assert kept == Mutated(one.name, one.control, one.clauses, killed=True)


def test_names_are_single_and_nothing_else_is_kept() -> None:
    names = [one.name for one in MUTANTS]
    assert len(names) == len(set(names))
    assert {one.name for one in known_mutants()} == set(names)


@pytest.mark.parametrize("demonstrates", [(), ("CTX-01.C-02",)])
@pytest.mark.parametrize("killed", [True, False])
def test_a_survivor_makes_its_clauses_unproven(
    demonstrates: tuple[str, ...], *, killed: bool
) -> None:
    control = Control(
        "c", "It is so.", lambda site: 1, lambda site: list[Finding](), demonstrates=demonstrates
    )
    mutants = [
        Mutated("m", "c", ("CTX-01.C-02",), killed),
        Mutated("other", "d", ("CTX-01.C-02",), killed=False),
    ]
    seen = examine(control, cast(Site, None), SystemClock(), mutants)
    assert seen.mutants == tuple(mutants[:1])
    found = state_of("CTX-01.C-02", [seen], claimed=True)
    assert (found is State.DEMONSTRATED) == (killed and bool(demonstrates))
    assert found in (State.DEMONSTRATED, State.UNPROVEN)
    broken = msgspec.structs.replace(seen, finding_count=1)
    assert state_of("CTX-01.C-02", [broken], claimed=True) is State.BROKEN
