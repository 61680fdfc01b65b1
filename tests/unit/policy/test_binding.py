"""Which version binds whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.policy.rules.binding import Bound, Dated, bound

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


A, B, C = Dated(1, day(0), False), Dated(2, day(30), True), Dated(3, day(60), False)


@pytest.mark.promise("SIP-13.0-04")
def test_a_worse_version_waits_for_consent() -> None:
    """Binds from the day it holds, where it was accepted; else the old one goes on."""
    assert bound([A, B], (), day(-5), day(29)) == Bound(1)
    assert bound([A, B], (), day(-5), day(30)) == Bound(1, awaits=2)
    assert bound([A, B], (), day(-5), day(3000)) == Bound(1, awaits=2)
    assert bound([A, B], (2,), day(-5), day(29)) == Bound(1)
    assert bound([A, B], (2,), day(-5), day(30)) == Bound(2)


def test_later_versions_contain_the_worse_one() -> None:
    assert bound([A, B, C], (), day(-5), day(60)) == Bound(1, awaits=3)
    assert bound([A, B, C], (2,), day(-5), day(60)) == Bound(3)
    assert bound([A, B, C], (3,), day(-5), day(59)) == Bound(1, awaits=2)
    assert bound([A, B, C], (3,), day(-5), day(60)) == Bound(3)


def test_who_comes_later_comes_under_what_holds_then() -> None:
    assert bound([A, B], (), day(30), day(31)) == Bound(2)
    assert bound([A, B], (), day(29), day(31)) == Bound(1, awaits=2)
    assert bound([A], (), day(-5), day(-1)) == Bound(None)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=6),
    st.sets(st.integers(1, 6)),
    st.integers(-5, 130),
    st.integers(-5, 130),
)
def test_nobody_is_bound_to_what_is_worse_unasked(
    gaps: list[tuple[int, bool]], accepted: set[int], joined: int, now: int
) -> None:
    versions, at = [], 0
    for number, (gap, worse) in enumerate(gaps, 1):
        at += gap
        versions.append(Dated(number, day(at), worse))
    found = bound(versions, accepted, day(joined), day(now))
    in_force = [one for one in versions if one.effective_at <= day(now)]
    assert (found.number is None) is (not in_force)
    if found.number is None:
        return
    came_under = [one.number for one in in_force if one.effective_at <= day(joined)]
    consented = max([1, *came_under, *(one.number for one in in_force if one.number in accepted)])
    assert found.number >= consented
    assert not any(one.needs_consent for one in in_force if consented < one.number <= found.number)
    newest = in_force[-1].number
    assert found.awaits == (None if found.number == newest else newest)
