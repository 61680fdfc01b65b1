"""Port pairs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.engine.media.errors import NoPorts
from ringfence.engine.media.ports import QUARANTINE_SECONDS, PortPool
from ringfence.kernel.clock import ManualClock


@pytest.fixture
def low() -> Iterator[int]:
    """Even start of a range of four free loopback ports."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.9", 0))
        yield min(probe.getsockname()[1] & ~1, 65000)


def test_a_freed_pair_rests_before_it_is_used_again(low: int) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    pool = PortPool("127.0.0.8", low, low + 3, clock)
    assert pool.total == 2
    first, second = pool.acquire(), pool.acquire()
    assert {first.port, second.port} == {low, low + 2}
    assert first.rtcp.getsockname()[1] == first.port + 1
    with pytest.raises(NoPorts):
        pool.acquire()
    pool.release(first)
    with pytest.raises(NoPorts):
        pool.acquire()
    clock.advance(timedelta(seconds=QUARANTINE_SECONDS))
    again = pool.acquire()
    assert again.port == first.port
    again.close()
    second.close()


def test_ports_of_other_programs_are_passed_over(low: int) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    pool = PortPool("127.0.0.8", low, low + 3, clock)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.8", low + 1))
        pair = pool.acquire()
        assert pair.port == low + 2
        pair.close()
