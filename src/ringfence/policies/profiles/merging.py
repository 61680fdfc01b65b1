"""Two profiles into one: the value stricter for the subject, unless a legal floor forbids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

from ringfence.policies.profiles.canonical import canonical, profile_hash
from ringfence.policies.profiles.compiling import conflicts
from ringfence.policies.profiles.parameters import Parameter, Span
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.texts import Said
from ringfence.policies.profiles.tree import Problem, shape

Branch = TypeVar("Branch")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value in which the two differ, or which a floor changed; values as JSON has them."""

    path: str
    a: Any
    b: Any
    chosen: Any
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path}: {_say(self.a)} | {_say(self.b)} -> {_say(self.chosen)} ({self.reason})"
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """The outcome. Its profile need not compile: see ``problems``."""

    a: str
    """Hash of the one."""
    b: str
    """Hash of the other."""
    profile: Profile
    choices: tuple[Choice, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the merged values cannot stand together; empty: the profile compiles."""
        return conflicts(self.profile)

    @property
    def hash(self) -> str:
        """SHA-256 over both sources, the outcome and every choice, in hex."""
        choices = [[c.path, c.a, c.b, c.chosen, c.reason] for c in self.choices]
        record = [self.a, self.b, profile_hash(self.profile), choices]
        return hashlib.sha256(canonical(record)).hexdigest()

    def text(self) -> str:
        """The record, to print."""
        head = [f"{self.profile.name}", f"a {self.a}", f"b {self.b}"]
        failed = [f"PROBLEM {problem}" for problem in self.problems]
        tail = [f"profile {profile_hash(self.profile)}", f"merge {self.hash}"]
        return "\n".join([*head, *map(str, self.choices), *failed, *tail]) + "\n"


def merge(a: Profile, b: Profile) -> Merge:
    """The profile that is as strict as both, and every choice that made it."""
    choices: list[Choice] = []
    profile = _branch(a, b, "", choices)
    return Merge(profile_hash(a), profile_hash(b), profile, tuple(choices))


def _branch(a: Branch, b: Branch, dotted: str, choices: list[Choice]) -> Branch:
    fields = shape(type(a))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        mine, theirs = getattr(a, name), getattr(b, name)
        if isinstance(field, Parameter):
            values[name] = field.stricter(mine, theirs)
        else:
            values[name] = _branch(mine, theirs, f"{dotted}{name}.", choices)
    for name, field in fields.items():
        if not isinstance(field, Parameter) or isinstance(field, Said):
            continue
        reason = field.why
        if isinstance(field, Span) and field.never_below:
            floor = values[field.never_below]
            if values[name] < floor:
                values[name], reason = floor, f"legal floor {floor}"
        mine, theirs = getattr(a, name), getattr(b, name)
        if not mine == theirs == values[name]:
            shown = [field.plain(value) for value in (mine, theirs, values[name])]
            choices.append(Choice(f"{dotted}{name}", shown[0], shown[1], shown[2], reason))
    return type(a)(**values)


def _say(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
