"""What a new version changes: every clause and number, and which of them are for the worse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.policy.rules.changes import Change, changes, earliest
from ringfence.policies.profiles import (
    NAMES,
    Period,
    Profile,
    load_profile,
    plain,
    value_at,
    with_value,
)

STRICT = load_profile("strict")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
names = st.sampled_from(NAMES)


def between(old: Profile, new: Profile) -> dict[str, Change]:
    return {one.what: one for one in changes(plain(old), [], new, [])}


@pytest.mark.promise("SIP-13.0-03")
@given(names, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_each_clause_that_came_or_went(name: str, said: set[int], says: set[int]) -> None:
    profile = load_profile(name)
    before, after = {f"C{one}" for one in said}, {f"C{one}" for one in says}
    found = changes(plain(profile), sorted(before), profile, sorted(after))
    assert {one.what for one in found if one.kind == "removed"} == before - after
    assert {one.what for one in found if one.kind == "added"} == after - before
    assert {one.what for one in found if one.reduces} == before - after


@given(names, names)
def test_nothing_changes_between_the_same_and_all_between_others(one: str, other: str) -> None:
    found = between(load_profile(one), load_profile(other))
    assert bool(found) is (one != other)
    back = between(load_profile(other), load_profile(one))
    assert found.keys() == back.keys()
    for path in found:
        assert (found[path].before, found[path].after) == (back[path].after, back[path].before)


@pytest.mark.promise("SIP-13.0-04")
@pytest.mark.parametrize(
    ("path", "other", "reduces"),
    [
        ("retention.cdr.active", Period.of("24 months"), True),
        ("change.notice_days", 20, True),
        ("change.notice_days", 40, False),
        ("change.summary", False, True),
    ],
)
def test_what_is_less_strict_reduces(path: str, other: object, reduces: bool) -> None:
    """The shipped `strict` says 18 months, 30 days and yes."""
    assert value_at(STRICT, path) != other
    found = between(STRICT, with_value(STRICT, path, other))
    assert set(found) == {path}
    assert found[path].reduces is reduces


def test_what_an_old_version_says_may_be_unreadable() -> None:
    """Its values are of a time with other rules: each that differs counts as worse."""
    old = plain(STRICT)
    del old["change"]["summary"]
    old["change"]["notice_days"] = 20
    found = {one.what: one for one in changes(old, [], STRICT, [])}
    assert set(found) == {"change.summary", "change.notice_days"}
    assert all(one.reduces for one in found.values())


def test_a_note_changes_and_reduces_nothing() -> None:
    noted = with_value(STRICT, "notes", frozenset({("staff.hours", "Day and night.")}))
    found = between(STRICT, noted)
    assert found["notes.staff.hours"].after == "Day and night."
    assert not any(one.reduces for one in found.values())


@given(st.lists(st.integers(0, 365), max_size=3))
def test_the_longest_notice_counts(days: list[int]) -> None:
    change = [Change("added", "C1")]
    assert earliest(NOW, days, change) == NOW + timedelta(days=max([0, *days]))
    assert earliest(NOW, days, []) == NOW
