"""The muxer, judged by a reader of pages and a CRC that are written anew here from RFC 3533."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols.ogg_opus import OggOpusMuxer


@dataclass
class Page:
    flags: int
    granule: int
    serial: int
    sequence: int
    packets: list[bytes]


def bitwise_crc(data: bytes) -> int:
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x104C11DB7 if register & 0x80000000 else 0)
    return register


def pages_of(stream: bytes) -> list[Page]:
    """Every page; asserts capture pattern, version, checksum, and that no packet is continued."""
    pages = []
    while stream:
        assert stream[:5] == b"OggS\0"
        flags, granule, serial, sequence, checksum, count = struct.unpack("<BqIIIB", stream[5:27])
        lacing = stream[27 : 27 + count]
        length = 27 + count + sum(lacing)
        page = stream[:length]
        assert len(page) == length
        assert bitwise_crc(page[:22] + bytes(4) + page[26:]) == checksum
        packets, at, size = [], 27 + count, 0
        for value in lacing:
            size += value
            if value < 255:
                packets.append(page[at : at + size])
                at, size = at + size, 0
        assert at == length, "a packet is continued"
        pages.append(Page(flags, granule, serial, sequence, packets))
        stream = stream[length:]
    return pages


def muxer(**changes: int) -> OggOpusMuxer:
    return OggOpusMuxer(
        **({"serial": 0x01020304, "channels": 1, "pre_skip": 312, "input_rate": 8000} | changes)
    )


def test_known_checksum() -> None:
    """CRC-32/CKSUM of the catalogue of CRCs (0x765E7680), which inverts at the end."""
    assert bitwise_crc(b"123456789") ^ 0xFFFFFFFF == 0x765E7680


def test_headers() -> None:
    head, tags = pages_of(muxer(channels=2).head("Some vendor"))
    assert head == Page(2, 0, 0x01020304, 0, [b"OpusHead\x01\x02\x38\x01\x40\x1f\0\0\0\0\0"])
    assert tags == Page(0, 0, 0x01020304, 1, [b"OpusTags\x0b\0\0\0Some vendor\0\0\0\0"])


@given(
    st.lists(st.binary(max_size=1275), min_size=1, max_size=200),
    st.sampled_from([120, 960, 2880]),
)
def test_all_packets_arrive_in_order(packets: list[bytes], samples: int) -> None:
    writer = muxer()
    stream = b"".join(writer.add(packet, samples) for packet in packets)
    total = len(packets) * samples
    stream += writer.finish(total - 7)
    pages = pages_of(stream)
    assert [packet for page in pages for packet in page.packets] == packets
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert [page.flags for page in pages] == [0] * (len(pages) - 1) + [4]
    position = 0
    for page in pages:
        assert page.packets
        assert (len(page.packets) - 1) * samples < 48_000, "a page of more than a second"
        position += len(page.packets) * samples
        assert page.granule == (position if page.flags == 0 else total - 7)


def test_a_page_holds_a_second() -> None:
    writer = muxer()
    produced = [writer.add(b"x" * 40, 960) for _ in range(120)]
    assert [index for index, page in enumerate(produced) if page] == [50, 100]
    assert [page.granule for page in pages_of(b"".join(produced))] == [48_000, 96_000]


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        muxer(channels=3)
    writer = muxer()
    with pytest.raises(ValueError, match="page"):
        writer.add(bytes(255 * 255), 960)
    for _ in range(60):
        writer.add(b"x", 960)
    for end in (50 * 960 - 1, 60 * 960 + 1):
        with pytest.raises(ValueError, match="end"):
            writer.finish(end)
