"""Texts as they are handed to an engine."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.engine.speech.words import sentences


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello. Press 1!\nBye", ["Hello.", "Press 1!", "Bye"]),
        ("Dr. Smith met J. K. Rowling at 3.30 p.m. today.", None),
        ("ZIP 90210.", ["ZIP 9 0 2 1 0."]),
        ("PIN 0420, room 42, in 2026", ["PIN 0 4 2 0, room 42, in 2026"]),
        ("$12500.50 for 1,250 people", ["$12500.50 for 1,250 people"]),
        ("Call +14155550123.", ["Call 1, 4 1 5, 5 5 5, 0 1 2 3."]),
        ("(415) 555-0123", ["4 1 5, 5 5 5, 0 1 2 3"]),
        ("1-800-555-0199", ["1, 8 0 0, 5 5 5, 0 1 9 9"]),
        ("+442079460000", ["4 4 2, 0 7 9, 4 6 0, 0 0 0"]),
        ("say [hi](/h/) now", ["say hi (/h/) now"]),
        ("wait......... what?!", ["wait. what?!"]),
        (" \n \u200b ", []),
    ],
)
def test_what_is_spoken(text: str, spoken: list[str] | None) -> None:
    told = [" ".join(item.split()) for item in sentences(text)]
    assert told == (spoken if spoken is not None else [text])


@given(st.text(alphabet=st.characters() | st.sampled_from("a1 .,/-([$\n"), max_size=1500))
@settings(max_examples=150, deadline=None)
def test_no_sentence_is_long_nor_any_word(text: str) -> None:
    for sentence in sentences(text):
        assert sentence.strip() and len(sentence) <= 300
        assert not {"[", "]"} & set(sentence)


@pytest.mark.parametrize("unit", ["word ", "1", "/", "a.b.", "1-", "+1", "(4", "((", "Dr. ", "1,"])
def test_hostile_texts_cost_little(unit: str) -> None:
    """Of a text whose cost grows with its square this would take an hour, not a fraction of a
    second: the bound says that it ends, and measures nothing."""
    start = time.process_time()
    pieces = sentences(unit * (400_000 // len(unit)))
    assert time.process_time() - start < 60
    assert all(len(piece) <= 300 for piece in pieces)
