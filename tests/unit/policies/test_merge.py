"""A merge is as strict as both, whoever comes first, unless a legal floor forbids."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from tests.unit.policies.sources import profiles, source

from ringfence.policies.profiles import (
    NAMES,
    Merge,
    Profile,
    ProfileError,
    compile_profile,
    conflicts,
    leaves,
    load_profile,
    merge,
    plain,
    profile_hash,
    value_at,
)
from ringfence.policies.profiles.parameters import Span

KNOWN = leaves(Profile)
NOT_COMPARED = {"name", "text_of", "media.features", "staff.hours"}
"""What ``strict`` allows tenants to switch on, and what only an operator can promise."""


def floor_of(profile: Profile, path: str) -> object:
    leaf = KNOWN[path]
    if not isinstance(leaf, Span) or not leaf.never_below:
        return None
    return value_at(profile, f"{path.rpartition('.')[0]}.{leaf.never_below}")


def looser(profile: Profile, than: Profile) -> list[str]:
    """The paths at which a profile is looser than another and no legal floor of it says so."""
    return [
        path
        for path, leaf in KNOWN.items()
        if leaf.stricter(mine := value_at(profile, path), value_at(than, path)) != mine
        and mine != floor_of(profile, path)
    ]


@settings(max_examples=50, deadline=None)
@given(profiles(), profiles())
def test_neither_is_first(a: Profile, b: Profile) -> None:
    ab, ba = merge(a, b), merge(b, a)
    assert ab.profile == ba.profile
    assert [(c.path, c.a, c.b, c.chosen) for c in ab.choices] == [
        (c.path, c.b, c.a, c.chosen) for c in ba.choices
    ]


@settings(max_examples=50, deadline=None)
@given(profiles(), profiles(), profiles())
def test_three_merge_in_any_order(a: Profile, b: Profile, c: Profile) -> None:
    assert merge(merge(a, b).profile, c).profile == merge(a, merge(b, c).profile).profile


@settings(max_examples=50, deadline=None)
@given(profiles())
def test_a_profile_with_itself_is_itself(a: Profile) -> None:
    same = merge(a, a)
    assert (same.profile, same.choices, same.problems) == (a, (), ())


@settings(max_examples=50, deadline=None)
@given(profiles(), profiles())
def test_a_merge_is_as_strict_as_both(a: Profile, b: Profile) -> None:
    merged = merge(a, b).profile
    assert looser(merged, a) == []
    assert looser(merged, b) == []


@settings(max_examples=50, deadline=None)
@given(profiles(), profiles())
def test_a_merge_compiles_or_says_why_not(a: Profile, b: Profile) -> None:
    outcome = merge(a, b)
    written = plain(outcome.profile)
    for remarks in ("notes", "not_claimed"):
        written[remarks] = dict(written[remarks])
    if outcome.problems:
        with pytest.raises(ProfileError) as raised:
            compile_profile(written)
        assert raised.value.problems == outcome.problems
    else:
        compile_profile(written)


def test_every_choice_is_listed_printed_and_hashed() -> None:
    a, b = load_profile("ctx-us-telecom"), load_profile("sip-carrier")
    outcome = merge(a, b)
    promised = {path for path in KNOWN if not is_text(path)}
    differing = {path for path in promised if value_at(a, path) != value_at(b, path)}
    assert {choice.path for choice in outcome.choices} == differing
    text = outcome.text()
    assert (
        "retention.cdr.active: 24 months | 18 months -> 18 months (the lower is stricter)" in text
    )
    assert "age.minimum: 18 | 13 -> 18 (the higher is stricter)" in text
    assert f"profile {profile_hash(outcome.profile)}\nmerge {outcome.hash}\n" in text
    assert len({outcome.hash, merge(b, a).hash, merge(a, a).hash}) == 3


def is_text(path: str) -> bool:
    return path.endswith(".reasons") or path in ("name", "notes", "not_claimed")


def test_a_legal_floor_stops_the_stricter_value() -> None:
    def kept(length: str) -> dict[str, object]:
        cdr = dict.fromkeys(("active", "tenant_min", "tenant_max"), length)
        return {f"retention.cdr.{name}": value for name, value in cdr.items()}

    short = compile_profile(source("cca-voice-ai", kept("30 days")))
    outcome = merge(short, load_profile("ctx-us-telecom"))
    assert str(outcome.profile.retention.cdr.active) == "18 months"
    reasons = {choice.path: choice.reason for choice in outcome.choices}
    assert reasons["retention.cdr.active"] == "legal floor 18 months"


def test_a_merge_that_cannot_hold_says_so() -> None:
    outcome: Merge = merge(load_profile("ctx-us-telecom"), load_profile("cca-voice-ai"))
    assert [problem.code for problem in outcome.problems] == ["customer_keys_with_stored_features"]
    assert "PROBLEM recordings.key_custody" in outcome.text()


@pytest.mark.parametrize("name", NAMES)
def test_strict_is_as_strict_as_each(name: str) -> None:
    found = looser(load_profile("strict"), load_profile(name))
    assert {p for p in found if not is_text(p)} - NOT_COMPARED == set()


def test_shipped_profiles_that_merge() -> None:
    failed = {
        (a, b)
        for a, b in itertools.combinations(NAMES, 2)
        if conflicts(merge(load_profile(a), load_profile(b)).profile)
    }
    assert failed == {("cca-voice-ai", "clx-contact-center"), ("cca-voice-ai", "ctx-us-telecom")}
