"""Opus export: decoded again by libopus (and ffprobe, where there is one), the sound is there."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ringfence.platform import opus

RATE = 8000


def tone(hertz: float, samples: int) -> np.ndarray:
    return (9000 * np.sin(2 * math.pi * hertz * np.arange(samples) / RATE)).astype("<i2")


def power(signal: np.ndarray, hertz: float, rate: int) -> float:
    """Goertzel, as a share of all power: 1 for a pure tone."""
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    before = earlier = 0.0
    for value in signal.astype(float).tolist():
        before, earlier = value + coefficient * before - earlier, before
    found = before**2 + earlier**2 - coefficient * before * earlier
    return float(2 * found / (len(signal) * max(float(np.sum(signal.astype(float) ** 2)), 1.0)))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def parse(stream: bytes) -> tuple[list[bytes], int, int]:
    """Packets after both headers, pre-skip, last granule position."""
    packets: list[bytes] = []
    granule = 0
    while stream:
        granule = struct.unpack("<q", stream[6:14])[0]
        count = stream[26]
        lacing, at = stream[27 : 27 + count], 27 + count
        packet = b""
        for value in lacing:
            packet += stream[at : at + value]
            at += value
            if value < 255:
                packets.append(packet)
                packet = b""
        stream = stream[at:]
    assert packets[0].startswith(b"OpusHead") and packets[1].startswith(b"OpusTags")
    return packets[2:], int.from_bytes(packets[0][10:12], "little"), granule


def decode(stream: bytes, channels: int) -> np.ndarray:
    """What a player plays, at 48 kHz: pre-skip dropped, cut at the last granule position."""
    import opuslib_next

    packets, pre_skip, granule = parse(stream)
    decoder = opuslib_next.Decoder(48_000, channels)
    sound = b"".join(decoder.decode(packet, 960) for packet in packets)
    return np.frombuffer(sound, "<i2").reshape(-1, channels)[pre_skip:granule]


needs_libopus = pytest.mark.skipif(not opus.opus_available(), reason="no libopus on this machine")


@needs_libopus
@pytest.mark.parametrize("samples", [0, 1, 107, 108, 109, 160, 8000, 20_011])
def test_duration_is_exact(samples: int) -> None:
    stream = b"".join(opus.encode_ogg_opus([bytes(2 * samples)]))
    packets, pre_skip, granule = parse(stream)
    assert granule - pre_skip == 6 * samples
    assert 0 <= len(packets) * 960 - granule < 960
    assert len(decode(stream, 1)) == 6 * samples


@needs_libopus
def test_a_tone_comes_back_mono() -> None:
    sound = tone(440, 3 * RATE)
    heard = decode(b"".join(opus.encode_ogg_opus(pieces(sound.tobytes(), 333))), 1)[:, 0]
    middle = heard[48_000:96_000]
    assert power(middle, 440, 48_000) > 0.9
    assert power(middle, 700, 48_000) < 0.01
    assert np.sqrt(np.mean(middle.astype(float) ** 2)) == pytest.approx(9000 / 2**0.5, rel=0.2)


@needs_libopus
def test_channels_stay_apart() -> None:
    left, right = tone(440, 2 * RATE), tone(1000, 2 * RATE)
    both = np.stack([left, right], axis=1).tobytes()
    heard = decode(b"".join(opus.encode_ogg_opus(pieces(both, 4096), channels=2)), 2)[24_000:72_000]
    assert power(heard[:, 0], 440, 48_000) > 0.9
    assert power(heard[:, 1], 1000, 48_000) > 0.9
    assert power(heard[:, 0], 1000, 48_000) < 0.02
    assert power(heard[:, 1], 440, 48_000) < 0.02


@needs_libopus
def test_nothing_is_lost_at_the_end_nor_shifted() -> None:
    """A burst in the last 50 ms is heard in the last 50 ms."""
    sound = np.concatenate([np.zeros(RATE, "<i2"), tone(600, RATE // 20)])
    heard = decode(b"".join(opus.encode_ogg_opus([sound.tobytes()])), 1)[:, 0].astype(float)
    energy = heard**2
    assert energy[48_000:].sum() > 0.95 * energy.sum()
    assert energy[-480:].sum() > 0.1 * energy.sum()


@needs_libopus
def test_it_is_streamed() -> None:
    """Sound goes out about a second after it came in, not at the end."""
    taken = 0

    def source() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(2 * RATE)

    made = opus.encode_ogg_opus(source())
    next(made)
    next(made)
    assert taken <= 2
    next(made)
    assert taken <= 3


@needs_libopus
def test_a_torn_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        list(opus.encode_ogg_opus([bytes(321)]))
    with pytest.raises(ValueError, match="whole"):
        list(opus.encode_ogg_opus([bytes(322)], channels=2))


@needs_libopus
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe on this machine")
def test_ffprobe_agrees(tmp_path: Path) -> None:
    path = tmp_path / "x.opus"
    path.write_bytes(b"".join(opus.encode_ogg_opus([tone(440, 20_000).tobytes()])))
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    result = subprocess.run(command, capture_output=True, check=True)
    assert result.stderr == b""
    (stream,) = json.loads(result.stdout)["streams"]
    assert (stream["codec_name"], stream["channels"]) == ("opus", 1)
    assert float(stream["duration"]) == pytest.approx(2.5, abs=0.01)


@needs_libopus
@pytest.mark.skipif(shutil.which("opusinfo") is None, reason="no opusinfo on this machine")
def test_opusinfo_agrees(tmp_path: Path) -> None:
    path = tmp_path / "x.opus"
    path.write_bytes(b"".join(opus.encode_ogg_opus([tone(440, 20_000).tobytes()])))
    result = subprocess.run(["opusinfo", str(path)], capture_output=True, text=True, check=True)
    assert "WARNING" not in result.stdout + result.stderr
    assert "0m:02.500s" in result.stdout


def test_without_libopus() -> None:
    """Nothing crashes: Opus is not offered, and who asks all the same gets a typed error."""
    code = """
import ctypes.util, os.path
ctypes.util.find_library = lambda name: None
os.path.exists = lambda path: False
from ringfence.platform import opus
assert opus.opus_available() is False
for use in (opus.OpusEncoder, lambda: opus.encode_ogg_opus([])):
    try:
        use()
    except opus.OpusUnavailable as error:
        assert (error.code, error.http_status) == ("opus_unavailable", 503)
    else:
        raise SystemExit("no error")
"""
    assert importlib.util.find_spec("opuslib_next") is not None
    subprocess.run([sys.executable, "-c", code], check=True)
