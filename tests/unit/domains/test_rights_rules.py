"""Deadlines and states of rights requests, by the law's own words."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.privacy.rights_vocabulary import (
    Jurisdiction,
    Refusal,
    RightsKind,
    RightsState,
    Urgency,
)
from ringfence.domains.privacy.rules import rights
from ringfence.policies.profiles.loading import NAMES, load_profile
from ringfence.policies.profiles.period import Period, Unit

moments = st.integers(1_704_067_200, 2_208_988_800).map(lambda at: datetime.fromtimestamp(at, UTC))
"""2024 to 2039."""
jurisdictions = st.sampled_from(Jurisdiction)
load_profile()  # it takes longer than an example may
profiles = st.sampled_from(NAMES)
states = st.sampled_from(RightsState)
kinds = st.sampled_from(RightsKind)
DAY = timedelta(days=1)


def months_later(moment: datetime, months: int) -> datetime:
    """Regulation 1182/71 article 3: the same date, or the last of a month that has none; by going
    day by day through the calendar."""
    for _ in range(months):
        year, month = moment.year, moment.month
        first = moment.replace(day=1) + DAY * calendar.monthrange(year, month)[1]
        length = calendar.monthrange(first.year, first.month)[1]
        moment = first.replace(day=min(moment.day, length))
    return moment


@given(moments, profiles)
def test_the_law_is_never_exceeded(received: datetime, name: str) -> None:
    promised = load_profile(name).rights
    for place, days in ((Jurisdiction.US_CA, 45), (Jurisdiction.US_OTHER, 45)):
        terms = rights.terms_of(place, promised)
        assert rights.due_at(RightsKind.ACCESS, received, terms) <= received + days * DAY
        assert rights.extended_until(received, terms) <= received + 2 * days * DAY
    eu = rights.terms_of(Jurisdiction.EU, promised)
    assert rights.due_at(RightsKind.ACCESS, received, eu) <= months_later(received, 1)
    last = months_later(received.replace(day=1), 3)
    end = min(received.day, calendar.monthrange(last.year, last.month)[1])
    assert rights.extended_until(received, eu) <= last.replace(day=end)


@given(moments, profiles, jurisdictions)
def test_an_extension_is_longer_and_nothing_is_due_before_it_comes(
    received: datetime, name: str, place: Jurisdiction
) -> None:
    terms = rights.terms_of(place, load_profile(name).rights)
    due = rights.due_at(RightsKind.ACCESS, received, terms)
    assert received < due < rights.extended_until(received, terms)


@pytest.mark.parametrize(
    ("place", "received", "due", "extended"),
    [
        (Jurisdiction.US_CA, "2026-01-31", "2026-03-02", "2026-04-16"),
        (Jurisdiction.US_OTHER, "2026-07-01", "2026-07-31", "2026-09-14"),
        (Jurisdiction.EU, "2026-07-01", "2026-07-31", "2026-09-30"),
        # 30 days from the end of January are more than a month; the law's month ends it
        (Jurisdiction.EU, "2026-01-31", "2026-02-28", "2026-04-28"),
        (Jurisdiction.EU, "2028-01-31", "2028-02-29", "2028-04-29"),
    ],
)
def test_days_of_the_strictest_profile(
    place: Jurisdiction, received: str, due: str, extended: str
) -> None:
    """30 days everywhere, 45 days more in the US, two months more in the EU."""
    terms = rights.terms_of(place, load_profile("strict").rights)
    moment = datetime.fromisoformat(f"{received}T12:00+00:00")
    assert rights.due_at(RightsKind.DELETION, moment, terms).isoformat() == f"{due}T12:00:00+00:00"
    assert rights.extended_until(moment, terms).isoformat() == f"{extended}T12:00:00+00:00"


@given(moments, st.integers(0, 40))
def test_business_days_are_counted_one_by_one(moment: datetime, count: int) -> None:
    end = rights.after(moment, Period(count, Unit.BUSINESS_DAYS))
    between = [moment + DAY * n for n in range(1, (end - moment).days + 1)]
    assert sum(calendar.weekday(d.year, d.month, d.day) < 5 for d in between) == count
    assert count == 0 or end.weekday() < 5


@given(
    moments, profiles, jurisdictions,
    st.sampled_from(["opt_out_sale", "opt_out_ads", "opt_out_profiling", "opt_out_cpni"]),
)  # fmt: skip
def test_an_opt_out_has_fifteen_business_days_at_most(
    received: datetime, name: str, place: Jurisdiction, kind: str
) -> None:
    """11 CCR 7026(f), whatever a profile says; three weeks of the calendar."""
    promised = load_profile(name).rights
    terms = rights.terms_of(place, promised)
    due = rights.due_at(RightsKind(kind), received, terms)
    days = [received + DAY * n for n in range(1, (due - received).days + 1)]
    assert sum(day.weekday() < 5 for day in days) <= 15
    longer = replace(terms, opt_out=Period(45, Unit.DAYS))
    assert rights.due_at(RightsKind(kind), received, longer) <= received + 21 * DAY
    assert rights.due_at(RightsKind.ACCESS, received, longer) > received + 21 * DAY


def test_ten_business_days_are_two_weeks() -> None:
    monday = datetime(2026, 11, 30, tzinfo=UTC)
    terms = rights.terms_of(Jurisdiction.US_CA, load_profile("strict").rights)
    assert rights.acknowledge_by(monday, terms) == datetime(2026, 12, 14, tzinfo=UTC)


@given(moments, st.integers(0, 60))
def test_months_go_by_the_calendar(moment: datetime, months: int) -> None:
    end = rights.after(moment, Period(months, Unit.MONTHS))
    assert (end.year * 12 + end.month) - (moment.year * 12 + moment.month) == months
    assert end.day == min(moment.day, calendar.monthrange(end.year, end.month)[1])
    assert end.timetz() == moment.timetz()


@pytest.mark.parametrize("unit", [Unit.ACCOUNT_LIFE, Unit.FOREVER])
def test_what_has_no_end_is_no_deadline(unit: Unit) -> None:
    with pytest.raises(ValueError, match="no end"):
        rights.after(datetime(2026, 1, 1, tzinfo=UTC), Period(0, unit))


def test_states_follow_each_other_one_way() -> None:
    """Typed here once more; and no way leads back, or out of an end."""
    known = {
        ("received", "verified"),
        ("received", "refused"),
        ("verified", "running"),
        ("verified", "refused"),
        ("running", "done"),
    }
    pairs = {
        (a.value, b.value) for a in RightsState for b in RightsState if rights.may_become(a, b)
    }
    assert pairs == known


@given(st.lists(states, max_size=12))
def test_whatever_is_tried_nothing_is_done_that_was_not_verified(tried: list[RightsState]) -> None:
    state, been = RightsState.RECEIVED, [RightsState.RECEIVED]
    for wanted in tried:
        if rights.may_become(state, wanted):
            state = wanted
            been.append(state)
    assert len(been) == len(set(been))
    if RightsState.RUNNING in been or RightsState.DONE in been:
        assert RightsState.VERIFIED in been
    if RightsState.DONE in been:
        assert RightsState.REFUSED not in been


@given(kinds, states, st.booleans(), moments, st.integers(-(10**7), 10**7))
def test_it_is_extended_once_while_open_and_in_time(
    kind: RightsKind, state: RightsState, extended: bool, due: datetime, seconds: int
) -> None:
    now = due + timedelta(seconds=seconds)
    may = rights.may_extend(kind, state, extended, now, due)
    unfinished = state.value not in ("done", "refused")
    longer = kind.value not in ("appeal", "child") and not kind.value.startswith("opt_out")
    assert may == (unfinished and not extended and seconds <= 0 and longer)


@given(moments, profiles, jurisdictions)
def test_an_appeal_is_decided_within_the_shortest_law(
    received: datetime, name: str, place: Jurisdiction
) -> None:
    terms = rights.terms_of(place, load_profile(name).rights)
    due = rights.appeal_due_at(received, place, terms)
    most = months_later(received, 1) if place.value == "eu" else received + 45 * DAY
    assert received < due <= min(most, rights.after(received, terms.deadline))


@given(kinds, states, st.none() | st.sampled_from(Refusal))
def test_a_refusal_alone_is_appealed(
    kind: RightsKind, state: RightsState, refusal: Refusal | None
) -> None:
    expected = (
        state.value == "refused"
        and kind.value not in ("appeal", "child")
        and (refusal is None or refusal.value != "withdrawn")
    )
    assert rights.may_appeal(kind, state, refusal) is expected


@given(states, moments, st.integers(-(10**7), 10**7))
def test_urgency_grows_to_the_end(state: RightsState, end: datetime, seconds: int) -> None:
    found = rights.urgency(state, end + timedelta(seconds=seconds), end)
    if state.value in ("done", "refused"):
        assert found is Urgency.NONE
    elif seconds > 0:
        assert found is Urgency.OVERDUE
    else:
        assert (found is Urgency.SOON) == (seconds >= -7 * 24 * 3600)
