"""When a packet's source is believed."""

from __future__ import annotations

from ringfence.engine.media.latch import Latch

NAMED, NAT, MALLORY = ("192.0.2.1", 4000), ("198.51.100.1", 5000), ("203.0.113.1", 6000)


def opened(at: float = 0.0) -> Latch:
    latch = Latch(5.0)
    latch.open(NAMED, at)
    return latch


def stream(latch: Latch, source: tuple[str, int], at: float, count: int, ssrc: int = 7) -> bool:
    """Whether any of ``count`` packets, 20 ms apart, is believed."""
    return any(latch.admit(source, ssrc, 0, at + 0.02 * n) for n in range(count))


def test_the_named_address_is_taken_at_once_and_whenever_it_comes() -> None:
    assert opened().admit(NAMED, 1, 0, 0.0)
    assert opened().admit(NAMED, 1, 0, 60.0)


def test_another_source_needs_three_packets_over_40_ms() -> None:
    latch = opened()
    assert not stream(latch, NAT, 1.0, 2)
    assert latch.source is None
    assert latch.admit(NAT, 7, 0, 1.04)
    assert latch.source == NAT


def test_a_burst_is_not_enough() -> None:
    latch = opened()
    assert not any(latch.admit(MALLORY, 7, 0, 1.0 + n / 1000) for n in range(30))


def test_a_changing_ssrc_is_not_enough() -> None:
    latch = opened()
    assert not any(latch.admit(MALLORY, n, 0, 1.0 + n * 0.02) for n in range(30))


def test_outside_the_window_nothing_is_learnt() -> None:
    assert not stream(opened(), NAT, 5.01, 50)


def test_nothing_is_learnt_while_the_present_source_speaks() -> None:
    latch = opened()
    latch.admit(NAMED, 1, 0, 0.0)
    assert not any(latch.admit(MALLORY, 9, n // 2, 0.02 * n) for n in range(100))
    assert latch.source == NAMED


def test_a_reoffer_lets_a_moved_peer_in() -> None:
    latch = opened()
    stream(latch, NAT, 0.0, 3)
    assert not stream(latch, MALLORY, 10.0, 5)
    latch.open(NAMED, 20.0)
    assert latch.source == NAT
    assert stream(latch, ("198.51.100.1", 5002), 20.0, 3)


def test_a_new_address_supersedes_the_old_source() -> None:
    """Packets still under way from the old one do not win it back."""
    latch = opened()
    latch.admit(NAMED, 1, 0, 0.0)
    moved = ("192.0.2.2", 4000)
    latch.open(moved, 1.0)
    assert latch.source is None
    assert not stream(latch, NAMED, 1.0, 10)
    assert latch.admit(moved, 2, 0, 1.3)


def test_a_peer_that_renamed_itself_but_stayed_is_followed_later() -> None:
    latch = opened()
    latch.admit(NAMED, 1, 0, 0.0)
    latch.open(("10.0.0.1", 4000), 1.0)
    assert stream(latch, NAMED, 1.0, 26)


def test_hold_without_an_address_keeps_the_source() -> None:
    latch = opened()
    latch.admit(NAMED, 1, 0, 0.0)
    latch.open(None, 1.0)
    assert latch.source == NAMED
