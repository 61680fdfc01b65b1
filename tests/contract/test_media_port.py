"""What the media port promises, held against every adapter."""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import struct
import wave
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.contract.conftest import TABLES, tone_payloads

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.rpc import RpcError


def assert_one_stream(packets: list[Any]) -> None:
    """One SSRC, every sequence number once, timestamps that only grow."""
    assert len({packet.ssrc for packet in packets}) == 1
    for before, after in itertools.pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        step = (after.timestamp - before.timestamp) & 0xFFFFFFFF
        assert 160 <= step < 8000, "a timestamp went back, stood still or leapt"


async def test_relays_both_ways_to_the_right_ear(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    assert not a.hears(440) and not b.hears(700)
    assert_one_stream(a.audio())
    assert_one_stream(b.audio())
    assert [packet.marker for packet in a.audio()].count(True) == 1


async def test_two_calls_do_not_cross(rig: Any) -> None:
    peers = [rig.peer() for _ in range(4)]
    await rig.bridge(peers[0], peers[1])
    await rig.bridge(peers[2], peers[3])
    for peer, hertz in zip(peers, (440, 700, 1000, 1300), strict=True):
        peer.talk(hertz)
    heard = (700, 440, 1300, 1000)
    await rig.eventually(
        lambda: all(peer.hears(hertz) for peer, hertz in zip(peers, heard, strict=True))
    )


async def test_translates_between_the_laws(rig: Any) -> None:
    a, b = rig.peer(law="PCMU"), rig.peer(law="PCMA")
    await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    assert {packet.payload_type for packet in b.audio()} == {8}
    assert {packet.payload_type for packet in a.audio()} == {0}


async def test_offer_and_answer(rig: Any) -> None:
    session, leg = uuid4(), uuid4()
    peer = rig.peer(law="PCMA")
    peer.event_type = 96
    body = (await rig.port.answer(session, leg, peer.sdp(), "offer")).decode()
    assert "RTP/AVP 8 96\r\n" in body and "a=rtpmap:96 telephone-event/8000\r\n" in body
    assert "a=ptime:20\r\n" in body and "a=sendrecv\r\n" in body
    same = (await rig.port.answer(session, leg, peer.sdp(), "offer")).decode()
    assert same == body
    held = (await rig.port.answer(session, leg, peer.sdp("sendonly"), "offer")).decode()
    assert "a=recvonly\r\n" in held
    version = [int(text.split("\r\no=")[1].split()[2]) for text in (body, held)]
    assert version[1] == version[0] + 1
    offer = (await rig.port.offer(session, uuid4(), like=leg)).decode()
    assert "RTP/AVP 8 101\r\n" in offer


async def test_refuses_other_streams_and_multiplexes_rtcp(rig: Any) -> None:
    peer = rig.peer()
    video = "m=video 9000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    offer = peer.sdp(extra="a=rtcp-mux\r\n" + video)
    body = (await rig.port.answer(uuid4(), uuid4(), offer, "offer")).decode()
    assert "m=video 0 RTP/AVP 96\r\n" in body and "a=rtcp-mux\r\n" in body


@pytest.mark.parametrize(
    ("sdp", "code"),
    [
        (b"nonsense", "sdp_invalid"),
        (b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 9 RTP/AVP 0\r\n", "sdp_invalid"),
        (
            b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 18\r\n",
            "no_common_codec",
        ),
    ],
)
async def test_a_refused_description_leaves_nothing(rig: Any, sdp: bytes, code: str) -> None:
    session = uuid4()
    with pytest.raises(RpcError) as caught:
        await rig.port.answer(session, uuid4(), sdp, "offer")
    assert caught.value.code == code
    assert (await rig.port.stats(session)).legs == {}


async def test_unknown_legs_and_sources_are_errors(rig: Any) -> None:
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    attempts = [
        (rig.port.connect(session, leg, uuid4()), "unknown_leg"),
        (rig.port.answer(session, uuid4(), peer.sdp(), "answer"), "unknown_leg"),
        (rig.port.play(session, leg, "song:1"), "play_source_invalid"),
        (rig.port.play(session, leg, "file:/nonexistent.wav"), "play_source_invalid"),
        (rig.port.send_dtmf(session, leg, "12x"), "digits_invalid"),
    ]
    for attempt, code in attempts:
        with pytest.raises(RpcError) as caught:
            await attempt
        assert caught.value.code == code
    assert (await rig.port.delete(uuid4())).legs == {}


async def test_follows_a_peer_behind_nat(rig: Any) -> None:
    """The SDP names an address that nobody sends from; audio comes from another."""
    a, b, silent = rig.peer(), rig.peer(), rig.peer()
    session, first = uuid4(), uuid4()
    a.aim(await rig.port.answer(session, first, a.sdp(port=silent.port), "offer"))
    second = await rig.answered(session, b)
    await rig.port.connect(session, first, second)
    a.talk(440)
    b.talk(700)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))


async def test_an_injected_stream_never_gets_in(rig: Any) -> None:
    """RTP bleed: neither during the window, while the peer speaks, nor after it."""
    a, b, mallory = rig.peer(), rig.peer(), rig.peer("127.0.0.2")
    await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    mallory.target = a.target
    mallory.talk(1000)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    count = len(b.audio())
    await rig.eventually(lambda: len(b.audio()) > count + 75)  # beyond the latch window
    a.hush()
    sent = mallory.sequence
    await rig.eventually(lambda: (mallory.sequence - sent) & 0xFFFF > 20)
    assert not b.hears(1000)
    assert not mallory.packets
    assert_one_stream(b.audio())


async def test_a_reoffer_moves_the_stream(rig: Any) -> None:
    a, b, other = rig.peer(), rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    b.talk(700)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    await rig.port.answer(session, first, other.sdp(version=2), "offer")
    other.target = a.target
    a.hush()
    other.talk(1000)
    await rig.eventually(lambda: b.hears(1000) and other.hears(700))
    assert_one_stream(a.audio() + other.audio())
    assert_one_stream(b.audio())


async def test_one_stream_over_play_connect_and_another_leg(rig: Any) -> None:
    a, b, c = rig.peer(), rig.peer(), rig.peer(law="PCMA")
    session = uuid4()
    first = await rig.offered(session, a)
    await rig.port.play(session, first, "ringback:us")
    await rig.eventually(lambda: len(a.audio()) > 20)
    second = await rig.answered(session, b)
    b.talk(700)
    await rig.port.connect(session, first, second)
    await rig.port.play(session, first, "stop")
    await rig.eventually(lambda: a.hears(700))
    third = await rig.answered(session, c)
    c.talk(1000)
    await rig.port.connect(session, first, third)
    await rig.eventually(lambda: a.hears(1000))
    assert_one_stream(a.audio())
    assert [packet.marker for packet in a.audio()].count(True) == 3


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_plays_tones_on_time(rig: Any, law: str) -> None:
    peer, session = rig.peer(law=law), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "tone:440")
    await rig.eventually(lambda: len(peer.audio()) >= 101 and peer.hears(440))
    packets = peer.audio()[:101]
    assert_one_stream(packets)
    assert packets[100].at - packets[0].at == pytest.approx(2.0, abs=0.15)
    await rig.port.play(session, leg, "silence")
    await rig.eventually(lambda: set(peer.audio()[-1].payload) <= {0xFF, 0xD5})


async def test_plays_a_file_and_says_when_it_ended(rig: Any, tmp_path: Path) -> None:
    path = tmp_path / "prompt.wav"
    samples = [int(9000 * math.sin(2 * math.pi * 600 * n / 8000)) for n in range(2500)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack("<2500h", *samples))
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, f"file:{path}")
    await rig.eventually(lambda: rig.of(leg, "play_done"))
    await rig.eventually(lambda: len(peer.audio()) == 16)
    peer.packets = peer.packets[:15]
    assert peer.hears(600)


async def test_relays_and_reports_dtmf(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    b.event_type = 97
    _, first, _ = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    a.hush()
    for code, ends in ((5, 3), (5, 3), (11, 1), (7, 0)):
        a.press(code, ends=ends)
    await rig.eventually(lambda: len(rig.of(first, "dtmf")) == 4)
    assert [event.data["digit"] for event in rig.of(first, "dtmf")] == ["5", "5", "#", "7"]
    assert rig.of(first, "dtmf")[0].data["duration_ms"] == 100
    await rig.eventually(lambda: len(b.events()) == 4 * 4 + 7)
    events = b.events()
    assert len({packet.timestamp for packet in events}) == 4
    assert [packet.payload[0] for packet in events[:7]] == [5] * 7
    assert [packet.marker for packet in events[:7]] == [True] + [False] * 6
    sequences = [packet.sequence for packet in b.packets]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]


async def test_sends_dtmf_within_the_stream(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, _, second = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    await rig.port.send_dtmf(session, second, "1#", 100)
    await rig.eventually(lambda: len(b.events()) == 14)
    count = len(b.audio())
    await rig.eventually(lambda: len(b.audio()) > count + 10 and b.hears(440))
    one, pound = b.events()[:7], b.events()[7:]
    for digit, code in ((one, 1), (pound, 11)):
        assert len({packet.timestamp for packet in digit}) == 1
        assert [packet.marker for packet in digit] == [True] + [False] * 6
        fields = [struct.unpack("!BBH", packet.payload) for packet in digit]
        assert [event for event, _, _ in fields] == [code] * 7
        assert [flags >> 7 for _, flags, _ in fields] == [0] * 4 + [1] * 3
        assert [length for _, _, length in fields] == [160, 320, 480, 640, 800, 800, 800]
    assert (pound[0].timestamp - one[0].timestamp) & 0xFFFFFFFF >= 800 + 320
    sequences = [packet.sequence for packet in b.packets]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]
    stamps = [packet.timestamp for packet in b.packets]
    assert all((y - x) & 0xFFFFFFFF < 8000 for x, y in itertools.pairwise(stamps))


async def test_audio_goes_on_after_digits(rig: Any) -> None:
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "tone:440")
    await rig.eventually(lambda: peer.hears(440))
    await rig.port.send_dtmf(session, leg, "9", 200)
    await rig.eventually(lambda: len(peer.events()) == 12)
    count = len(peer.audio())
    await rig.eventually(lambda: len(peer.audio()) > count + 10 and peer.hears(440))
    after = peer.audio()[count:]
    assert (after[0].timestamp - peer.events()[0].timestamp) & 0xFFFFFFFF in range(1600, 8000)
    sequences = [packet.sequence for packet in peer.packets]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]


async def test_events_for_a_peer_without_them_are_no_loss(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session = uuid4()
    first = await rig.offered(session, a)
    second = await rig.offered(session, b, formats="0")
    await rig.port.connect(session, first, second)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    a.press(4)
    count = len(b.audio())
    await rig.eventually(lambda: len(b.audio()) > count + 5)
    assert_one_stream(b.packets)
    assert {packet.payload_type for packet in b.packets} == {0}


async def test_packets_older_than_the_first_stay_out(rig: Any) -> None:
    """What an earlier source, or the time before the bridge, left behind must not reuse numbers."""
    a, b = rig.peer(), rig.peer()
    await rig.bridge(a, b)
    for sequence in (100, 99, 101):
        a.sequence = sequence - 1
        a.timestamp = 160 * sequence
        a.send(bytes([sequence]) * 160)
    await rig.eventually(lambda: len(b.audio()) == 2)
    assert [packet.payload[0] for packet in b.audio()] == [100, 101]
    assert_one_stream(b.audio())


@pytest.mark.parametrize("how", ["sendonly", "inactive", "zero"])
async def test_hold_stops_the_audio_and_the_silence_timer(rig: Any, how: str) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    sdp = a.sdp("inactive", host="0.0.0.0", version=2) if how == "zero" else a.sdp(how, version=2)
    body = (await rig.port.answer(session, first, sdp, "offer")).decode()
    assert ("a=recvonly\r\n" if how == "sendonly" else "a=inactive\r\n") in body
    held, spoken = len(a.audio()), len(b.audio())
    start = b.sequence
    if how == "zero":
        a.hush()
    await rig.eventually(lambda: (b.sequence - start) & 0xFFFF > 80)  # longer than silence_seconds
    assert len(a.audio()) <= held + 1
    assert (len(b.audio()) > spoken + 40) == (how == "sendonly")
    assert not rig.of(first, "silence")
    await rig.port.answer(session, first, a.sdp(version=3), "offer")
    a.talk(440)
    await rig.eventually(lambda: a.hears(700) and b.hears(440))
    assert len({packet.ssrc for packet in a.audio()}) == 1
    sequences = [packet.sequence for packet in a.audio()]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]


async def test_silence_and_first_packet_are_reported(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    _, first, second = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: rig.of(second, "silence"))
    assert rig.of(second, "silence")[0].data["seconds"] >= 1
    assert not rig.of(first, "silence") and not rig.of(second, "first_packet")
    b.talk(700)
    await rig.eventually(lambda: rig.of(second, "first_packet"))
    a.hush()
    await rig.eventually(lambda: rig.of(first, "silence"))
    assert len(rig.of(first, "first_packet")) == 1


async def test_loss_and_disorder_stay_visible_and_are_counted(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    base = a.sequence = 65500  # wraps on the way
    order = [n for n in range(1, 101) if n % 10 != 3]
    order[50], order[51] = order[51], order[50]
    for n in order:
        a.sequence = base + n - 1 & 0xFFFF
        a.timestamp = 160 * n
        a.send(bytes([n]) * 160)
    await rig.eventually(lambda: len(b.audio()) == len(order))
    assert [packet.payload[0] for packet in b.audio()] == order
    zero = b.audio()[0]
    for n, packet in zip(order, b.audio(), strict=True):
        assert (packet.sequence - zero.sequence) & 0xFFFF == n - order[0]
        assert (packet.timestamp - zero.timestamp) & 0xFFFFFFFF == 160 * (n - order[0])
    stats = (await rig.port.stats(session)).legs[first]
    assert (stats.rx_packets, stats.rx_lost, stats.rx_octets) == (90, 10, 90 * 160)
    assert stats.codec == "PCMU" and stats.mos is not None and 1.0 < stats.mos < 4.0


async def test_header_extension_csrc_and_padding_are_taken_off(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    await rig.bridge(a, b)
    head = struct.pack("!BBHII", 0xB1, 0, 7, 160, a.ssrc) + b"CSRC"
    packet = head + struct.pack("!HH", 0xBEDE, 1) + b"EXTN" + b"\x11" * 160 + b"\x00\x00\x00\x04"
    a.rtp.sendto(packet[:11], a.target)
    a.rtp.sendto(packet[:20], a.target)
    a.rtp.sendto(b"\x00" * 40, a.target)
    a.rtp.sendto(packet, a.target)
    await rig.eventually(lambda: b.packets)
    assert [item.payload for item in b.packets] == [b"\x11" * 160]


async def test_rtcp_reports_go_out_and_are_read(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, second = await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    report = await rig.eventually(lambda: a.reports and a.reports[0], 10)
    count, kind, words = struct.unpack_from("!BBH", report)
    ssrc, ntp_high, ntp_low, _, packets, octets = struct.unpack_from("!IIIIII", report, 4)
    assert count == 0x81 and kind == 200 and words == 12
    assert ssrc == a.audio()[0].ssrc
    assert octets == 160 * packets and 0 < packets <= len(a.audio()) + 1
    about, lost = struct.unpack_from("!II", report, 28)
    assert about == a.ssrc and lost == 0
    assert report[53] == 202 and report[56:60] == report[4:8]
    middle = (ntp_high << 32 | ntp_low) >> 16 & 0xFFFFFFFF
    block = struct.pack("!IIIIII", ssrc, 0x10000007, 0, 80, middle, 0)
    reply = struct.pack("!BBHI", 0x81, 201, 7, a.ssrc) + block
    a.rtcp.sendto(reply, (a.target[0], a.target[1] + 1))

    figures = None
    while figures is None or figures.remote_lost is None:
        figures = (await rig.port.stats(session)).legs[first]
    assert figures.remote_lost == 7 and figures.remote_jitter_ms == 10.0
    assert figures.rtt_ms is not None and 0 <= figures.rtt_ms < 5000
    assert (await rig.port.delete(session)).legs.keys() == {first, second}
    await rig.eventually(lambda: a.reports[-1][-7] == 203)


async def test_delete_ends_the_relay_and_frees_the_ports(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, second = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    only = await rig.port.delete(session, second)
    assert only.legs.keys() == {second} and only.legs[second].tx_packets >= 10
    assert (await rig.port.stats(session)).legs.keys() == {first}
    rest = await rig.port.delete(session)
    assert rest.legs.keys() == {first} and rest.legs[first].rx_packets >= 10
    assert (await rig.port.delete(session)).legs == {}
    for peer in (a, b):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(peer.target)
    again = rig.peer()
    await rig.offered(uuid4(), again)
    assert again.target not in (a.target, b.target)


async def test_legs_of_a_session_can_end_in_any_order(rig: Any) -> None:
    a, b, c = rig.peer(), rig.peer(), rig.peer()
    session, first, second = await rig.bridge(a, b)
    await rig.port.delete(session, first)
    third = await rig.offered(session, c)
    await rig.port.connect(session, third, second)
    b.talk(700)
    await rig.eventually(lambda: c.hears(700))
    await rig.port.connect(session, second, None)
    count = len(c.audio())
    start = b.sequence
    await rig.eventually(lambda: (b.sequence - start) & 0xFFFF > 20)
    assert len(c.audio()) <= count + 1


async def test_port_exhaustion_is_an_error(rig: Any) -> None:
    sdp = rig.peer().sdp()
    session = uuid4()
    with pytest.raises(RingfenceError) as caught:
        for _ in range(101):
            await rig.port.answer(session, uuid4(), sdp, "offer")
    assert caught.value.code == "no_ports"


async def test_a_file_waits_for_who_is_on_hold_and_begins_anew_elsewhere(
    rig: Any, tmp_path: Path
) -> None:
    """play_done means that all of it was sent to where the peer now is."""
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 160 * 25))
    peer, other, session = rig.peer(), rig.peer(), uuid4()
    leg = await rig.offered(session, peer, direction="sendonly")
    await rig.port.play(session, leg, f"file:{path}")
    await rig.port.play(session, await rig.offered(session, rig.peer()), f"file:{path}")
    await rig.eventually(lambda: any(event.kind == "play_done" for event in rig.events))
    assert not rig.of(leg, "play_done") and not peer.audio()
    await rig.port.answer(session, leg, peer.sdp(version=2), "offer")
    await rig.eventually(lambda: len(peer.audio()) >= 5)
    await rig.port.answer(session, leg, other.sdp(version=3), "offer")
    await rig.eventually(lambda: rig.of(leg, "play_done"))
    await rig.eventually(lambda: len(other.audio()) == 25)


def ulaw_tone(hertz: int, frames: int) -> bytes:
    tenth = b"".join(tone_payloads("PCMU", hertz))
    return (tenth * (frames // 5 + 1))[: frames * 160]


def riff(tag: int, bits: int, body: bytes, rate: int = 8000, channels: int = 1) -> bytes:
    size = bits // 8 * channels
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * size, size, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_plays_octets_so_often_and_names_the_play_that_ended(rig: Any, law: str) -> None:
    peer, session = rig.peer(law=law), uuid4()
    leg = await rig.offered(session, peer)
    audio = ulaw_tone(600, 10)[:-60]
    await rig.port.play(session, leg, "audio", audio=audio, loop=3, play=7)
    await rig.eventually(lambda: rig.of(leg, "play_done"))
    assert [event.data for event in rig.of(leg, "play_done")] == [{"play": 7}]
    await rig.eventually(lambda: len(peer.audio()) == 30)
    payloads = [packet.payload for packet in peer.audio()]
    assert payloads[:10] == payloads[10:20] == payloads[20:]
    assert set(payloads[9][-60:]) == {0xFF if law == "PCMU" else 0xD5}
    peer.packets = peer.packets[:9] * 2
    assert peer.hears(600)


async def test_plays_for_ever_until_told_to_stop(rig: Any) -> None:
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "audio", audio=ulaw_tone(600, 5), loop=0, play=1)
    await rig.eventually(lambda: len(peer.audio()) > 60 and peer.hears(600))
    await rig.port.play(session, leg, "stop")
    count = len(peer.audio())
    await rig.port.play(session, leg, "beep", play=2)
    await rig.eventually(lambda: rig.of(leg, "play_done"))
    await rig.eventually(lambda: len(peer.audio()) >= count + 20)
    assert [event.data["play"] for event in rig.of(leg, "play_done")] == [2]
    assert len(peer.audio()) - count in (20, 21) and peer.hears(1000)


async def test_only_what_was_played_last_and_to_its_end_is_done(rig: Any, tmp_path: Path) -> None:
    """Also when a file that takes long to read was asked for before."""
    path = tmp_path / "long.wav"
    path.write_bytes(riff(1, 16, bytes(2 * 8000 * 60)))
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "audio", audio=ulaw_tone(600, 100), play=1)
    await rig.eventually(lambda: peer.hears(600))
    await asyncio.gather(
        rig.port.play(session, leg, f"file:{path}", play=2),
        rig.port.play(session, leg, "audio", audio=ulaw_tone(700, 20), play=3),
    )
    await rig.eventually(lambda: peer.hears(700))
    await rig.eventually(lambda: rig.of(leg, "play_done"))
    count = len(peer.audio())
    await rig.port.play(session, leg, "audio", audio=ulaw_tone(700, 3), play=4)
    await rig.eventually(lambda: len(rig.of(leg, "play_done")) == 2)
    assert [event.data["play"] for event in rig.of(leg, "play_done")] == [3, 4]
    assert len(peer.audio()) <= count + 4


@pytest.mark.parametrize("tag", [1, 7])
async def test_plays_linear_and_mu_law_files_as_they_are_now(
    rig: Any, tmp_path: Path, tag: int
) -> None:
    def body(hertz: int) -> bytes:
        codes = ulaw_tone(hertz, 15)
        if tag == 7:
            return codes
        return struct.pack(f"<{len(codes)}h", *(TABLES["PCMU"][code] for code in codes))

    path = tmp_path / "prompt.wav"
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    for play, hertz in enumerate((600, 600, 800), 1):
        if hertz == 800 or play == 1:
            path.write_bytes(riff(tag, 16 if tag == 1 else 8, body(hertz)))
        await rig.port.play(session, leg, f"file:{path}", play=play)
        await rig.eventually(lambda n=play: len(rig.of(leg, "play_done")) == n)
        await rig.eventually(lambda n=play: len(peer.audio()) == 15 * n)
        assert peer.hears(hertz)


async def test_what_cannot_be_played_leaves_what_plays(rig: Any, tmp_path: Path) -> None:
    files = {
        "fast": riff(1, 16, bytes(320), rate=16000),
        "stereo": riff(1, 16, bytes(320), channels=2),
        "empty": riff(1, 16, b""),
        "none": b"RIFF",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "tone:600")
    refused: list[dict[str, Any]] = [{"source": f"file:{tmp_path / name}"} for name in files]
    refused += [{"source": "audio"}, {"source": "file:"}, {"source": "file:a\0b"}]
    refused += [{"source": "audio", "audio": b"\xff", "loop": -1}, {"source": "beep:2"}]
    for fields in refused:
        with pytest.raises(RpcError) as caught:
            await rig.port.play(session, leg, fields.pop("source"), **fields)
        assert caught.value.code == "play_source_invalid"
    count = len(peer.audio())
    await rig.eventually(lambda: len(peer.audio()) > count + 10 and peer.hears(600))
    assert not rig.of(leg, "play_done")


async def test_digits_are_told_while_something_plays(rig: Any) -> None:
    peer, session = rig.peer(), uuid4()
    leg = await rig.offered(session, peer)
    await rig.port.play(session, leg, "audio", audio=ulaw_tone(600, 5), loop=0)
    peer.talk(440)
    await rig.eventually(lambda: peer.hears(600))
    peer.hush()
    peer.press(5)
    await rig.eventually(lambda: rig.of(leg, "dtmf"))
    assert rig.of(leg, "dtmf")[0].data["digit"] == "5"
    count = len(peer.audio())
    await rig.eventually(lambda: len(peer.audio()) > count + 10 and peer.hears(600))
