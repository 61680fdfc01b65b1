"""A profile is its values: any other value is another hash, another order of writing is not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policies.sources import source

from ringfence.policies.profiles import (
    NAMES,
    Profile,
    compile_profile,
    leaves,
    load_profile,
    plain,
    profile_hash,
    value_at,
    with_value,
)
from ringfence.policies.profiles.canonical import canonical
from ringfence.policies.profiles.parameters import Count, Flag, Span
from ringfence.policies.profiles.period import Period, Unit
from ringfence.policies.profiles.words import Allowed, Rank


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    return chance.sample(value, len(value)) if isinstance(value, list) else value


def neighbours(leaf: object, value: Any) -> Iterator[Any]:
    """Values one unit away, or any other one."""
    match leaf:
        case Span() if value.finite:
            yield replace(value, amount=value.amount + 1)
            if value.amount:
                yield replace(value, amount=value.amount - 1)
        case Span():
            yield Period(7, Unit.DAYS)
        case Count():
            yield from (value - 1, value + 1)
        case Flag():
            yield not value
        case Rank():
            yield from (other for other in leaf.of if other != value)
        case Allowed():
            yield from (value ^ {member} for member in leaf.of)


@pytest.mark.parametrize("name", NAMES)
def test_each_value_one_unit_off_is_another_profile(name: str) -> None:
    profile = load_profile(name)
    seen = {profile_hash(profile)}
    tried = 1
    for path, leaf in leaves(Profile).items():
        for value in neighbours(leaf, value_at(profile, path)):
            tried += 1
            seen.add(profile_hash(with_value(profile, path, value)))
    assert tried > 300
    assert len(seen) == tried


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_the_order_of_writing_does_not_count(name: str, chance: random.Random) -> None:
    again = compile_profile(shuffled(source(name, {}), chance))
    assert again == load_profile(name)
    assert profile_hash(again) == profile_hash(load_profile(name))


def test_nor_does_the_order_of_fields() -> None:
    assert (
        canonical({"b": [1], "a": {"d": 1, "c": "é"}}) == '{"a":{"c":"é","d":1},"b":[1]}'.encode()
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_compiles_again_from_its_plain_form(name: str) -> None:
    written = plain(load_profile(name))
    for remarks in ("notes", "not_claimed"):
        written[remarks] = dict(written[remarks])
    assert compile_profile(written) == load_profile(name)


def test_lengths_that_are_the_same_are_one() -> None:
    months = dict.fromkeys(
        ("retention.support.active", "retention.support.tenant_min"), "36 months"
    )
    one = compile_profile(source("sip-carrier", months))
    assert profile_hash(one) == profile_hash(load_profile("sip-carrier"))


@given(*2 * (st.builds(Period, st.integers(1, 9999), st.sampled_from(list(Unit)[:4])),))
def test_lengths_have_one_order_and_one_spelling(a: Period, b: Period) -> None:
    assert (a < b) + (b < a) + (a == b) == 1
    assert Period.of(str(a)) == a
    assert a < Period.of("account life") < Period.of("forever")
