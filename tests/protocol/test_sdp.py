"""Session descriptions and offer/answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols import sdp
from ringfence.protocols.offer_answer import (
    DEFAULT_CODECS,
    EVENT,
    Codec,
    DescriptionWriter,
    Direction,
    LocalAudio,
    NoCommonCodec,
    answer_direction,
    common,
    read_audio,
)

# As a Cisco gateway wrote it (addresses changed).
CISCO = (
    b"v=0\r\no=CiscoSystemsSIP-GW-UserAgent 3312 9407 IN IP4 192.0.2.7\r\ns=SIP Call\r\n"
    b"c=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 17426 RTP/AVP 18 8 0 101 19\r\n"
    b"c=IN IP4 192.0.2.8\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\na=rtpmap:19 CN/8000\r\na=ptime:20\r\na=rtcp:17500\r\n"
)
BARE = b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n%s"


def test_reads_a_gateway() -> None:
    remote = read_audio(sdp.parse(CISCO))
    assert (remote.host, remote.port, remote.rtcp_port) == ("192.0.2.8", 17426, 17500)
    assert remote.codecs == (Codec("PCMA", 8), Codec("PCMU", 0), Codec(EVENT, 101))
    assert remote.audio.name == "PCMA" and remote.direction is Direction.SENDRECV


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"a=sendonly\nm=audio 4 RTP/AVP 0\n", Direction.SENDONLY),
        (b"a=sendonly\nm=audio 4 RTP/AVP 0\na=recvonly\n", Direction.RECVONLY),
        (b"m=audio 4 RTP/AVP 0\nc=IN IP4 0.0.0.0\n", Direction.SENDONLY),
        (b"m=audio 4 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=inactive\n", Direction.INACTIVE),
    ],
)
def test_direction(lines: bytes, expected: Direction) -> None:
    assert read_audio(sdp.parse(BARE % lines)).direction is expected


def test_answer_direction() -> None:
    assert [answer_direction(direction).value for direction in Direction] == [
        "sendrecv",
        "recvonly",
        "sendonly",
        "inactive",
    ]


def test_skips_streams_it_cannot_speak() -> None:
    lines = (
        b"m=audio 0 RTP/AVP 0\nm=audio 6 RTP/SAVP 0\nm=video 8 RTP/AVP 31\nm=audio 10 RTP/AVP 8\n"
    )
    description = sdp.parse(BARE % lines)
    remote = read_audio(description)
    assert (remote.index, remote.port) == (3, 10)
    local = LocalAudio(sdp.Address("192.0.2.9"), 4000, remote.codecs)
    answer = sdp.parse(DescriptionWriter(5).write(local, description.media, remote.index))
    assert [media.port for media in answer.media] == [0, 0, 0, 4000]
    assert [media.kind for media in answer.media] == ["audio", "audio", "video", "audio"]


def test_the_version_grows_on_change_only() -> None:
    writer = DescriptionWriter(5)
    local = LocalAudio(sdp.Address("192.0.2.9"), 4000, DEFAULT_CODECS)
    held = LocalAudio(sdp.Address("192.0.2.9"), 4000, DEFAULT_CODECS, Direction.SENDONLY)
    bodies = [writer.write(item) for item in (local, local, held, held, local)]
    assert [sdp.parse(body).origin.version for body in bodies] == [1, 1, 2, 2, 3]
    assert {sdp.parse(body).origin.session_id for body in bodies} == {5}


def test_common_keeps_their_order_and_numbers() -> None:
    theirs = (Codec(EVENT, 97), Codec("PCMA", 8))
    assert common(DEFAULT_CODECS, theirs) == theirs
    with pytest.raises(NoCommonCodec):
        common((Codec("PCMU", 0), Codec(EVENT, 101)), theirs)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v=1\r\n",
        b"v=0\r\n",
        b"v=0\no=- x 1 IN IP4 h\n",
        b"v=0\no=- 1 1 IN IP4\n",
        BARE % b"m=audio\n",
        BARE % b"m=audio 70000 RTP/AVP 0\n",
        BARE % b"m=audio -1 RTP/AVP 0\n",
        BARE % "m=audio ٣ RTP/AVP 0\n".encode(),
        BARE % b"a=\n",
        BARE % b"nonsense\n",
        BARE % b"m=audio 4 RTP/AVP 0\nc=IN IP6 ::1\n",
        BARE % b"m=audio 4 RTP/AVP 0\nc=IN IP4 phone.example\n",
        BARE % b"m=audio 4 RTP/AVP 0\na=rtcp:x\n",
        BARE % b"m=audio 4 RTP/AVP 999\na=rtpmap:999 PCMU/8000\n",
        b"\xff\xfe",
        b"v=0\n" + b"a" * sdp.MAX_BYTES,
    ],
)
def test_refuses(data: bytes) -> None:
    with pytest.raises(sdp.SdpError) as caught:
        read_audio(sdp.parse(data))
    assert caught.value.code == "sdp_invalid"


TOKENS = st.text("abcXYZ019-+.", min_size=1, max_size=12)
ADDRESSES = st.builds(
    sdp.Address, st.ip_addresses(v=4).map(str) | st.just("host.example"), st.sampled_from([4, 6])
)
ATTRIBUTES = st.builds(
    sdp.Attribute,
    TOKENS,
    st.none()
    | st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])).map(str.strip),
)
MEDIA = st.builds(
    sdp.Media,
    TOKENS,
    st.integers(0, 65535),
    TOKENS,
    st.lists(TOKENS, min_size=1, max_size=4).map(tuple),
    st.none() | ADDRESSES,
    st.lists(ATTRIBUTES, max_size=4).map(tuple),
)
DESCRIPTIONS = st.builds(
    sdp.SessionDescription,
    st.builds(sdp.Origin, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), ADDRESSES, TOKENS),
    st.none() | ADDRESSES,
    TOKENS,
    st.lists(ATTRIBUTES, max_size=4).map(tuple),
    st.lists(MEDIA, max_size=3).map(tuple),
)


@given(DESCRIPTIONS)
def test_round_trip(description: sdp.SessionDescription) -> None:
    assert sdp.parse(description.serialise()) == description


@given(DESCRIPTIONS, st.integers(0, 2000), st.booleans())
def test_truncation_raises_only_its_own(
    description: sdp.SessionDescription, length: int, lf: bool
) -> None:
    data = description.serialise()[:length]
    _only_own(data.replace(b"\r\n", b"\n") if lf else data)


@given(st.binary(max_size=300), st.sampled_from([b"", b"v=0\n", BARE % b"", CISCO]))
def test_garbage_raises_only_its_own(garbage: bytes, start: bytes) -> None:
    _only_own(start + garbage)


@given(st.integers(0, len(CISCO) - 1), st.binary(max_size=4))
def test_damage_raises_only_its_own(at: int, damage: bytes) -> None:
    _only_own(CISCO[:at] + damage + CISCO[at + len(damage) :])


def _only_own(data: bytes) -> None:
    try:
        read_audio(sdp.parse(data))
    except sdp.SdpError:
        return
