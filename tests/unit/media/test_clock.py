"""The frame clock keeps absolute time."""

from __future__ import annotations

import asyncio

import pytest

from ringfence.engine.media.clock import FRAME_SECONDS, FrameClock


class LateLoop:
    """A loop whose timers are run by hand, and late."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: object) -> object:
        self.due.append((when, callback))
        return self

    def run(self, late: float = 0.0) -> None:
        when, callback = self.due.pop()
        self.now = max(self.now, when) + late
        callback()  # type: ignore[operator]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> LateLoop:
    fake = LateLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: fake)
    return fake


def test_lateness_does_not_add_up(loop: LateLoop) -> None:
    clock, ticks = FrameClock(), []
    clock.add(lambda: ticks.append(loop.now))
    for _ in range(1000):
        loop.run(late=0.003)
    assert len(ticks) == 1000
    assert loop.due[0][0] == pytest.approx(100.0 + 1001 * FRAME_SECONDS)


def test_a_short_stall_is_made_up_and_a_long_one_is_not(loop: LateLoop) -> None:
    clock, ticks = FrameClock(), []
    clock.add(lambda: ticks.append(loop.now))
    loop.run(late=0.065)
    assert len(ticks) == 4
    loop.run(late=2.001)
    assert len(ticks) == 9
    assert loop.now < loop.due[0][0] <= loop.now + FRAME_SECONDS


def test_rests_without_subscribers_and_stays_on_its_grid(loop: LateLoop) -> None:
    clock, ticks = FrameClock(), []

    def once() -> None:
        ticks.append(loop.now)
        clock.remove(once)

    clock.add(once)
    loop.run()
    assert loop.due == []
    loop.now += 1.2345
    clock.add(once)
    when = loop.due[0][0]
    assert when > loop.now
    assert (when - 100.0) / FRAME_SECONDS == pytest.approx(round((when - 100.0) / FRAME_SECONDS))
