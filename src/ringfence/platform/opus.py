"""Opus by the system's libopus, which is optional: without it, Opus is simply not offered."""

from __future__ import annotations

import functools
import importlib
import secrets
from collections.abc import Iterable, Iterator
from types import ModuleType

from ringfence.kernel.errors import Unavailable
from ringfence.protocols.ogg_opus import GRANULE_RATE, OggOpusMuxer

RATE = 8000
FRAME_SAMPLES = RATE // 50
"""20 ms."""
_FRAME_GRANULES = GRANULE_RATE // 50
_GRANULES_PER_SAMPLE = GRANULE_RATE // RATE
_BITS_PER_SECOND = 24_000  # per channel: speech of this bandwidth gains nothing from more
_COMPLEXITY = 5  # half the processor time of 10; not told apart at this bandwidth
_SAMPLE_BYTES = 2


class OpusUnavailable(Unavailable):
    """This machine has no libopus."""

    code = "opus_unavailable"


@functools.cache
def _library() -> ModuleType | None:
    try:
        return importlib.import_module("opuslib_next")  # raises a bare Exception without libopus
    except Exception:
        return None


def opus_available() -> bool:
    """Whether this machine has libopus. Looked up once a process."""
    return _library() is not None


class OpusEncoder:
    """Speech at 8 kHz, in frames of 20 ms."""

    def __init__(self, channels: int = 1) -> None:
        """Raises OpusUnavailable without libopus, ValueError unless one or two channels."""
        library = _library()
        if library is None:
            raise OpusUnavailable("this machine has no libopus")
        if channels not in (1, 2):
            raise ValueError("one or two channels")
        self._encoder = library.Encoder(RATE, channels, "voip")
        self._encoder.bitrate = _BITS_PER_SECOND * channels
        self._encoder.complexity = _COMPLEXITY
        self.frame_bytes = FRAME_SAMPLES * channels * _SAMPLE_BYTES
        self.lookahead: int = self._encoder.lookahead
        """Samples at 8 kHz by which what is decoded lags behind what was encoded."""

    def encode(self, frame: bytes) -> bytes:
        """One packet from ``frame_bytes`` of 16-bit little-endian samples, interleaved."""
        if len(frame) != self.frame_bytes:
            raise ValueError("not a frame of 20 ms")
        packet: bytes = self._encoder.encode(frame, FRAME_SAMPLES)
        return packet


def encode_ogg_opus(pcm: Iterable[bytes], channels: int = 1) -> Iterator[bytes]:
    """An Ogg Opus file, in pieces, from 16-bit little-endian samples at 8 kHz.

    ``pcm``: pieces of any size, channels interleaved. The file lasts exactly as long as what came.
    Raises OpusUnavailable at once; ValueError at the end when the last sample is not whole.
    """
    return _encode(pcm, OpusEncoder(channels), channels)


def _encode(pcm: Iterable[bytes], encoder: OpusEncoder, channels: int) -> Iterator[bytes]:
    pre_skip = encoder.lookahead * _GRANULES_PER_SAMPLE
    muxer = OggOpusMuxer(
        secrets.randbits(32), channels=channels, pre_skip=pre_skip, input_rate=RATE
    )
    yield muxer.head("Ringfence")
    size = encoder.frame_bytes
    buffer = bytearray()

    def pages() -> Iterator[bytes]:
        while len(buffer) >= size:
            packet = encoder.encode(bytes(buffer[:size]))
            del buffer[:size]
            if page := muxer.add(packet, _FRAME_GRANULES):
                yield page

    received = 0
    for piece in pcm:
        received += len(piece)
        buffer += piece
        yield from pages()
    samples, rest = divmod(received, channels * _SAMPLE_BYTES)
    if rest:
        raise ValueError("the last sample is not whole")
    # the encoder holds the last samples back: silence pushes them out
    buffer += bytes(encoder.lookahead * channels * _SAMPLE_BYTES)
    buffer += bytes(-len(buffer) % size)
    yield from pages()
    yield muxer.finish(pre_skip + samples * _GRANULES_PER_SAMPLE)
