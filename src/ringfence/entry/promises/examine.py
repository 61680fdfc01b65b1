"""One examination: each control clean, then each violation planted, caught by name, and undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.mutants import Mutated
from ringfence.entry.promises.site import Site
from ringfence.kernel.clock import Clock
from ringfence.platform.logging import describe_error

_SHOWN = 20


class Attempt(msgspec.Struct, frozen=True):
    """A violation that was planted."""

    name: str
    clauses: tuple[str, ...]
    subject: str
    caught_at: datetime | None
    """None: it was not found, or not named."""
    undone: bool
    """Whether the check was as before afterwards."""
    error: str = ""

    @property
    def caught(self) -> bool:
        return self.caught_at is not None and self.undone and not self.error


class Examination(msgspec.Struct, frozen=True):
    """What one control saw."""

    control: str
    limits: str
    observed_at: datetime
    good_until: datetime
    """It may be shown as of today until then."""
    population: int
    findings: tuple[Finding, ...]
    """The first of them."""
    finding_count: int
    attempts: tuple[Attempt, ...]
    demonstrates: tuple[str, ...] = ()
    says: str = ""
    """The promise in one sentence."""
    error: str = ""
    """Why it could not look; nothing is known then."""
    mutants: tuple[Mutated, ...] = ()
    """What became of the product's code broken on purpose, when its tests were run."""
    unforced: str = ""
    """Why nothing forces what was seen to hold: it is configured, not enforced."""


def examine(
    control: Control, site: Site, clock: Clock, mutants: Sequence[Mutated] = ()
) -> Examination:
    """Run one control, of which ``mutants`` are known. What goes wrong in it is part of the result;
    it raises nothing."""
    population, error, unforced = 0, "", ""
    findings: tuple[Finding, ...] = ()
    attempts: list[Attempt] = []
    try:
        population = control.population(site)
        findings = _looked(control, site)
        attempts = [_attempt(control, one, findings, site, clock) for one in control.violations]
        unforced = control.unforced(site) if control.unforced is not None else ""
    except Exception as failure:  # whatever keeps a control from looking
        error = describe_error(failure)
    now = clock.now()
    return Examination(
        control=control.name,
        limits=control.limits,
        observed_at=now,
        good_until=now + control.max_age,
        population=population,
        findings=tuple(findings[:_SHOWN]),
        finding_count=len(findings),
        attempts=tuple(attempts),
        demonstrates=control.demonstrates,
        says=control.says,
        error=error,
        mutants=tuple(one for one in mutants if one.control == control.name),
        unforced=unforced,
    )


def _looked(control: Control, site: Site) -> tuple[Finding, ...]:
    return tuple(sorted(set(control.check(site)), key=lambda one: (one.subject, one.code)))


def _attempt(
    control: Control, violation: Violation, before: Sequence[Finding], site: Site, clock: Clock
) -> Attempt:
    subject, caught_at, error = "", None, ""
    try:
        with violation.plant(site) as subject:
            named = {one.subject for one in set(_looked(control, site)) - set(before)}
            caught_at = clock.now() if subject in named else None
    except Exception as failure:  # a violation that cannot be planted proves nothing
        error = describe_error(failure)
    undone = _looked(control, site) == tuple(before)
    return Attempt(violation.name, violation.clauses, subject, caught_at, undone, error)
