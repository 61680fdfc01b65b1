"""G.711 against the standard's own decision values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols import g711

SAMPLES = st.integers(-32768, 32767)
CODES = bytes(range(256))


def test_values_of_the_standard() -> None:
    """Extreme, smallest and zero values of tables 1a/2a, scaled to 16 bits."""
    assert list(g711.decode_ulaw(b"\x00\x80\x7f\xff\xfe")) == [-32124, 32124, 0, 0, 8]
    assert list(g711.decode_alaw(b"\x2a\xaa\x55\xd5\xd4")) == [-32256, 32256, -8, 8, 24]
    assert g711.encode_ulaw([0, 32767, -32768]) == b"\xff\x80\x00"
    assert g711.encode_alaw([0, 32767, -32768]) == b"\xd5\xaa\x2a"


def test_every_code_survives_linear() -> None:
    ulaw = g711.encode_ulaw(g711.decode_ulaw(CODES))
    assert ulaw == CODES.replace(b"\x7f", b"\xff")  # the two zeros are one
    assert g711.encode_alaw(g711.decode_alaw(CODES)) == CODES


@given(SAMPLES)
def test_encoding_takes_a_nearest_value(sample: int) -> None:
    for encode, decode, clip in (
        (g711.encode_ulaw, g711.decode_ulaw, 32124),
        (g711.encode_alaw, g711.decode_alaw, 32256),
    ):
        error = abs(decode(encode([sample]))[0] - sample)
        assert error <= max(abs(sample) / 16 * 0.55 + 8, abs(sample) - clip)


@given(st.binary(max_size=400))
def test_translation_is_the_nearest_and_keeps_the_length(data: bytes) -> None:
    across = g711.ulaw_to_alaw(data)
    assert len(across) == len(data)
    assert across == g711.encode_alaw(g711.decode_ulaw(data))
    assert g711.alaw_to_ulaw(data) == g711.encode_ulaw(g711.decode_alaw(data))


def test_a_tone_has_its_frequency_and_level() -> None:
    samples = g711.tone([440], 8000)
    power = abs(
        sum(
            value * complex(math.cos(w := 2 * math.pi * 440 * n / 8000), -math.sin(w))
            for n, value in enumerate(samples)
        )
    )
    assert 2 * power / 8000 == pytest.approx(32767 * 0.25, rel=0.01)
    assert max(g711.tone([440, 480], 8000)) <= 32767 * 0.5
