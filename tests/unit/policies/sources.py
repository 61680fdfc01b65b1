"""Sources of profiles to change, and random profiles that compile."""

from __future__ import annotations

import copy
import functools
import tomllib
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from ringfence.policies.profiles import (
    NAMES,
    Profile,
    conflicts,
    leaves,
    load_profile,
    profile_source,
    value_at,
    with_value,
)
from ringfence.policies.profiles.parameters import Count, Flag, Parameter, Span
from ringfence.policies.profiles.period import Period
from ringfence.policies.profiles.texts import Name, Remarks, Texts
from ringfence.policies.profiles.words import Allowed, Rank

PERIODS = [
    "0 days", "1 hour", "24 hours", "72 hours", "1 day", "5 business days", "7 business days",
    "10 business days", "15 business days", "7 days", "30 days", "1 month", "45 days", "60 days",
    "90 days", "487 days", "16 months", "18 months", "24 months", "4 years", "7 years",
    "account life", "forever",
]  # fmt: skip


@functools.cache
def _tables(name: str) -> dict[str, Any]:
    return tomllib.loads(profile_source(name))


def source(name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a shipped profile with other values at some paths; ``...`` takes one away."""
    tables = copy.deepcopy(_tables(name))
    for path, value in changes.items():
        *branches, leaf = path.split(".")
        table = tables
        for branch in branches:
            table = table[branch]
        if value is ...:
            del table[leaf]
        else:
            table[leaf] = value
    return tables


def values(leaf: Parameter) -> st.SearchStrategy[Any]:
    """Values that the parameter accepts."""
    match leaf:
        case Span():
            least, most = Period.of(leaf.least), Period.of(leaf.most)
            return st.sampled_from([p for p in map(Period.of, PERIODS) if least <= p <= most])
        case Count():
            return st.integers(leaf.least, leaf.most)
        case Flag():
            return st.just(leaf.strict) if leaf.required else st.booleans()
        case Rank():
            return st.sampled_from(list(leaf.of))
        case Allowed():
            return st.frozensets(st.sampled_from(list(leaf.of)))
        case Name():
            return st.sampled_from(["one", "two", "one+two", "three"])
        case Texts():
            return st.frozensets(st.sampled_from(["law", "use", "money"]), min_size=1)
        case Remarks():
            pairs = [("age", "a note"), ("age", "another"), ("media.mode", "a note")]
            return st.frozensets(st.sampled_from(pairs))
    raise AssertionError(leaf)


KNOWN = {path: values(leaf) for path, leaf in leaves(Profile).items() if path != "not_claimed"}


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """A shipped profile with up to 40 values changed; what cannot stand is as shipped."""
    shipped = load_profile(draw(st.sampled_from(NAMES)))
    paths = draw(st.lists(st.sampled_from(sorted(KNOWN)), max_size=40))
    profile = shipped
    for path in paths:
        profile = with_value(profile, path, draw(KNOWN[path]))
    while problems := conflicts(profile):
        for path in {path for problem in problems for path in problem.paths}:
            profile = with_value(profile, path, value_at(shipped, path))
    return profile
