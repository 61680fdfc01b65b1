"""What is speech and what is not, by synthetic voices, tones and noises."""

from __future__ import annotations

import math
import random

import pytest

from ringfence.engine.media.listener import Listener
from ringfence.protocols import g711

FRAME = 160
RATE = 8000


def level(db: float) -> float:
    return 32767 * 10 ** (db / 20)


def noise(db: float, seconds: float, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, level(db)) for _ in range(int(seconds * RATE))]


def voice(db: float, seconds: float) -> list[float]:
    """Syllables: harmonics of a gliding pitch under an envelope of five a second."""
    out, phase = [], 0.0
    for n in range(int(seconds * RATE)):
        at = n / RATE
        phase += 2 * math.pi * (130 + 30 * math.sin(2 * math.pi * 1.3 * at)) / RATE
        envelope = abs(math.sin(math.pi * 2.5 * at)) * (
            0.6 + 0.4 * math.sin(2 * math.pi * 0.9 * at)
        )
        out.append(level(db) * envelope * sum(math.sin(k * phase) / k for k in range(1, 6)))
    return out


def tone(
    db: float, seconds: float, *hertz: float, on: float = 1.0, off: float = 0.0
) -> list[float]:
    count = int(seconds * RATE)
    return [
        level(db) * sum(math.sin(2 * math.pi * f * n / RATE) for f in hertz)
        if n / RATE % (on + off) < on
        else 0.0
        for n in range(count)
    ]


def mixed(*parts: list[float]) -> list[float]:
    return [sum(values) for values in zip(*parts, strict=True)]


def listen(samples: list[float]) -> Listener:
    octets = g711.encode_ulaw(max(-32768, min(32767, int(value))) for value in samples)
    listener = Listener(0.0, 1e9)
    for start in range(0, len(octets) - FRAME + 1, FRAME):
        listener.hear(octets[start : start + FRAME], start / RATE)
    return listener


@pytest.mark.parametrize("db", [-9, -20, -30])
@pytest.mark.parametrize("line", [-90, -55])
def test_a_voice_is_speech(db: float, line: float) -> None:
    assert listen(mixed(voice(db, 1.5), noise(line, 1.5))).spoken


@pytest.mark.parametrize("line", [-90, -60, -50])
@pytest.mark.parametrize(
    "sound",
    [
        tone(-12, 4, 1000, on=0.4, off=1.6),
        tone(-12, 4, 1000),
        tone(-18, 4, 697, 1209, on=0.15, off=0.2),
        tone(-18, 4, 480, 620, on=0.5, off=0.5),
        [0.0] * (4 * RATE),
        [value if n % 6000 < 200 else 0.0 for n, value in enumerate(noise(-10, 4))],
    ],
    ids=["beeps", "tone", "keys", "busy", "nothing", "clicks"],
)
def test_a_tone_a_click_or_nothing_is_not(sound: list[float], line: float) -> None:
    assert not listen(mixed(sound, noise(line, 4))).spoken


@pytest.mark.parametrize("db", [-60, -45, -35])
def test_noise_is_not(db: float) -> None:
    assert not listen(noise(db, 6)).spoken


def test_comfort_noise_that_comes_and_goes_is_not() -> None:
    gated = [value if n % 8000 < 3000 else 0.0 for n, value in enumerate(noise(-42, 6))]
    assert not listen(gated).spoken


def test_quiet_is_told_once_and_counts_from_the_last_word() -> None:
    octets = g711.encode_ulaw(int(value) for value in voice(-12, 2.0))
    listener = Listener(100.0, 3.0)
    assert not listener.quiet(102.9)
    for start in range(0, len(octets), FRAME):
        listener.hear(octets[start : start + FRAME], 102.0 + start / RATE)
    assert listener.spoken and not listener.quiet(106.5)
    assert listener.quiet(107.1) and not listener.quiet(200.0)


def test_nothing_that_comes_at_all_is_quiet() -> None:
    listener = Listener(5.0, 2.0)
    listener.hear(b"", 5.5)
    assert not listener.quiet(6.9) and listener.quiet(7.0) and not listener.spoken
