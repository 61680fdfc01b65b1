"""The table of rules: which values cannot stand together, or not beside the law.

A rule names its row of the conflicts (0: none), a stable code and the values that it looks at, and
yields what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.tree import Problem, Unreadable

Check = Callable[[Profile], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    row: int
    code: str
    paths: tuple[str, ...]
    check: Check

    def problems(self, profile: Profile) -> Iterator[Problem]:
        """What is wrong; nothing where a value that it needs was refused."""
        try:
            for message in self.check(profile):
                yield Problem(self.code, self.paths[0], message, self.row, self.paths)
        except Unreadable:
            return


RULES: list[Rule] = []


def rule(row: int, code: str, *paths: str) -> Callable[[Check], Check]:
    """Enters a function in the table."""

    def enter(check: Check) -> Check:
        RULES.append(Rule(row, code, paths, check))
        return check

    return enter
