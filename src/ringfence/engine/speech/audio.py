"""From an engine's sentences to telephone audio: 8 kHz, mu-law, even in level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ringfence.engine.speech.engine import Samples
from ringfence.protocols import g711

PEAK = 10 ** (-3 / 20)
"""Of the loudest sample, of full scale."""
_MOST_GAIN = 4.0
_PASS_HERTZ, _STOP_HERTZ = 3400, 4000
_SILENT = 10 ** (-46 / 20)
"""Of the loudest sample: what is softer at the ends of a sentence is cut off."""
_LEAD, _TAIL, _PAUSE = (g711.RATE * ms // 1000 for ms in (40, 120, 240))
"""What stays in front of a sentence and behind it, and what is put between two."""


def decimate(samples: Samples, rate: int) -> Samples:
    """At 8 kHz, without what 8 kHz cannot carry: a polyphase FIR filter of linear phase.

    ``rate`` is a multiple of 8000.
    """
    factor = rate // g711.RATE
    if factor == 1 or not len(samples):
        return samples
    taps = _low_pass(rate)
    middle = len(taps) // 2
    count = -(-len(samples) // factor)
    padded = np.zeros(count * factor + len(taps) + factor, np.float32)
    padded[middle : middle + len(samples)] = samples
    out = np.zeros(count, np.float32)
    for phase in range(factor):  # out[n] = sum over k of taps[k] * padded[n * factor + k]
        part = padded[phase::factor]
        out += np.correlate(part, taps[phase::factor], "valid")[:count]
    return out


@cache
def _low_pass(rate: int) -> Samples:
    """Windowed sinc (Kaiser, 70 dB) from the pass band to half of 8 kHz."""
    attenuation = 70.0
    width = 2 * np.pi * (_STOP_HERTZ - _PASS_HERTZ) / rate
    half = int(np.ceil((attenuation - 8) / (2.285 * width) / 2))
    n = np.arange(-half, half + 1)
    cutoff = (_PASS_HERTZ + _STOP_HERTZ) / rate  # of half the rate
    taps = cutoff * np.sinc(cutoff * n) * np.kaiser(2 * half + 1, 0.1102 * (attenuation - 8.7))
    return np.asarray(taps / taps.sum(), np.float32)


def join(parts: Sequence[Samples]) -> Samples:
    """Sentences at 8 kHz one after the other, with a pause between; empty when nothing is heard."""
    pieces: list[Samples] = []
    for part in map(_trim, parts):
        if not len(part):
            continue
        if pieces:
            pieces.append(np.zeros(_PAUSE, np.float32))
        pieces.append(part)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def encode(samples: Samples) -> bytes:
    """Mu-law octets with the loudest sample at PEAK, whole 20 ms frames."""
    peak = float(np.abs(samples).max(initial=0.0))
    gain = min(PEAK / peak, _MOST_GAIN) if peak else 1.0
    linear = np.rint(samples * (gain * 32767)).astype(np.int32)
    octets: bytes = _ulaw()[linear + 0x8000].tobytes()
    return octets + bytes([g711.ULAW_SILENCE]) * (-len(octets) % 160)


def _trim(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > _SILENT * np.abs(samples).max(initial=0.0))
    if not len(loud):
        return samples[:0]
    return samples[max(loud[0] - _LEAD, 0) : loud[-1] + _TAIL]


@cache
def _ulaw() -> NDArray[np.uint8]:
    return np.frombuffer(g711.encode_ulaw(range(-0x8000, 0x8000)), np.uint8)
