"""Uploaded WAV files become what calls play: 8 kHz, mono, 16 bit.

Read: linear PCM of 16 bit, mu-law and A-law, also as WAVE_FORMAT_EXTENSIBLE (Microsoft RIFF). Two
channels are averaged. Resampled by a polyphase Kaiser-windowed low-pass that lets 3.4 kHz through
and keeps 4 kHz and above from folding into the band; a file whose peaks exceed -1 dBFS is made
quieter as a whole, so that nothing clips.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ringfence.domains.flows.contracts import (
    PromptFormatUnsupported,
    PromptNotAudio,
    PromptTooLarge,
)
from ringfence.protocols import wav
from ringfence.protocols.g711 import decode_alaw, decode_ulaw

MAX_BYTES = 10_000_000
MAX_SECONDS = 600
RATE = 8000
RATES = (8000, 16000, 22050, 24000, 44100, 48000)
_PCM, _ALAW, _ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""Of every sub-format that stands for a plain format tag."""
_TABLES = {
    _ALAW: np.array(decode_alaw(bytes(range(256))), np.int16),
    _ULAW: np.array(decode_ulaw(bytes(range(256))), np.int16),
}
_PEAK = 10 ** (-1 / 20)
_PASS, _STOP, _ATTENUATION = 3400.0, 4000.0, 70.0
"""Hertz, hertz, decibels."""
_BLOCK = 4096

Samples: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    rate: int


def to_telephone(data: bytes) -> tuple[bytes, int]:
    """The WAV file that calls play, and its number of samples.

    Raises PromptNotAudio, PromptFormatUnsupported, PromptTooLarge.
    """
    if len(data) > MAX_BYTES:
        raise PromptTooLarge(f"a prompt has at most {MAX_BYTES} bytes")
    format_, body = _read(data)
    frame = format_.channels * (2 if format_.tag == _PCM else 1)
    frames = len(body) // frame
    if frames == 0:
        raise PromptNotAudio("the file holds no samples")
    if frames > MAX_SECONDS * format_.rate:
        raise PromptTooLarge(f"a prompt lasts at most {MAX_SECONDS} seconds")
    sound = _resample(_mono(format_, body[: frames * frame]), format_.rate)
    peak = float(np.max(np.abs(sound)))
    if peak > _PEAK:
        sound *= _PEAK / peak
    pcm = np.rint(sound * 32768).astype("<i2").tobytes()
    return wav.header(wav.Encoding.PCM16, len(pcm)) + pcm, len(pcm) // 2


def _read(data: bytes) -> tuple[_Format, bytes]:
    """The format and the samples; chunks that mean nothing here are passed over."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise PromptNotAudio("the file is not a WAV file")
    format_: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"data":
            if format_ is None:
                raise PromptNotAudio("samples come before their format")
            if size == wav.UNKNOWN:
                size = len(data) - at  # a stream: until the end
            if at + size > len(data):
                raise PromptNotAudio("the file is cut off")
            return format_, data[at : at + size]
        if name == b"fmt ":
            format_ = _format(data[at : at + size])
        at += size + size % 2
    raise PromptNotAudio("the file holds no samples")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise PromptNotAudio("the format is cut off")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 40 and chunk[26:40] == _GUID_TAIL:
        tag = int.from_bytes(chunk[24:26], "little")
    if (tag, bits) not in ((_PCM, 16), (_ALAW, 8), (_ULAW, 8)):
        raise _unsupported("encoding", "linear PCM of 16 bit, mu-law or A-law")
    if channels not in (1, 2):
        raise _unsupported("channels", "one channel or two")
    if rate not in RATES:
        raise _unsupported("rate", f"a rate of {', '.join(map(str, RATES))} Hz")
    return _Format(tag, channels, rate)


def _unsupported(field: str, wanted: str) -> PromptFormatUnsupported:
    return PromptFormatUnsupported(f"a prompt has {wanted}", details={"field": field})


def _mono(format_: _Format, body: bytes) -> Samples:
    """Samples between -1 and 1."""
    linear: npt.NDArray[Any]
    if format_.tag == _PCM:
        linear = np.frombuffer(body, "<i2")
    else:
        linear = _TABLES[format_.tag][np.frombuffer(body, np.uint8)]
    frames = linear.reshape(-1, format_.channels)
    mixed: Samples = frames.mean(axis=1, dtype=np.float32)
    return mixed / np.float32(32768)


def _resample(sound: Samples, rate: int) -> Samples:
    """At 8 kHz. Of L/M, output n is input at n·M/L through phase n·M mod L of the filter."""
    if rate == RATE:
        return sound
    up, down = RATE // math.gcd(RATE, rate), rate // math.gcd(RATE, rate)
    phases = _phases(rate, up)
    taps = phases.shape[1]
    padded = np.concatenate((np.zeros(taps // 2), sound, np.zeros(taps)), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    out = np.empty(-(-len(sound) * up // down), np.float32)
    for phase in range(up):
        chosen = out[phase::up]
        own = windows[phase * down // up :: down]
        taps_of_phase = phases[phase * down % up]
        for start in range(0, len(chosen), _BLOCK):
            end = min(start + _BLOCK, len(chosen))
            chosen[start:end] = own[start:end] @ taps_of_phase
    return out


def _phases(rate: int, up: int) -> Samples:
    """Row p: the taps for outputs that lie p/up after an input sample, in the order of inputs."""
    width = 2 * math.pi * (_STOP - _PASS) / rate
    taps = math.ceil((_ATTENUATION - 7.95) / (2.285 * width)) // 2 * 2
    beta = 0.1102 * (_ATTENUATION - 8.7)
    cutoff = (_PASS + _STOP) / rate  # of the sinc, in cycles a sample, twice
    offset = np.arange(taps) - taps // 2
    rows = []
    for phase in range(up):
        at = offset - phase / up
        window = np.i0(beta * np.sqrt(np.clip(1 - (2 * at / taps) ** 2, 0, None))) / np.i0(beta)
        row = cutoff * np.sinc(cutoff * at) * window
        rows.append(row / row.sum())
    return np.array(rows, np.float32)
