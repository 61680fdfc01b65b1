"""Audio that a worker makes itself, as 20 ms frames of G.711."""

from __future__ import annotations

import itertools
import sys
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from ringfence.engine.media.errors import PlaySourceInvalid
from ringfence.protocols import g711, wav

FRAME_SAMPLES = 160
_FRAMES_PER_SECOND = 50
_RINGBACK = {"us": ((440, 480), 2, 4)}
"""Frequencies, seconds of tone, seconds of tone and pause: ITU-T E.180 supplement 2."""

Frames = Iterator[bytes]
"""Payloads of 160 octets; ends when the source does."""
_ENCODERS: dict[str, Callable[[array[int]], bytes]] = {
    "PCMU": g711.encode_ulaw,
    "PCMA": g711.encode_alaw,
}
_SILENT = {
    "PCMU": bytes([g711.ULAW_SILENCE]) * FRAME_SAMPLES,
    "PCMA": bytes([g711.ALAW_SILENCE]) * FRAME_SAMPLES,
}


def open_source(source: str) -> Callable[[str], Frames]:
    """What PlayRequest.source names, as a function from a codec name to its frames.

    Blocks while a file is read. Raises PlaySourceInvalid.
    """
    kind, _, value = source.partition(":")
    if kind == "silence" and not value:
        return lambda codec: itertools.repeat(_SILENT[codec])
    if kind == "tone" and value.isascii() and value.isdigit() and 0 < int(value) < 4000:
        return lambda codec: itertools.cycle(_second((int(value),), codec))
    if kind == "ringback" and value in _RINGBACK:
        frequencies, on, period = _RINGBACK[value]
        return lambda codec: itertools.cycle(_cadence(frequencies, on, period, codec))
    if kind == "file" and value:
        samples = _read_wav(Path(value))
        return lambda codec: _encoded(samples, codec)
    raise PlaySourceInvalid("nothing can be played from this source")


@lru_cache(maxsize=32)
def _second(frequencies: tuple[int, ...], codec: str) -> tuple[bytes, ...]:
    """One second of a tone; whole hertz, so that it joins itself without a click."""
    encoded = _ENCODERS[codec](g711.tone(frequencies, g711.RATE))
    return tuple(
        encoded[n : n + FRAME_SAMPLES] for n in range(0, _FRAMES_PER_SECOND * 160, FRAME_SAMPLES)
    )


def _cadence(frequencies: tuple[int, ...], on: int, period: int, codec: str) -> list[bytes]:
    pause = [_SILENT[codec]] * (_FRAMES_PER_SECOND * (period - on))
    return [*_second(frequencies, codec) * on, *pause]


def _encoded(samples: array[int], codec: str) -> Frames:
    encode = _ENCODERS[codec]
    for start in range(0, len(samples), FRAME_SAMPLES):
        frame = encode(samples[start : start + FRAME_SAMPLES])
        yield frame + _SILENT[codec][len(frame) :]


def _read_wav(path: Path) -> array[int]:
    try:
        data = path.read_bytes()
        header = wav.parse(data)
    except (OSError, wav.WavError):
        raise PlaySourceInvalid("the file cannot be read as WAV") from None
    if (header.encoding, header.channels, header.rate) != (wav.Encoding.PCM16, 1, 8000):
        raise PlaySourceInvalid("the file is not WAV, 8 kHz, mono, 16 bit")
    end = len(data) if header.data_bytes is None else header.data_start + header.data_bytes
    samples = array("h")
    body = data[header.data_start : end]
    samples.frombytes(body[: len(body) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
