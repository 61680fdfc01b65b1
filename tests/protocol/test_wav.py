"""WAV headers against the standard library's reader, and against damage."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols.wav import ULAW_STREAM, Encoding, WavError, WavHeader, header, parse


def test_linear_files_are_read_by_others() -> None:
    body = struct.pack("<4h", 1, -2, 3, -4)
    data = header(Encoding.PCM16, len(body), channels=2, rate=16000) + body
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    with wave.open(io.BytesIO(data)) as file:
        assert file.getparams()[:4] == (2, 2, 16000, 2)
        assert file.readframes(2) == body


def test_a_mulaw_file_states_its_length() -> None:
    data = header(Encoding.ULAW, 5) + b"\xff" * 5 + b"\0"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert parse(data) == WavHeader(Encoding.ULAW, 1, 8000, 58, 5)
    assert data[38:50] == b"fact" + struct.pack("<II", 4, 5)
    assert struct.unpack_from("<HHIIHHH", data, 20) == (7, 1, 8000, 8000, 1, 8, 0)


def test_a_stream_does_not_know_its_length() -> None:
    assert len(ULAW_STREAM) == 58
    assert ULAW_STREAM[4:8] == ULAW_STREAM[46:50] == ULAW_STREAM[-4:] == b"\xff" * 4
    assert parse(ULAW_STREAM) == WavHeader(Encoding.ULAW, 1, 8000, 58, None)


def test_reads_what_others_wrote() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(b"\1\2" * 7)
    assert parse(file.getvalue()) == WavHeader(Encoding.PCM16, 1, 8000, 44, 14)
    chunk = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    moved = file.getvalue()[:12] + chunk + file.getvalue()[12:]
    assert parse(moved) == WavHeader(Encoding.PCM16, 1, 8000, 56, 14)


def test_a_file_beyond_4_gib_is_refused() -> None:
    with pytest.raises(WavError):
        header(Encoding.ULAW, (1 << 32) - 50)


@given(
    st.sampled_from(list(Encoding)), st.integers(0, 1 << 31), st.integers(1, 8),
    st.sampled_from([8000, 16000, 48000]),
)  # fmt: skip
def test_round_trip(encoding: Encoding, data_bytes: int, channels: int, rate: int) -> None:
    written = header(encoding, data_bytes, channels=channels, rate=rate)
    assert parse(written) == WavHeader(encoding, channels, rate, len(written), data_bytes)
    for length in range(len(written)):
        with pytest.raises(WavError):
            parse(written[:length])


@given(st.binary(max_size=80), st.integers(0, 58))
def test_never_raises_anything_else(noise: bytes, at: int) -> None:
    for data in (noise, ULAW_STREAM[:at] + noise + ULAW_STREAM[at:]):
        try:
            parse(data)
        except WavError:
            continue


@pytest.mark.parametrize(
    "fields", [(6, 1, 8000, 8000, 1, 8), (1, 1, 8000, 8000, 1, 8), (7, 0, 8000, 0, 0, 8)]
)
def test_other_formats_are_refused(fields: tuple[int, ...]) -> None:
    body = b"fmt " + struct.pack("<IHHIIHH", 16, *fields) + b"data" + bytes(4)
    with pytest.raises(WavError):
        parse(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
