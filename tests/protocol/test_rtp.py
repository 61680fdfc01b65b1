"""RTP packets and reception statistics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols import rtp

# First audio packet of a SIPp call (PCMA), header as captured.
CAPTURED = bytes.fromhex("8088 1c4e 0000 9f60 5e1d a3c2".replace(" ", "")) + b"\xd5" * 160

PACKETS = st.builds(
    rtp.RtpPacket,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=320),
    st.booleans(),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    st.none()
    | st.builds(
        rtp.Extension,
        st.integers(0, 0xFFFF),
        st.binary(max_size=40).map(lambda data: data[: len(data) // 4 * 4]),
    ),
)


def test_reads_a_captured_packet() -> None:
    packet = rtp.parse(CAPTURED)
    assert (packet.payload_type, packet.marker, packet.sequence) == (8, True, 0x1C4E)
    assert (packet.timestamp, packet.ssrc) == (0x9F60, 0x5E1DA3C2)
    assert packet.payload == b"\xd5" * 160 and packet.serialise() == CAPTURED


@given(PACKETS, st.integers(0, 255))
def test_round_trip(packet: rtp.RtpPacket, padding: int) -> None:
    assert rtp.parse(packet.serialise(padding=padding)) == packet


@given(PACKETS, st.integers(0, 400))
def test_truncation(packet: rtp.RtpPacket, length: int) -> None:
    _only_own(packet.serialise(padding=3)[:length])


@given(st.binary(max_size=100))
def test_garbage(data: bytes) -> None:
    _only_own(data)
    _only_own(b"\xbf" + data)


def _only_own(data: bytes) -> None:
    try:
        rtp.parse(data)
    except rtp.RtpError:
        return


@pytest.mark.parametrize("data", [b"", CAPTURED[:11], b"\x40" + CAPTURED[1:]])
def test_refuses(data: bytes) -> None:
    with pytest.raises(rtp.RtpError):
        rtp.parse(data)


def feed(sequences: list[int]) -> rtp.ReceptionStats:
    stats = rtp.ReceptionStats(sequences[0] & 0xFFFF)
    for sequence in sequences:
        stats.update(sequence & 0xFFFF)
    return stats


def test_counts_loss_over_a_wrap() -> None:
    stats = feed([n for n in range(65500, 65700) if n % 10])
    assert (stats.received, stats.expected, stats.lost) == (180, 199, 19)
    assert stats.extended == 65699


@given(st.permutations(range(40)))
def test_reordering_is_no_loss(order: list[int]) -> None:
    stats = feed([65530, *(65531 + n for n in order)])
    assert (stats.lost, stats.extended) == (0, 65570)


def test_duplicates_make_it_negative() -> None:
    assert feed([1, 2, 2, 2, 3]).lost == -2


def test_a_stray_packet_is_refused_and_a_restart_followed() -> None:
    stats = feed([10, 11, 13])
    assert not stats.update(40000)
    assert stats.update(14)
    assert not stats.update(30000)
    assert stats.update(30001)
    assert stats.update(30002)
    assert (stats.received, stats.lost) == (6, 1)


def test_fraction_lost_is_per_interval() -> None:
    stats = feed([n for n in range(100) if n % 4 != 1])
    assert stats.fraction_lost() == 64
    for n in range(100, 200):
        stats.update(n)
    assert stats.fraction_lost() == 0


def test_jitter_of_alternating_delay() -> None:
    """Arrivals alternately on time and 10 ms late: every difference is 80 units."""
    stats = feed([0])
    for n in range(400):
        stats.arrived(160 * n, 160 * n + 80 * (n % 2))
    assert stats.jitter == pytest.approx(80, rel=0.01)


def test_steady_arrival_over_a_timestamp_wrap_is_no_jitter() -> None:
    stats = feed([0])
    for n in range(100):
        stats.arrived((2**32 - 8000 + 160 * n) & 0xFFFFFFFF, 160 * n)
    assert stats.jitter == 0
