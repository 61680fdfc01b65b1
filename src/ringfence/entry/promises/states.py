"""What an examination says of each clause."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ringfence.entry.promises.examine import Examination


class State(StrEnum):
    """What may be said of a clause. Only ``ENFORCED`` is shown as verified."""

    ENFORCED = "enforced"
    """Its controls found nothing among something, and every violation of it was caught by name."""
    CONFIGURED = "configured"
    """As enforced, but nothing outside the product forces it: it is set up so, and was seen so."""
    DEMONSTRATED = "demonstrated"
    """Of a feature or of what is collected: it was seen to work."""
    NOT_CLAIMED = "not_claimed"
    """The profile does not make this promise."""
    PLANNED = "planned"
    """No control backs it: the policy may not say it."""
    UNPROVEN = "unproven"
    """Nothing could have broken it, or a violation of it was not caught, or code that was broken on
    purpose failed no test."""
    UNKNOWN = "unknown"
    """A control could not look."""
    BROKEN = "broken"
    """Something breaks it now."""


BAD = frozenset({State.BROKEN, State.UNKNOWN})
_WORST_FIRST = (
    State.BROKEN,
    State.UNKNOWN,
    State.UNPROVEN,
    State.CONFIGURED,
    State.DEMONSTRATED,
    State.ENFORCED,
)


def state_of(clause: str, examinations: Iterable[Examination], *, claimed: bool) -> State:
    """``examinations`` are of the controls that back the clause; the worst of them counts."""
    if not claimed:
        return State.NOT_CLAIMED
    seen = {_judged(clause, one) for one in examinations}
    return next((state for state in _WORST_FIRST if state in seen), State.PLANNED)


def _judged(clause: str, seen: Examination) -> State:
    if seen.error:
        return State.UNKNOWN
    if seen.finding_count:
        return State.BROKEN
    if seen.population < 1 or any(clause in one.clauses for one in seen.mutants if not one.killed):
        return State.UNPROVEN
    if clause in seen.demonstrates:
        return State.DEMONSTRATED
    tried = [one for one in seen.attempts if clause in one.clauses]
    caught = tried and all(one.caught for one in tried)
    if not caught:
        return State.UNPROVEN
    return State.CONFIGURED if seen.unforced else State.ENFORCED
