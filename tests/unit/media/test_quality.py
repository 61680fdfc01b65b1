"""The E-model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media import quality


def test_a_perfect_path() -> None:
    """G.107 gives R = 93.2 and MOS 4.41 by default; packetisation costs half a point of R."""
    assert quality.rating(0, 0) == 93.2
    assert quality.mos(0, 0, 0) == pytest.approx(4.40, abs=0.01)


@pytest.mark.parametrize(
    ("loss", "delay", "expected"),
    [(0.01, 0, 89.56), (0.05, 0, 77.42), (0, 150, 89.6), (0, 400, 59.1), (0.2, 0, 51.07)],
)
def test_ratings(loss: float, delay: float, expected: float) -> None:
    assert quality.rating(loss, delay) == pytest.approx(expected, abs=0.05)


@given(st.floats(0, 1), st.floats(0, 5000), st.none() | st.floats(0, 30000))
def test_mos_is_bounded_and_never_rises_with_impairment(
    loss: float, jitter: float, rtt: float | None
) -> None:
    value = quality.mos(loss, jitter, rtt)
    assert 1.0 <= value <= 4.5
    assert quality.mos(min(1.0, loss + 0.05), jitter, rtt) <= value
    assert quality.mos(loss, jitter + 20, rtt) <= value
