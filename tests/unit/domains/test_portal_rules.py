"""Rules of the portal: what is a contact, how a visit goes, when a code goes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.portal.rules.contact import Contact, parse_contact
from ringfence.domains.portal.rules.visit import (
    Answer,
    Counts,
    Event,
    State,
    Visit,
    after,
    answer,
    now_is,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 2400)), max_size=30)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("(415) 555-0100", Contact("e164", "+14155550100")),
        (" +44 20 7946 0018 ", Contact("e164", "+442079460018")),
        ("Ann@Example.COM", Contact("email", "ann@example.com")),
        ("911", None),
        ("+1 900 555 0100", None),
        ("415-555-0100 ext. 3", None),
        ("ann@example.com\nBcc: x@example.com", None),
        ("ann@b@example.com", None),
        ("a b@example.com", None),
        ("ann", None),
        ("", None),
    ],
)
def test_what_a_contact_is(told: str, found: Contact | None) -> None:
    assert parse_contact(told) == found


@given(st.text(max_size=60))
def test_any_text_is_a_contact_or_none(told: str) -> None:
    found = parse_contact(told)
    assert found is None or parse_contact(found.text) == found


@given(STEPS)
def test_no_path_to_a_proof_but_a_right_code_in_time(steps: list[tuple[Event, int]]) -> None:
    """Held against a plain reading of the rule: ten minutes, five wrong codes, thirty minutes."""
    now, visit, wrong = START, Visit(State.ASKED, START + timedelta(minutes=10)), 0
    proven: datetime | None = None
    over = False
    for event, seconds in steps:
        now += timedelta(seconds=seconds)
        fresh = now < START + timedelta(minutes=10) and wrong < 5 and proven is None and not over
        held = proven is not None and now < proven + timedelta(minutes=30) and not over
        visit = after(visit, event, now)
        if event is Event.CODE_RIGHT and fresh:
            proven = now
        elif event is Event.CODE_WRONG and fresh:
            wrong += 1
        elif event is Event.LEAVE and (fresh or held):
            over = True
        expected = proven is not None and now < proven + timedelta(minutes=30) and not over
        assert (now_is(visit, now) is State.PROVEN) == expected


@pytest.mark.parametrize(
    ("counts", "by_call", "expected"),
    [
        (Counts(0, 0, 0, 0, 0), True, Answer.SEND),
        (Counts(2, 7, 9, 299, 59), True, Answer.SEND),
        (Counts(3, 3, 0, 0, 0), False, Answer.SILENT),
        (Counts(0, 8, 0, 0, 0), False, Answer.SILENT),
        (Counts(0, 0, 10, 0, 0), False, Answer.BUSY),
        (Counts(0, 0, 0, 300, 0), False, Answer.BUSY),
        (Counts(0, 0, 0, 60, 60), True, Answer.BUSY),
        (Counts(0, 0, 0, 60, 60), False, Answer.SEND),
        (Counts(3, 8, 10, 0, 0), False, Answer.BUSY),
    ],
)
def test_when_a_code_goes_out(counts: Counts, by_call: bool, expected: Answer) -> None:
    assert answer(counts, by_call=by_call) is expected
