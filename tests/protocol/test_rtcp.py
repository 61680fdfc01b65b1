"""RTCP compound packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols import rtcp

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.builds(
    rtcp.ReportBlock,
    WORD,
    st.integers(0, 255),
    st.integers(-0x800000, 0x7FFFFF),
    WORD,
    WORD,
    WORD,
    WORD,
)
SENDERS = st.builds(rtcp.SenderInfo, st.integers(0, 2**64 - 1), WORD, WORD, WORD)
PACKETS = st.lists(
    st.builds(rtcp.Report, WORD, st.none() | SENDERS, st.lists(BLOCKS, max_size=4).map(tuple))
    | st.builds(
        rtcp.SourceDescription,
        st.lists(st.tuples(WORD, st.text("ab@.é", max_size=60)), max_size=3).map(tuple),
    )
    | st.builds(rtcp.Goodbye, st.lists(WORD, max_size=31).map(tuple)),
    max_size=4,
)

# SR + SDES written by hand from RFC 3550 6.4.1 and 6.5.
COMPOUND = bytes.fromhex(
    "81c8000c 00000001 e0000001 80000000 000003e8 0000000a 00000640"
    "00000002 40000005 0001000a 00000050 00010000 00008000"
    "81ca0003 00000001 01036140 62000000"
)


def test_reads_what_the_rfc_draws() -> None:
    report, names = rtcp.parse(COMPOUND)
    assert report == rtcp.Report(
        1,
        rtcp.SenderInfo(0xE000000180000000, 1000, 10, 1600),
        (rtcp.ReportBlock(2, 64, 5, 0x1000A, 80, 0x10000, 0x8000),),
    )
    assert names == rtcp.SourceDescription(((1, "a@b"),))
    assert rtcp.build([report, names]) == COMPOUND


def test_ntp_timestamps() -> None:
    assert rtcp.ntp_timestamp(500_000) == 2_208_988_800 << 32 | 1 << 31
    assert rtcp.middle(0x1122334455667788) == 0x33445566


@given(PACKETS)
def test_round_trip(packets: list[rtcp.Packet]) -> None:
    assert rtcp.parse(rtcp.build(packets)) == packets


@given(PACKETS, st.integers(0, 300))
def test_truncation(packets: list[rtcp.Packet], length: int) -> None:
    _only_own(rtcp.build(packets)[:length])


@given(st.binary(max_size=80), st.sampled_from([200, 201, 202, 203, 204]), st.integers(0, 63))
def test_garbage(data: bytes, kind: int, count: int) -> None:
    data = data[: len(data) // 4 * 4]
    _only_own(bytes([0x80 | count, kind, 0, len(data) // 4]) + data)
    _only_own(data)


def _only_own(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except rtcp.RtcpError:
        return


@pytest.mark.parametrize("data", [b"\x80", COMPOUND[:-1], b"\x40" + COMPOUND[1:]])
def test_refuses(data: bytes) -> None:
    with pytest.raises(rtcp.RtcpError):
        rtcp.parse(data)
