"""When an item of a category ends, by the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.policies.profiles import NAMES, Period, first_kept, last_day, load_profile
from ringfence.policies.profiles.ends import later
from ringfence.policies.profiles.retention import Keep

DAY = timedelta(days=1)
_dates = st.dates(date(2000, 1, 1), date(2080, 1, 1))
_finite = st.builds(
    "{} {}".format, st.integers(0, 40), st.sampled_from(["days", "months", "years"])
)
_open = st.sampled_from(["account life", "forever"])


def keep(active: str, after_closure: str, floor: str) -> Keep:
    lengths = [Period.of(text) for text in (active, after_closure, floor, active, active)]
    return Keep(*lengths, frozenset({"a test"}))


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        ("2026-03-01", "30 days", "2026-03-31"),
        ("2026-08-31", "6 months", "2027-02-28"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2026-12-15", "1 month", "2027-01-15"),
        ("2026-12-15", "7 years", "2033-12-15"),
    ],
)
def test_by_the_calendar(start: str, length: str, end: str) -> None:
    assert later(date.fromisoformat(start), Period.of(length)) == date.fromisoformat(end)


def test_at_the_earlier_end_but_never_below_the_law() -> None:
    start, closed = date(2026, 1, 1), date(2027, 1, 1)
    assert last_day(keep("7 years", "30 days", "7 years"), start, closed) == date(2033, 1, 1)
    assert last_day(keep("7 years", "30 days", "0 days"), start, closed) == date(2027, 1, 31)
    assert last_day(keep("6 months", "30 days", "0 days"), start, closed) == date(2026, 7, 1)
    assert last_day(keep("account life", "7 years", "7 years"), start, None) is None
    assert last_day(keep("account life", "7 years", "7 years"), start, closed) == date(2034, 1, 1)
    assert last_day(keep("forever", "forever", "0 days"), start, closed) is None


@given(
    st.builds(keep, _finite | _open, _finite | _open, _finite), _dates, st.none() | _dates, _dates
)
def test_what_is_kept_is_kept_from_its_first_day_on(
    kept: Keep, today: date, closed: date | None, start: date
) -> None:
    """``first_kept`` says of each item what ``last_day`` does."""
    first, end = first_kept(kept, today, closed), last_day(kept, start, closed)
    if first is None:
        assert end is None
    elif today - 99 * 365 * DAY < start <= today:
        assert end is not None
        assert (start >= first) == (end >= today)


@pytest.mark.parametrize("name", NAMES)
def test_the_law_of_seven_years_holds_in_every_profile(name: str) -> None:
    kept, closed = load_profile(name).retention, date(2026, 3, 1)
    for category in (kept.ledger, kept.tax_record):
        assert last_day(category, closed, closed) == date(2033, 3, 1)
        first = first_kept(category, date(2033, 3, 2), closed)
        assert first is not None and first > closed
    assert last_day(kept.cpni_notices, closed, None) == date(2027, 3, 1)
