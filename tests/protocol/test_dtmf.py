"""Telephone events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.protocols import dtmf


def packets(digit: str, duration: int = 800) -> list[dtmf.EventPayload]:
    sender = dtmf.DtmfSender(digit, duration)
    return list(itertools.takewhile(lambda item: item is not None, iter(sender.next, 0)))  # type: ignore[arg-type]


def test_a_digit_ends_in_three_equal_packets() -> None:
    sent = packets("5", 400)
    assert [item.duration for item in sent] == [160, 320, 400, 400, 400]
    assert [item.end for item in sent] == [False, False, True, True, True]
    assert {item.event for item in sent} == {5}
    assert sent[-1].serialise() == bytes([5, 0x8A, 1, 0x90])


def test_codes_and_bad_digits() -> None:
    assert [dtmf.digit_code(digit) for digit in "0*#Ad"] == [0, 10, 11, 12, 15]
    for bad in ("", "x", "12"):
        with pytest.raises(dtmf.DtmfError):
            dtmf.DtmfSender(bad, 800)


@given(
    st.text(dtmf.DIGITS, max_size=8),
    st.integers(0, 0xFFFFFFFF),
    st.data(),
)
def test_every_digit_once_whatever_is_lost_or_doubled(
    digits: str, timestamp: int, data: st.DataObject
) -> None:
    receiver = dtmf.DtmfReceiver()
    heard: list[dtmf.Digit] = []
    for digit in digits:
        sent = packets(digit)
        kept = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=10))
        for payload in sorted(kept, key=lambda item: (item.duration, item.end)):
            heard += receiver.feed(timestamp, payload)
        timestamp = timestamp + 1600 & 0xFFFFFFFF
    heard += receiver.flush()
    assert "".join(item.digit for item in heard) == digits


def test_a_late_packet_of_an_earlier_digit_is_ignored() -> None:
    receiver = dtmf.DtmfReceiver()
    first, second = packets("1"), packets("2")
    assert receiver.feed(1000, first[-1]) == [dtmf.Digit("1", 800)]
    assert receiver.feed(3000, second[0]) == []
    assert receiver.feed(1000, first[-1]) == []
    assert receiver.pending
    assert receiver.feed(3000, second[-1]) == [dtmf.Digit("2", 800)]
    assert not receiver.pending and receiver.flush() == []


def test_other_events_are_no_digits() -> None:
    receiver = dtmf.DtmfReceiver()
    assert receiver.feed(1, dtmf.EventPayload(16, True, 10, 800)) == []  # flash hook
    assert not receiver.pending


def test_another_stream_starts_anew() -> None:
    receiver = dtmf.DtmfReceiver()
    receiver.feed(0x7000_0000, packets("1")[-1])
    receiver.reset()
    assert receiver.feed(5, packets("2")[-1]) == [dtmf.Digit("2", 800)]


@given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))
def test_round_trip(event: int, end: bool, volume: int, duration: int) -> None:
    payload = dtmf.EventPayload(event, end, volume, duration)
    assert dtmf.parse(payload.serialise()) == payload


@given(st.binary(max_size=10))
def test_garbage(data: bytes) -> None:
    if len(data) < 4:
        with pytest.raises(dtmf.DtmfError):
            dtmf.parse(data)
    else:
        dtmf.DtmfReceiver().feed(0, dtmf.parse(data))
