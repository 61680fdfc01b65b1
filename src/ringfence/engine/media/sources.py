"""Audio that a worker sends of itself, as 20 ms frames of G.711."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache

from ringfence.engine.media.errors import PlaySourceInvalid
from ringfence.protocols import g711

FRAME_SAMPLES = 160
_FRAMES_PER_SECOND = 50
_RINGBACK = {"us": ((440, 480), 2, 4)}
"""Frequencies, seconds of tone, seconds of tone and pause: ITU-T E.180 supplement 2."""

Frames = Iterator[bytes]
"""Payloads of 160 octets; ends when the source does."""
Sound = Callable[[str], Frames]
"""From a codec name to the frames, from their beginning."""
_ENCODERS: dict[str, Callable[[array[int]], bytes]] = {
    "PCMU": g711.encode_ulaw,
    "PCMA": g711.encode_alaw,
}
_SILENT = {
    "PCMU": bytes([g711.ULAW_SILENCE]) * FRAME_SAMPLES,
    "PCMA": bytes([g711.ALAW_SILENCE]) * FRAME_SAMPLES,
}
_BEEP = g711.encode_ulaw(g711.tone((1000,), g711.RATE * 4 // 10))


def made(source: str, loop: int = 1) -> Sound:
    """What PlayRequest.source names and needs no octets. Raises PlaySourceInvalid."""
    kind, _, value = source.partition(":")
    if source == "silence":
        return lambda codec: itertools.repeat(_SILENT[codec])
    if source == "beep":
        return finite(_BEEP, loop)
    if kind == "tone" and value.isascii() and value.isdigit() and 0 < int(value) < 4000:
        return lambda codec: itertools.cycle(_second((int(value),), codec))
    if kind == "ringback" and value in _RINGBACK:
        frequencies, on, period = _RINGBACK[value]
        return lambda codec: itertools.cycle(_cadence(frequencies, on, period, codec))
    raise PlaySourceInvalid("nothing can be played from this source")


def finite(audio: bytes, loop: int) -> Sound:
    """Mu-law octets, ``loop`` times (0: for ever), each time from the start of a frame.

    Raises PlaySourceInvalid when there are none.
    """
    if not audio or loop < 0:
        raise PlaySourceInvalid("there is no audio to play, or less than no repetition")
    return lambda codec: _frames(audio, loop, codec)


def _frames(audio: bytes, loop: int, codec: str) -> Frames:
    for _ in range(loop) if loop else itertools.count():
        for start in range(0, len(audio), FRAME_SAMPLES):
            frame = audio[start : start + FRAME_SAMPLES]
            if codec == "PCMA":
                frame = g711.ulaw_to_alaw(frame)
            yield frame + _SILENT[codec][len(frame) :]


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
