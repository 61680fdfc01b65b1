"""What the media port promises about tracks, held against every adapter."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.contract.conftest import TABLES, goertzel, tone_payloads

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys.objects import open_object

ULAW = TABLES["PCMU"]
FRAME = 160
CLEAR = 0.8
"""Share of a frame's energy from which on a tone is what one hears."""


def frames_of(samples: bytes, hertz: int) -> list[int]:
    """Numbers of the 20 ms frames in which a tone is to be heard."""
    return [
        at // FRAME
        for at in range(0, len(samples) - FRAME + 1, FRAME)
        if goertzel([ULAW[code] for code in samples[at : at + FRAME]], hertz) > CLEAR
    ]


async def spoken(rig: Any, peer: Any, packets: int) -> None:
    """Wait until a talking peer has sent so many more packets."""
    start = peer.sequence
    await rig.eventually(lambda: (peer.sequence - start) & 0xFFFF >= packets)


@pytest.fixture(autouse=True)
def with_keys(keys: Any) -> None:
    """Every test here has the process ``keys``."""


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_each_speaker_is_in_their_own_track_at_their_own_time(rig: Any, law: str) -> None:
    a, b = rig.peer(law=law), rig.peer()
    session, first, second = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    left, right = rig.track(session, first), rig.track(session, second)
    await rig.port.subscribe(left)
    began = time.monotonic()
    await rig.port.subscribe(right)
    offset = time.monotonic() - began
    await spoken(rig, a, 40)
    b.talk(700)
    late = time.monotonic() - began
    await spoken(rig, b, 40)
    stats = await rig.port.delete(session)
    whole = time.monotonic() - began
    assert stats.tracks.keys() == {left.track, right.track} and len(stats.legs) == 2
    for request, hertz, start in ((left, 440, 0.0), (right, 700, late - offset)):
        samples = await rig.recorded(request)
        told = stats.tracks[request.track]
        assert told.complete and told.bytes == rig.track_path(request).stat().st_size
        assert told.duration_ms == len(samples) // 8
        at = frames_of(samples, hertz)
        assert at[0] * 0.02 == pytest.approx(start, abs=0.15)
        assert len(at) >= 0.8 * (at[-1] - at[0])
        assert not frames_of(samples, 1140 - hertz), "the other speaker is in this track"
        assert set(samples[: max(0, at[0] - 1) * FRAME]) <= {0xFF}
    assert stats.tracks[left.track].duration_ms / 1000 == pytest.approx(whole, abs=0.25)


async def test_recording_is_not_to_be_heard(rig: Any) -> None:
    """The relayed stream is the same with a track that begins, pauses and ends."""
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    a.talk(440)
    await rig.eventually(lambda: b.hears(440))
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    for action in ("pause", "resume", "stop"):
        await spoken(rig, a, 10)
        await rig.port.track(session, request.track, action)
    await spoken(rig, a, 10)
    assert b.hears(440)
    for before, after in pairwise(b.audio()):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == FRAME
    assert [packet.marker for packet in b.audio()].count(True) == 1


@pytest.mark.parametrize("gap", ["silence", "tone"])
async def test_nothing_said_while_paused_is_stored(rig: Any, gap: str) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    a.talk(700)
    await rig.eventually(lambda: b.hears(700))
    request = rig.track(session, first, gap=gap)
    await rig.port.subscribe(request)
    await spoken(rig, a, 25)
    paused = await rig.port.track(session, request.track, "pause")
    a.talk(1000)
    await spoken(rig, a, 60)
    assert b.hears(1000)
    again = await rig.port.track(session, request.track, "pause")
    a.talk(700)
    await spoken(rig, a, 5)
    resumed = await rig.port.track(session, request.track, "resume")
    await spoken(rig, a, 25)
    stats = await rig.port.track(session, request.track, "stop")
    assert stats.complete and paused.duration_ms < again.duration_ms < resumed.duration_ms
    samples = await rig.recorded(request)
    assert not frames_of(samples, 1000)
    quiet = samples[(paused.duration_ms + 30) * 8 : resumed.duration_ms * 8]
    said = frames_of(samples, 700)
    assert said[0] < 5 and said[-1] * 20 > resumed.duration_ms + 300
    assert not [at for at in said if paused.duration_ms + 30 <= at * 20 < resumed.duration_ms - 20]
    assert (set(quiet) == {0xFF}) == (gap == "silence")
    assert bool(frames_of(quiet, 440)) == (gap == "tone")


async def test_no_digit_is_in_a_track(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(700)
    await spoken(rig, a, 20)
    a.hush()
    a.press(0)
    a.send(bytes([0x33]) * FRAME, payload_type=77)  # nobody agreed on this
    await rig.eventually(lambda: rig.of(first, "dtmf"))
    a.talk(700)
    await spoken(rig, a, 20)
    await rig.port.delete(session, first)
    samples = await rig.recorded(request)
    assert len(frames_of(samples, 700)) > 20
    said = {code for payload in tone_payloads("PCMU", 700) for code in payload}
    assert set(samples) <= said | {0xFF} and not said & {0x00, 0x33}


async def test_what_is_said_on_hold_is_not_recorded(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(700)
    await rig.eventually(lambda: b.hears(700))
    await rig.port.answer(session, first, a.sdp("inactive", version=2), "offer")
    a.talk(1000)
    await spoken(rig, a, 30)
    a.hush()
    await rig.port.answer(session, first, a.sdp(version=3), "offer")
    stats = await rig.port.delete(session, first)
    assert stats.tracks[request.track].complete
    samples = await rig.recorded(request)
    assert frames_of(samples, 700) and not frames_of(samples, 1000)


async def test_errors_and_repetition(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    session, first, second = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    twice = rig.track(session, second, customer_keys=("no key",))
    attempts = [
        (rig.port.subscribe(rig.track(session, uuid4())), "unknown_leg"),
        (rig.port.subscribe(request), "track_exists"),
        (rig.port.subscribe(rig.track(session, first)), "track_exists"),
        (rig.port.subscribe(twice), "unfit_key_name"),
        (rig.port.subscribe(rig.track(session, second, rule="Not a rule")), "unfit_key_name"),
        (rig.port.track(session, uuid4(), "pause"), "unknown_track"),
        (rig.port.track(uuid4(), request.track, "stop"), "unknown_track"),
    ]
    for attempt, code in attempts:
        with pytest.raises(RingfenceError) as caught:
            await attempt
        assert caught.value.code == code
    assert not rig.track_path(twice).exists()
    ended = await rig.port.track(session, request.track, "stop")
    assert ended.complete
    for action in ("stop", "resume"):
        told = await rig.port.track(session, request.track, action)
        assert told.duration_ms == ended.duration_ms and told.bytes == ended.bytes
    another = rig.track(session, first)
    await rig.port.subscribe(another)
    assert (await rig.port.delete(session)).tracks.keys() == {another.track}


async def test_a_customer_opens_their_track_without_us(rig: Any) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    pem = private.public_key().public_bytes(*form).decode()
    request = rig.track(session, first, customer_keys=(pem,), rule="customer_recordings")
    await rig.port.subscribe(request)
    a.talk(700)
    await spoken(rig, a, 30)
    await rig.port.delete(session)
    stream = b"".join(open_object([rig.track_path(request).read_bytes()], private))
    assert frames_of(stream[58:], 700)


@pytest.mark.promise("CCA-05.0-03")
async def test_what_the_customer_alone_may_open_nobody_else_opens(rig: Any) -> None:
    """From its first bytes on, and not by the key that the platform made for the track."""
    private, other = (rsa.generate_private_key(65537, 3072) for _ in range(2))
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    pem = private.public_key().public_bytes(*form).decode()
    alone = {"rule": "customer_recordings", "custody": "customer"}
    request = rig.track(session, first, customer_keys=(pem,), **alone)
    await rig.port.subscribe(request)
    head = rig.track_path(request).read_bytes()
    a.talk(700)
    await spoken(rig, a, 30)
    await rig.port.delete(session)
    sealed = rig.track_path(request).read_bytes()
    assert sealed.startswith(head) and head[:3] == b"\x01\x01\x02", "RSA is its only wrap"
    assert frames_of(b"".join(open_object([sealed], private))[58:], 700)
    for key in (other, await rig.track_leaf(request)):
        with pytest.raises(RingfenceError) as refused:
            list(open_object([sealed], key))
        assert refused.value.code == "unreadable_value"
    session, first, _ = await rig.bridge(rig.peer(), rig.peer())
    nobodys = rig.track(session, first, **alone)
    with pytest.raises(RingfenceError) as refused:
        await rig.port.subscribe(nobodys)
    assert refused.value.code == "unfit_key_name"
    assert not rig.track_path(nobodys).exists()


@pytest.mark.promise("CCA-01.0-11")
async def test_no_word_is_in_clear_on_disk(rig: Any, tmp_path: Path) -> None:
    """Everything the processes wrote is searched for what was said, in either encoding; a file
    with the same words in clear shows that the search finds them."""
    a, b = rig.peer(), rig.peer()
    session, first, _ = await rig.bridge(a, b)
    request = rig.track(session, first)
    await rig.port.subscribe(request)
    a.talk(700)
    await rig.eventually(lambda: b.hears(700))
    await spoken(rig, a, 60)
    await rig.port.delete(session)
    frame = tone_payloads("PCMU", 700)[1]
    assert frame in await rig.recorded(request)
    linear = b"".join(ULAW[code].to_bytes(2, "little", signed=True) for code in frame)
    data = rig.worker.settings.data_dir
    (data / "marker").write_bytes(b"x" + frame + linear)
    found = [
        path
        for path in sorted(tmp_path.rglob("*"))
        if path.is_file()
        for needle in (frame[:40], linear[:40])
        if needle in path.read_bytes()
    ]
    assert found == [data / "marker"] * 2
    path = rig.track_path(request)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [folder.stat().st_mode & 0o777 for folder in path.parents[:2]] == [0o700] * 2


async def babble(rig: Any, peer: Any, packets: int) -> None:
    """A voice: tones whose loudness changes with every packet."""
    loud = tone_payloads("PCMU", 440)
    codes = [code for payload in loud for code in payload]
    soft = bytes(
        code + 24 if code < 0x80 - 24 or 0x80 <= code < 0xFF - 24 else code for code in codes
    )
    for n in range(packets):
        payload = loud[n % 5] if n % 3 else soft[:FRAME]
        peer.send(payload)
        peer.timestamp = peer.timestamp + FRAME & 0xFFFFFFFF
        sent = time.monotonic()
        await rig.eventually(lambda at=sent: time.monotonic() - at >= 0.02)


async def test_who_says_nothing_is_told_once(rig: Any) -> None:
    """A peer that sends nothing, one that only beeps and presses keys, and one that has spoken."""
    silent, beeping, speaking, ignored = (rig.peer() for _ in range(4))
    session = uuid4()
    legs = [await rig.offered(session, peer) for peer in (silent, beeping, speaking, ignored)]
    tracks = [rig.track(session, leg, quiet_seconds=1.0) for leg in legs[:3]]
    tracks.append(rig.track(session, legs[3]))
    for track in tracks:
        await rig.port.subscribe(track)
    began = time.monotonic()
    beeping.talk(1000)
    await babble(rig, speaking, 60)
    spoke = time.monotonic()
    beeping.press(5)
    await rig.eventually(lambda: rig.of(legs[0], "quiet") and rig.of(legs[1], "quiet"))
    assert not rig.of(legs[2], "quiet") and time.monotonic() - began >= 1.0
    await rig.eventually(lambda: rig.of(legs[2], "quiet"))
    assert 0.9 <= time.monotonic() - spoke < 2.5
    await babble(rig, silent, 70)
    for leg, track, words in zip(legs, tracks, (False, False, True), strict=False):
        told = [{"track": track.track.hex, "spoken": words}]
        assert [event.data for event in rig.of(leg, "quiet")] == told
    assert not rig.of(legs[3], "quiet")
