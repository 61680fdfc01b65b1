"""``ringfence promises verify``: one run over all controls, and what it says of each clause."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

import ringfence
from ringfence.entry.promises.control import Control
from ringfence.entry.promises.examine import Examination, examine
from ringfence.entry.promises.mutants import Mutated
from ringfence.entry.promises.site import Site
from ringfence.entry.promises.states import BAD, State, state_of
from ringfence.kernel.clock import Clock

DONE = "done"
"""The last step of an examination that has its report."""


class ClauseReport(msgspec.Struct, frozen=True):
    """One clause of the catalogue, and what is known of it."""

    id: str
    state: State
    control: tuple[str, ...] = ()
    observed_at: datetime | None = None
    population: int = 0
    findings: tuple[str, ...] = ()
    """``code: subject`` of what breaks it."""
    violation: tuple[str, ...] = ()
    """Those that were planted for it."""
    caught_at: tuple[datetime | None, ...] = ()
    """When each was named; None: never."""
    limits: tuple[str, ...] = ()
    unforced: tuple[str, ...] = ()
    """Why it is configured, not enforced."""
    error: tuple[str, ...] = ()
    survivors: tuple[str, ...] = ()
    """Ways to break the product's code for it that failed no test."""


class Report(msgspec.Struct, frozen=True):
    """One run: same build, same profile, same installation."""

    build: str
    profile: str
    hash: str
    """Of the profile."""
    began_at: datetime
    ended_at: datetime
    totals: dict[str, int]
    clauses: tuple[ClauseReport, ...]
    examinations: tuple[Examination, ...]
    seed: int = 0
    """Of the order in which controls looked and violations were planted."""

    @property
    def ok(self) -> bool:
        """Whether no clause is broken or unknown."""
        return not any(clause.state in BAD for clause in self.clauses)


def run(
    site: Site,
    controls: Sequence[Control],
    clauses: Mapping[str, bool],
    *,
    build: str,
    profile: str,
    profile_hash: str,
    clock: Clock,
    mutants: Sequence[Mutated] = (),
    seed: int = 0,
    tell: Callable[[str], None] = lambda step: None,
) -> Report:
    """``clauses``: id, and whether the profile claims it. ``mutants``: those of the build.

    ``seed``: the order of controls, and of the violations of each. ``tell`` hears what comes next.
    """
    began = clock.now()
    controls = shuffled(controls, seed)
    examined = []
    for count, control in enumerate(controls, 1):
        tell(f"{count} of {len(controls)}: {control.name}")
        examined.append(examine(control, site, clock, mutants))
        site.database.rollback()
    reports = tuple(_clause(id_, claimed, controls, examined) for id_, claimed in clauses.items())
    totals = {state.value: sum(one.state is state for one in reports) for state in State}
    return Report(
        build=build,
        profile=profile,
        hash=profile_hash,
        began_at=began,
        ended_at=clock.now(),
        totals=totals,
        clauses=reports,
        examinations=tuple(examined),
        seed=seed,
    )


def shuffled(controls: Sequence[Control], seed: int) -> list[Control]:
    """The controls and their violations in the order that ``seed`` means: no finding may rest on
    what was looked at before it."""
    order = random.Random(seed)  # noqa: S311 - an order that anybody may repeat
    return [
        replace(one, violations=tuple(order.sample(one.violations, len(one.violations))))
        for one in order.sample(controls, len(controls))
    ]


def _clause(
    id_: str,
    claimed: bool,
    controls: Sequence[Control],
    examined: Sequence[Examination],
) -> ClauseReport:
    backing = [
        seen for control, seen in zip(controls, examined, strict=True) if id_ in control.clauses
    ]
    state = state_of(id_, backing, claimed=claimed)
    if not claimed or not backing:
        return ClauseReport(id_, state)
    tried = [one for seen in backing for one in seen.attempts if id_ in one.clauses]
    return ClauseReport(
        id=id_,
        state=state,
        control=tuple(seen.control for seen in backing),
        observed_at=min(seen.observed_at for seen in backing),
        population=min(seen.population for seen in backing),
        findings=tuple(f"{one.code}: {one.subject}" for seen in backing for one in seen.findings),
        violation=tuple(one.name for one in tried),
        caught_at=tuple(one.caught_at for one in tried),
        limits=tuple(seen.limits for seen in backing if seen.limits),
        unforced=tuple(seen.unforced for seen in backing if seen.unforced),
        error=tuple(seen.error for seen in backing if seen.error),
        survivors=tuple(
            one.name
            for seen in backing
            for one in seen.mutants
            if id_ in one.clauses and not one.killed
        ),
    )


def this_build() -> str:
    """The version, and the first 16 digits of a SHA-256 over all source files of the product."""
    root = Path(ringfence.__file__ or "").parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return f"{metadata.version('ringfence')}+{total.hexdigest()[:16]}"


def as_json(report: Report) -> dict[str, Any]:
    """The report in plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain
