"""Uploaded audio becomes telephone audio: the same tone, nothing folded into it, never clipped."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.flows.audio import RATES, to_telephone
from ringfence.domains.flows.contracts import (
    PromptFormatUnsupported,
    PromptNotAudio,
    PromptTooLarge,
)
from ringfence.kernel.errors import RingfenceError
from ringfence.protocols.g711 import encode_alaw, encode_ulaw

Sound = npt.NDArray[np.float64]
HEAD = 44


def riff(body: bytes, fmt: bytes, extra: bytes = b"") -> bytes:
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def fmt(tag: int, channels: int, rate: int, bits: int) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)


def wav(sound: Sound, rate: int, channels: int = 1) -> bytes:
    return riff((sound * 32767).astype("<i2").tobytes(), fmt(1, channels, rate, 16))


def tone(frequency: float, rate: int, level: float = 0.5, seconds: float = 1.0) -> Sound:
    return level * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


def heard(file: bytes) -> Sound:
    audio, samples = to_telephone(file)
    assert audio[:HEAD] == riff(b"", fmt(1, 1, 8000, 16))[:4] + struct.pack(
        "<I", len(audio) - 8
    ) + b"WAVEfmt " + struct.pack("<I", 16) + fmt(1, 1, 8000, 16) + b"data" + struct.pack(
        "<I", 2 * samples
    )
    found = np.frombuffer(audio[HEAD:], "<i2")
    assert len(found) == samples
    return found / 32767


def middle(sound: Sound) -> Sound:
    return sound[1000:7000]


def decibels(sound: Sound, reference: float) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(sound**2)) * np.sqrt(2) / reference + 1e-9))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [300, 1000, 3400])
def test_speech_passes_in_place(rate: int, frequency: float) -> None:
    found = heard(wav(tone(frequency, rate), rate))
    assert len(found) == 8000
    error = middle(found) - middle(tone(frequency, 8000))
    assert decibels(error, 0.5) < -60


@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("frequency", [4100, 5000, 7000])
def test_what_telephones_cannot_carry_does_not_fold_back(rate: int, frequency: float) -> None:
    assert decibels(middle(heard(wav(tone(frequency, rate), rate))), 0.5) < -65


def test_both_channels_are_heard_and_neither_doubles() -> None:
    left, right = tone(500, 16000), tone(1500, 16000)
    found = heard(wav(np.column_stack((left, right)).ravel(), 16000, 2))
    wanted = (tone(500, 8000) + tone(1500, 8000)) / 2
    assert decibels(middle(found) - middle(wanted), 0.5) < -60


@pytest.mark.parametrize(("tag", "encode"), [(7, encode_ulaw), (6, encode_alaw)])
def test_g711_is_read(tag: int, encode: object) -> None:
    linear = [int(sample) for sample in tone(1017, 8000) * 32767]
    found = heard(riff(encode(linear), fmt(tag, 1, 8000, 8) + b"\0\0"))  # type: ignore[operator]
    assert decibels(middle(found) - middle(tone(1017, 8000)), 0.5) < -35


def test_extensible_and_unknown_chunks_are_read() -> None:
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    long = fmt(0xFFFE, 1, 8000, 16) + struct.pack("<HHI", 22, 16, 4) + guid
    body = (tone(1000, 8000) * 32767).astype("<i2").tobytes()
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert len(heard(riff(body, long, odd))) == 8000


@pytest.mark.parametrize("rate", [8000, 44100])
def test_loud_files_are_made_quieter_as_a_whole(rate: int) -> None:
    square = np.sign(tone(300, rate)) * 0.999
    found = heard(wav(square, rate))
    assert np.max(np.abs(found)) == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    soft = heard(wav(square * 0.3, rate))
    assert decibels(found, 1) - decibels(soft, 1) < 10.5, "no sample was cut off"


def test_quiet_files_stay_as_they_are() -> None:
    file = wav(tone(1000, 8000), 8000)
    assert to_telephone(file)[0][HEAD:] == file[HEAD:]


SILENCE = bytes(1600)


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (b"", PromptNotAudio),
        (b"ID3" + bytes(100), PromptNotAudio),
        (b"RIFF\0\0\0\0AVI " + bytes(100), PromptNotAudio),
        (riff(SILENCE, fmt(1, 1, 8000, 16))[:-1], PromptNotAudio),
        (riff(b"", fmt(1, 1, 8000, 16)), PromptNotAudio),
        (riff(SILENCE, b"short"), PromptNotAudio),
        (riff(SILENCE, fmt(1, 1, 8000, 8)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(1, 1, 8000, 24)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(3, 1, 8000, 32)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(0x55, 1, 8000, 16)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(1, 0, 8000, 16)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(1, 6, 8000, 16)), PromptFormatUnsupported),
        (riff(SILENCE, fmt(1, 1, 11025, 16)), PromptFormatUnsupported),
        (riff(bytes(10_000_000), fmt(1, 1, 48000, 16)), PromptTooLarge),
        (riff(bytes(8000 * 601), fmt(7, 1, 8000, 8)), PromptTooLarge),
    ],
)
def test_what_is_no_prompt_says_why(file: bytes, error: type[RingfenceError]) -> None:
    with pytest.raises(error):
        to_telephone(file)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [1, 2, 7, 441])
def test_the_shortest_files_are_read(rate: int, samples: int) -> None:
    assert len(heard(wav(np.full(samples, 0.1), rate))) == -(-samples * 8000 // rate)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_file_does_anything_but_its_own_error(noise: bytes, at: int) -> None:
    good = wav(tone(1000, 8000, seconds=0.01), 8000)
    for file in (noise, good[:at] + noise, good[:at] + noise + good[at + len(noise) :]):
        with contextlib.suppress(PromptNotAudio, PromptFormatUnsupported, PromptTooLarge):
            to_telephone(file)
