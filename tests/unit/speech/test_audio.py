"""Resampling and levels, by spectra taken here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ringfence.engine.speech import audio
from ringfence.protocols import g711


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> audio.Samples:
    n = np.arange(int(rate * seconds))
    return (level * np.sin(2 * math.pi * hertz * n / rate)).astype(np.float32)


def rms_db(samples: audio.Samples) -> float:
    return 20 * math.log10(float(np.sqrt(np.mean(samples[800:-800] ** 2))) + 1e-12)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("hertz", [100, 1000, 3300])
def test_speech_band_passes_unchanged_and_in_time(rate: int, hertz: int) -> None:
    out = audio.decimate(tone(hertz, rate), rate)
    assert len(out) == 8000
    assert np.abs(out - tone(hertz, 8000))[400:-400].max() < 0.01


@pytest.mark.parametrize("hertz", [4100, 5000, 7000, 8000, 9000, 11_500])
def test_what_8_khz_cannot_carry_is_gone(hertz: int) -> None:
    assert rms_db(audio.decimate(tone(hertz, 24_000), 24_000)) < -65


def test_level_is_even_without_clipping() -> None:
    for level in (0.2, 0.5, 1.0, 3.0):
        samples = tone(300, 8000, level=level)
        linear = np.array(g711.decode_ulaw(audio.encode(samples)))
        assert 0.68 < np.abs(linear).max() / 32767 < 0.74
        assert (np.abs(linear) == np.abs(linear).max()).mean() < 0.25
    soft = np.array(g711.decode_ulaw(audio.encode(tone(300, 8000, level=0.01))))
    assert np.abs(soft).max() / 32767 == pytest.approx(0.04, rel=0.1)


def test_sentences_are_joined_by_a_pause_and_begin_at_once() -> None:
    silence = np.zeros(4000, np.float32)
    word = np.concatenate([silence, tone(500, 8000, 0.5), silence])
    joined = audio.join([word, silence, word])
    loud = np.flatnonzero(np.abs(joined) > 0.02)
    assert loud[0] <= 0.05 * 8000 and len(joined) - loud[-1] <= 0.15 * 8000
    gaps = np.diff(loud)
    assert (gaps > 800).sum() == 1 and 0.3 < gaps.max() / 8000 < 0.45
    assert not len(audio.join([silence])) and audio.encode(audio.join([])) == b""


def test_octets_are_whole_frames() -> None:
    octets = audio.encode(tone(500, 8000, 0.1234))
    assert len(octets) % 160 == 0 and set(octets[988:]) == {0xFF}
