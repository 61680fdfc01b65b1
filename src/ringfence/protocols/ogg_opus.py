"""Ogg Opus muxer (RFC 7845 in the pages of RFC 3533), sans-IO: packets in, pages out.

One logical stream, mapping family 0 (mono or stereo). All positions count samples at 48 kHz,
whatever rate the encoder was fed with (RFC 7845 section 4).
"""

from __future__ import annotations

import struct
import zlib

GRANULE_RATE = 48_000
_PAGE_SAMPLES = GRANULE_RATE  # a page a second: what RFC 7845 section 4 advises at most
_PAGE_SEGMENTS = 255
_CONTINUED_NOTHING, _FIRST, _LAST = 0, 2, 4
_MIRROR = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class OggOpusMuxer:
    """Packets of one Opus stream become pages. ``head``, then ``add`` for each, then ``finish``."""

    def __init__(self, serial: int, *, channels: int, pre_skip: int, input_rate: int) -> None:
        """``pre_skip``: samples at 48 kHz that a decoder drops at the start (section 4.2).

        ``serial``: 32 bits that tell this stream from others. ``input_rate``: Hz, a hint only.
        """
        if channels not in (1, 2):
            raise ValueError("mapping family 0 has one or two channels")
        self._serial = serial
        self._sequence = 0
        self._granule = 0
        self._packets: list[bytes] = []
        self._segments = 0
        self._page_samples = 0
        self._id_header = struct.pack(
            "<8sBBHIhB", b"OpusHead", 1, channels, pre_skip, input_rate, 0, 0
        )

    def head(self, vendor: str) -> bytes:
        """The pages with both headers (sections 5.1, 5.2); to be written before anything else."""
        name = vendor.encode()
        tags = b"OpusTags" + struct.pack("<I", len(name)) + name + struct.pack("<I", 0)
        return self._page([self._id_header], 0, _FIRST) + self._page([tags], 0, _CONTINUED_NOTHING)

    def add(self, packet: bytes, samples: int) -> bytes:
        """Take a packet of a duration at 48 kHz; the page that became complete, perhaps none.

        Raises ValueError for a packet that a page cannot hold: none of up to 60 ms is so long.
        """
        segments = len(packet) // 255 + 1
        if segments > _PAGE_SEGMENTS:
            raise ValueError("a packet that needs more than one page")
        full = self._segments + segments > _PAGE_SEGMENTS or self._page_samples >= _PAGE_SAMPLES
        page = self._flush(self._granule, _CONTINUED_NOTHING) if full else b""
        self._packets.append(packet)
        self._segments += segments
        self._page_samples += samples
        self._granule += samples
        return page

    def finish(self, samples: int) -> bytes:
        """The last page. ``samples``: where the sound ends, counted from the first packet.

        What the packets hold beyond that is dropped by decoders (section 4.4). Raises ValueError
        when that lies outside of the last page.
        """
        if not self._granule - self._page_samples <= samples <= self._granule:
            raise ValueError("the end lies outside of the last page")
        return self._flush(samples, _LAST)

    def _flush(self, granule: int, flags: int) -> bytes:
        page = self._page(self._packets, granule, flags)
        self._packets = []
        self._segments = self._page_samples = 0
        return page

    def _page(self, packets: list[bytes], granule: int, flags: int) -> bytes:
        lacing = b"".join(
            b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets
        )
        body = lacing + b"".join(packets)
        sequence = self._sequence
        self._sequence += 1

        def header(checksum: int) -> bytes:
            return struct.pack(
                "<4sBBQIIIB", b"OggS", 0, flags, granule, self._serial, sequence, checksum,
                len(lacing),
            )  # fmt: skip

        return header(_checksum(header(0) + body)) + body


def _checksum(page: bytes) -> int:
    """CRC of RFC 3533 (0x04c11db7, most significant bit first, nothing inverted).

    zlib's has the same polynomial with all bits mirrored, and inverts at both ends.
    """
    mirrored = zlib.crc32(page.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRROR), "big")
