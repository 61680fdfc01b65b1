"""G.711 by tables: companding, mu-law/A-law translation, tones (ITU-T G.711).

Linear samples are signed 16-bit. Translation between the laws is one ``bytes.translate``.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence

RATE = 8000
ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 0x07)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _linear_to_ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(-sample if sign else sample, 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def _alaw_to_linear(code: int) -> int:
    code ^= 0x55
    exponent = code >> 4 & 0x07
    magnitude = (code & 0x0F) << 4 | 0x08
    if exponent:
        magnitude = (magnitude | 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


def _linear_to_alaw(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sign else -sample - 1, 32767)
    exponent = max(magnitude.bit_length() - 8, 0)
    mantissa = magnitude >> (exponent + 3 if exponent else 4) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


_FROM_ULAW = tuple(_ulaw_to_linear(code) for code in range(256))
_FROM_ALAW = tuple(_alaw_to_linear(code) for code in range(256))
# One entry per linear value as an unsigned 16-bit index.
_SIGNED = [value - 0x10000 if value & 0x8000 else value for value in range(0x10000)]
_TO_ULAW = bytes(_linear_to_ulaw(value) for value in _SIGNED)
_TO_ALAW = bytes(_linear_to_alaw(value) for value in _SIGNED)

ULAW_TO_ALAW = bytes(_linear_to_alaw(value) for value in _FROM_ULAW)
ALAW_TO_ULAW = bytes(_linear_to_ulaw(value) for value in _FROM_ALAW)


def ulaw_to_alaw(data: bytes) -> bytes:
    """Translate mu-law octets to A-law."""
    return data.translate(ULAW_TO_ALAW)


def alaw_to_ulaw(data: bytes) -> bytes:
    """Translate A-law octets to mu-law."""
    return data.translate(ALAW_TO_ULAW)


def decode_ulaw(data: bytes) -> array[int]:
    """Linear 16-bit samples of mu-law octets."""
    return array("h", [_FROM_ULAW[code] for code in data])


def decode_alaw(data: bytes) -> array[int]:
    """Linear 16-bit samples of A-law octets."""
    return array("h", [_FROM_ALAW[code] for code in data])


def encode_ulaw(samples: Iterable[int]) -> bytes:
    """mu-law octets of linear samples (-32768..32767)."""
    return bytes([_TO_ULAW[sample & 0xFFFF] for sample in samples])


def encode_alaw(samples: Iterable[int]) -> bytes:
    """A-law octets of linear samples (-32768..32767)."""
    return bytes([_TO_ALAW[sample & 0xFFFF] for sample in samples])


def tone(frequencies: Sequence[float], samples: int, *, level: float = 0.25) -> array[int]:
    """Linear samples of the sum of sines, each of amplitude ``level`` of full scale.

    ``level`` times the number of frequencies must not exceed 1.
    """
    steps = [2 * math.pi * frequency / RATE for frequency in frequencies]
    amplitude = 32767 * level
    return array(
        "h", [int(amplitude * sum(math.sin(step * n) for step in steps)) for n in range(samples)]
    )
