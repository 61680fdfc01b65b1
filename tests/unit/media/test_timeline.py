"""Packets in any order, lost, doubled, wrapped: each sample stands where its sender spoke it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.media.timeline import PIECE, SLACK, Timeline
from ringfence.protocols import g711

FRAME = 160
SILENCE = 0xFF
START = 0.0


@dataclass(frozen=True)
class Sent:
    """A frame as its sender spoke it, and when it arrived."""

    number: int
    at: float
    late: bool


def payload(number: int) -> bytes:
    """Tells the frame by every sample of it, and is never silence."""
    return bytes([number % 250]) * FRAME


def heard(
    frames: list[Sent], first: int, *, until: float, gap: str = "silence"
) -> tuple[bytes, int]:
    """The track of the frames, and the most that was buffered."""
    out = bytearray()
    timeline = Timeline(START, out.extend, gap)  # type: ignore[arg-type]
    most, next_advance = 0, START
    for frame in frames:
        while next_advance <= frame.at:
            timeline.advance(next_advance)
            next_advance += 0.5
        timestamp = (first + FRAME * frame.number) & 0xFFFFFFFF
        place = timeline.place_late if frame.late else timeline.place
        place(payload(frame.number), timestamp, frame.at)
        most = max(most, timeline.buffered)
    assert timeline.finish(until) == len(out)
    return bytes(out), most


@st.composite
def streams(draw: st.DrawFn) -> list[Sent]:
    """150 frames, each spoken in time; some lost, doubled, or late by up to 300 ms."""
    arrivals = [(0.5, 0)]
    for number in range(1, 150):
        fate = draw(st.sampled_from(["sent"] * 6 + ["lost", "twice"]))
        for _ in range({"lost": 0, "twice": 2}.get(fate, 1)):
            delay = draw(st.sampled_from([0, 0, 0, 1, 15, 60, 300])) / 1000
            arrivals.append((0.5 + number * 0.02 + delay, number))
    arrivals.sort()
    newest, out = -1, []
    for at, number in arrivals:
        out.append(Sent(number, START + at, number < newest))
        newest = max(newest, number)
    return out


@given(streams(), st.integers(0, 0xFFFFFFFF) | st.just(0xFFFFFFFF - 40 * FRAME))
def test_each_sample_is_where_the_sender_put_it(frames: list[Sent], first: int) -> None:
    track, most = heard(frames, first, until=START + 4.0)
    base = int(0.5 * 8000) - FRAME  # the first packet ended when it came
    expected = bytearray([SILENCE]) * 32000
    for number in {frame.number for frame in frames}:
        at = base + FRAME * number
        expected[at : at + FRAME] = payload(number)
    assert track == expected
    assert most <= 2 * SLACK + 4000 + FRAME


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFFFFFF), st.floats(0, 2.0), st.booleans(), st.integers(0, 2000)
        ),
        max_size=60,
    )
)
def test_no_timestamp_moves_the_track_or_grows_memory(
    packets: list[tuple[int, float, bool, int]],
) -> None:
    """Hostile timestamps, and advances that did not come: as long as the clock, and bounded."""
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    now = START
    for timestamp, pause, late, size in packets:
        now += pause
        (timeline.place_late if late else timeline.place)(bytes(size), timestamp, now)
        assert timeline.buffered <= 3 * SLACK + 2 * PIECE
        assert len(out) <= (now - START) * 8000
    assert timeline.finish(now) == len(out) == int((now - START) * 8000)


def test_an_hour_of_silence_costs_no_memory() -> None:
    written: list[int] = []
    timeline = Timeline(START, lambda piece: written.append(len(piece)), "silence")
    timeline.place(payload(1), 0, START + 1)
    timeline.place(payload(2), 3600 * 8000, START + 3601)
    assert timeline.buffered <= 2 * SLACK + 2 * PIECE
    assert max(written) <= PIECE and sum(written) >= 3599 * 8000


def test_a_new_source_stands_where_it_arrived() -> None:
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    timeline.place(payload(1), 5_000, START + 1)
    timeline.restart()
    timeline.place_late(payload(9), 5_000, START + 1.9)  # of the old source: nobody knows where
    timeline.place(payload(2), 5_100, START + 2)
    timeline.place(payload(3), 5_260, START + 2.02)
    timeline.finish(START + 3)
    assert out.index(payload(1)) == 8000 - FRAME
    assert out.index(payload(2)) == 16000 - FRAME
    assert out.index(payload(3)) == 16000
    assert 9 not in out


def test_a_sender_that_strays_is_put_back_on_the_clock() -> None:
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    timeline.place(payload(1), 0, START + 1)
    timeline.place(payload(2), 1 << 31, START + 2)
    timeline.place(payload(3), FRAME, START + 3)
    timeline.finish(START + 4)
    for number, at in ((1, 8000), (2, 16000), (3, 24000)):
        assert out.index(payload(number)) == at - FRAME


def test_what_was_spoken_before_the_start_is_not_stored() -> None:
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    timeline.place(payload(1), 0, START + 0.01)
    timeline.place(payload(2), FRAME, START + 0.03)
    timeline.finish(START + 0.03)
    assert out == bytes([SILENCE]) * 80 + payload(2)


def test_a_pause_takes_nothing_and_keeps_the_time() -> None:
    """Not what arrives during it, and not afterwards what was spoken in it."""
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    for number in range(50):
        timeline.place(payload(1), number * FRAME, START + (number + 1) * 0.02)
    timeline.pause(START + 1)
    timeline.place_late(payload(2), 49 * FRAME, START + 1.01)
    for number in range(50, 100):
        timeline.place(payload(2), number * FRAME, START + (number + 1) * 0.02)
    timeline.advance(START + 1.5)
    timeline.resume(START + 2)
    timeline.place_late(payload(2), 98 * FRAME, START + 2.01)
    for number in range(100, 150):
        timeline.place(payload(3), number * FRAME, START + (number + 1) * 0.02)
    timeline.finish(START + 3)
    assert out == bytes([1]) * 8000 + bytes([SILENCE]) * 8000 + bytes([3]) * 8000


def test_a_burst_after_a_stall_leaves_all_in_its_place() -> None:
    """Two seconds under way: what is older than a second is lost, nothing is moved."""
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    for number in range(250):
        at = (number + 1) * 0.02
        timeline.place(payload(number), number * FRAME, 4.0 if 2.0 < at < 4.0 else at)
    timeline.finish(START + 5)
    for number in (*range(1, 100), *range(150, 250)):
        assert out[number * FRAME : (number + 1) * FRAME] == payload(number)
    assert set(out[100 * FRAME : 149 * FRAME]) == {SILENCE}


def test_a_sender_that_stays_behind_is_put_back_on_the_clock() -> None:
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    for number in range(200):
        silence = 0 if number < 50 else 3.0  # in which its timestamps stood still
        timeline.place(payload(number), number * FRAME, (number + 1) * 0.02 + silence)
    timeline.finish(START + 7)
    at = out.index(payload(100))
    assert at == 100 * FRAME + 3 * 8000
    assert set(out[8000:24000]) == {SILENCE}


@given(st.floats(0, 3.0), st.floats(0, 3.0), st.floats(0, 4.0))
def test_nothing_spoken_in_a_pause_comes_after_it(before: float, after: float, at: float) -> None:
    """Whatever the delay was and becomes, in the pause or after it."""
    out = bytearray()
    timeline = Timeline(START, out.extend, "silence")
    arrivals = []
    for number in range(400):
        spoken = (number + 1) * 0.02
        delay = (0.0 if spoken < 2.0 else before) if spoken < at + 2.0 else after
        code = 2 if 2.02 <= spoken <= 4.0 else 1
        arrivals.append((spoken + delay, number, code))
    newest, paused, resumed = -1, False, False
    for now, number, code in sorted(arrivals):
        if now >= 2.0 and not paused:
            timeline.pause(START + 2.0)
            paused = True
        if now >= 4.0 and not resumed:
            timeline.resume(START + 4.0)
            resumed = True
        place = timeline.place if number > newest else timeline.place_late
        newest = max(newest, number)
        place(bytes([code]) * FRAME, number * FRAME, now)
    timeline.finish(START + 12)
    assert 2 not in out
    assert 1 in out[5 * 8000 :] or max(before, after) > 0.9


def test_a_paused_gap_can_be_heard() -> None:
    out = bytearray()
    timeline = Timeline(START, out.extend, "tone")
    timeline.pause(START + 1)
    timeline.resume(START + 61)
    timeline.finish(START + 62)
    assert len(out) == 62 * 8000
    assert set(out[:8000]) == set(out[61 * 8000 :]) == {SILENCE}
    for second in range(1, 61):
        burst = g711.decode_ulaw(bytes(out[second * 8000 : second * 8000 + 1600]))
        assert 500 < max(burst) < 2000, "soft, but to be heard"
        crossings = sum(a < 0 <= b for a, b in pairwise(burst))
        assert 86 <= crossings <= 89  # 440 Hz for a fifth of a second
        assert set(out[second * 8000 + 1600 : second * 8000 + 8000]) == {SILENCE}
