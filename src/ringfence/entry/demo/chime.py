"""The prompt that the demo uploads: a tone that no voice has, known again at the caller's ear."""

from __future__ import annotations

import io
import math
import struct
import wave

HERTZ = 990
_RATE, _SECONDS, _AMPLITUDE = 16_000, 0.6, 9000


def wav() -> bytes:
    """A WAV file: mono, 16 bit, 16 kHz."""
    step = 2 * math.pi * HERTZ / _RATE
    count = int(_RATE * _SECONDS)
    samples = (round(_AMPLITUDE * math.sin(step * n)) for n in range(count))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(struct.pack(f"<{count}h", *samples))
    return file.getvalue()
