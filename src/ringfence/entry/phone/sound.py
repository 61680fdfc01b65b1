"""Tones: made as G.711, and recognised in G.711 (ITU-T G.711; Fourier transform).

Every tone is a multiple of 10 Hz, so that 100 ms hold whole periods: the frames repeat, and each
tone falls into exactly one spectral bin.
"""

from __future__ import annotations

import math
from bisect import bisect
from functools import cache, lru_cache

import numpy as np

RATE = 8000
FRAME = 160
WINDOW = 800
"""Samples analysed at once: 100 ms, bins of 10 Hz."""
_AMPLITUDE = 8000.0
_QUIET = 60.0
"""Root mean square below which a window counts as silence."""
_SHARE = 0.1
"""Share of a window's energy that makes a bin a tone."""


def _expand_u(byte: int) -> int:
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


def _expand_a(byte: int) -> int:
    byte ^= 0x55
    segment, step = byte >> 4 & 7, (byte & 0x0F) << 4
    magnitude = step + 8 if segment == 0 else step + 0x108 << segment - 1
    return magnitude if byte & 0x80 else -magnitude


_EXPAND = {
    "PCMU": [_expand_u(byte) for byte in range(256)],
    "PCMA": [_expand_a(byte) for byte in range(256)],
}


@cache
def _compressor(codec: str) -> list[tuple[float, int]]:
    return sorted((level, byte) for byte, level in enumerate(_EXPAND[codec]))


def _compress(sample: float, codec: str) -> int:
    levels = _compressor(codec)
    above = min(bisect(levels, (sample,)), len(levels) - 1)
    return min(levels[max(above - 1, 0)], levels[above], key=lambda item: abs(item[0] - sample))[1]


@lru_cache(maxsize=1024)
def tone_frames(hertz: int, codec: str, level: float = 1.0) -> tuple[bytes, ...]:
    """The 20 ms payloads of a tone, to be repeated; 0 Hz is silence. Raises ValueError."""
    if hertz % 10 or not 0 <= hertz < RATE // 2:
        raise ValueError("a tone is a multiple of 10 Hz below 4000 Hz")
    step = 2 * math.pi * hertz / RATE
    data = bytes(_compress(level * _AMPLITUDE * math.sin(step * n), codec) for n in range(WINDOW))
    return tuple(data[at : at + FRAME] for at in range(0, WINDOW, FRAME))


def decode(payload: bytes, codec: str) -> list[int]:
    """Linear samples of a G.711 payload."""
    table = _EXPAND[codec]
    return [table[byte] for byte in payload]


def tones_in(samples: list[int]) -> set[int]:
    """The tones in Hz that hold a share of the energy of WINDOW samples; none in silence."""
    energy = sum(sample * sample for sample in samples)
    if len(samples) != WINDOW or math.sqrt(energy / WINDOW) < _QUIET:
        return set()
    bins = np.abs(np.fft.rfft(samples))[: WINDOW // 2]
    shares = 2 * bins**2 / (WINDOW * energy)
    return {int(index) * RATE // WINDOW for index in np.flatnonzero(shares >= _SHARE)}
