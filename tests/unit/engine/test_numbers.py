"""Numbers between a trunk's notation and E.164."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.ports import NumberFormat
from ringfence.engine.signalling.numbers import from_e164, is_e164, to_e164

US = NumberFormat()
GB = NumberFormat(country_code="44", national_prefix="0", international_prefix="00")


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("+15551230002", US, "+15551230002"),
        ("15551230002", US, "+15551230002"),
        ("5551230002", US, "+15551230002"),
        ("(555) 123-0002", US, "+15551230002"),
        ("011442071838750", US, "+442071838750"),
        ("02071838750", GB, "+442071838750"),
        ("0015551230002", GB, "+15551230002"),
        ("9915551230002", NumberFormat(strip_prefix="99"), "+15551230002"),
        ("442071838750", NumberFormat(style="no_plus"), "+442071838750"),
        ("sipp", US, None),
        ("", US, None),
        ("+", US, None),
        ("+0123456789", US, None),
        ("+1234567890123456", US, None),
        ("١٢٣٤٥٦٧٨٩٠", US, None),
    ],
)
def test_to_e164(text: str, form: NumberFormat, expected: str | None) -> None:
    assert to_e164(text, form) == expected


@pytest.mark.parametrize(
    ("number", "form", "expected"),
    [
        ("+15551230002", US, "+15551230002"),
        ("+15551230002", NumberFormat(style="no_plus"), "15551230002"),
        ("+15551230002", NumberFormat(style="no_plus", add_prefix="99"), "9915551230002"),
        ("+15551230002", NumberFormat(style="national"), "15551230002"),
        ("+442071838750", NumberFormat(style="national"), "011442071838750"),
        ("+442071838750", NumberFormat("44", "0", "00", style="national"), "02071838750"),
        ("alice", NumberFormat(style="national"), "alice"),
    ],
)
def test_from_e164(number: str, form: NumberFormat, expected: str) -> None:
    assert from_e164(number, form) == expected


@given(
    st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
    st.sampled_from(["e164", "no_plus"]),
)
def test_what_a_trunk_is_sent_reads_back(number: str, style: str) -> None:
    form = NumberFormat(style=style)  # type: ignore[arg-type]
    assert to_e164(from_e164(number, form), form) == number


@given(st.text())
def test_anything_gives_a_number_or_nothing(text: str) -> None:
    result = to_e164(text, US)
    assert result is None or is_e164(result)
