"""From what somebody wrote to a profile, or to everything that is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from ringfence.policies.profiles import rules_of_service, rules_of_time  # noqa: F401 (fill RULES)
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.rules import RULES
from ringfence.policies.profiles.tree import Problem, read


class ProfileError(ValueError):
    """A profile does not compile; ``problems`` has all reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def conflicts(profile: Profile) -> tuple[Problem, ...]:
    """Why the values of a profile cannot stand together; empty: they can."""
    return tuple(problem for rule in RULES for problem in rule.problems(profile))


def compile_profile(source: str | Mapping[str, Any]) -> Profile:
    """The profile that TOML or its tables describe. Raises ProfileError."""
    try:
        raw = tomllib.loads(source) if isinstance(source, str) else source
    except tomllib.TOMLDecodeError as error:
        raise ProfileError((Problem("not_toml", "", str(error)),)) from None
    problems: list[Problem] = []
    profile = read(Profile, raw, problems)
    problems += conflicts(profile)
    if problems:
        raise ProfileError(tuple(problems))
    return profile
