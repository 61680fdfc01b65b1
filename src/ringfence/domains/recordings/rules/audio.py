"""Audio of tracks, in pieces: G.711 mu-law at 8000 samples a second, one byte each."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.protocols.g711 import ULAW_SILENCE

_BLOCK = 8000


def stereo(left: Iterator[bytes], right: Iterator[bytes]) -> Iterator[bytes]:
    """Two channels, interleaved; the shorter one goes on as silence."""
    sources = (_blocks(left), _blocks(right))
    while True:
        pair = [next(source, b"") for source in sources]
        length = max(map(len, pair))
        if not length:
            return
        both = bytearray(2 * length)
        for channel, block in enumerate(pair):
            both[channel::2] = block.ljust(length, bytes((ULAW_SILENCE,)))
        yield bytes(both)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one length; only the last is shorter."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= _BLOCK:
            yield bytes(buffer[:_BLOCK])
            del buffer[:_BLOCK]
    if buffer:
        yield bytes(buffer)
