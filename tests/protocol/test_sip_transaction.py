"""Transaction machines against RFC 3261 figures 5 to 8 as RFC 6026 corrects them."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.protocols.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Effect,
    Input,
    Machine,
    State,
    classify,
    timer_seconds,
)

TABLES = {
    "INVITE client": INVITE_CLIENT,
    "client": CLIENT,
    "INVITE server": INVITE_SERVER,
    "server": SERVER,
}
START = {
    "INVITE client": "CALLING", "client": "TRYING", "INVITE server": "PROCEEDING",
    "server": "TRYING",
}  # fmt: skip

# state, event, state after it, what happens. Stopping timers is left out: it is checked below.
FIGURES = {
    "INVITE client": """
        CALLING     A                CALLING     RESEND START_A
        CALLING     B                TERMINATED  TIMED_OUT
        CALLING     TRANSPORT_ERROR  TERMINATED  FAILED
        CALLING     PROVISIONAL      PROCEEDING  DELIVER
        CALLING     SUCCESS          ACCEPTED    DELIVER START_M
        CALLING     FAILURE          COMPLETED   SEND_ACK START_D DELIVER
        PROCEEDING  PROVISIONAL      PROCEEDING  DELIVER
        PROCEEDING  SUCCESS          ACCEPTED    DELIVER START_M
        PROCEEDING  FAILURE          COMPLETED   SEND_ACK START_D DELIVER
        PROCEEDING  TRANSPORT_ERROR  TERMINATED  FAILED
        COMPLETED   FAILURE          COMPLETED   SEND_ACK
        COMPLETED   TRANSPORT_ERROR  TERMINATED
        COMPLETED   D                TERMINATED
        ACCEPTED    SUCCESS          ACCEPTED    DELIVER
        ACCEPTED    M                TERMINATED
    """,
    "client": """
        TRYING      E                TRYING      RESEND START_E
        TRYING      F                TERMINATED  TIMED_OUT
        TRYING      TRANSPORT_ERROR  TERMINATED  FAILED
        TRYING      PROVISIONAL      PROCEEDING  DELIVER
        TRYING      SUCCESS          COMPLETED   DELIVER START_K
        TRYING      FAILURE          COMPLETED   DELIVER START_K
        PROCEEDING  E                PROCEEDING  RESEND START_E
        PROCEEDING  F                TERMINATED  TIMED_OUT
        PROCEEDING  TRANSPORT_ERROR  TERMINATED  FAILED
        PROCEEDING  PROVISIONAL      PROCEEDING  DELIVER
        PROCEEDING  SUCCESS          COMPLETED   DELIVER START_K
        PROCEEDING  FAILURE          COMPLETED   DELIVER START_K
        COMPLETED   K                TERMINATED
    """,
    "INVITE server": """
        PROCEEDING  REQUEST          PROCEEDING  RESEND
        PROCEEDING  PROVISIONAL      PROCEEDING  SEND
        PROCEEDING  SUCCESS          ACCEPTED    SEND START_L
        PROCEEDING  FAILURE          COMPLETED   SEND START_G START_H
        PROCEEDING  TRANSPORT_ERROR  PROCEEDING  FAILED
        COMPLETED   REQUEST          COMPLETED   RESEND
        COMPLETED   G                COMPLETED   RESEND START_G
        COMPLETED   H                TERMINATED  TIMED_OUT
        COMPLETED   ACK              CONFIRMED   START_I
        COMPLETED   TRANSPORT_ERROR  COMPLETED   FAILED
        CONFIRMED   I                TERMINATED
        ACCEPTED    SUCCESS          ACCEPTED    SEND
        ACCEPTED    ACK              ACCEPTED    DELIVER
        ACCEPTED    TRANSPORT_ERROR  ACCEPTED    FAILED
        ACCEPTED    L                TERMINATED
    """,
    "server": """
        TRYING      PROVISIONAL      PROCEEDING  SEND
        TRYING      SUCCESS          COMPLETED   SEND START_J
        TRYING      FAILURE          COMPLETED   SEND START_J
        PROCEEDING  REQUEST          PROCEEDING  RESEND
        PROCEEDING  PROVISIONAL      PROCEEDING  SEND
        PROCEEDING  SUCCESS          COMPLETED   SEND START_J
        PROCEEDING  FAILURE          COMPLETED   SEND START_J
        PROCEEDING  TRANSPORT_ERROR  TERMINATED  FAILED
        COMPLETED   REQUEST          COMPLETED   RESEND
        COMPLETED   TRANSPORT_ERROR  TERMINATED  FAILED
        COMPLETED   J                TERMINATED
    """,
}
STATES = {
    "INVITE client": "CALLING PROCEEDING COMPLETED ACCEPTED TERMINATED",
    "client": "TRYING PROCEEDING COMPLETED TERMINATED",
    "INVITE server": "PROCEEDING COMPLETED CONFIRMED ACCEPTED TERMINATED",
    "server": "TRYING PROCEEDING COMPLETED TERMINATED",
}


def rows() -> dict[tuple[str, str, str], tuple[str, set[str]]]:
    found = {}
    for name, figure in FIGURES.items():
        for line in figure.strip().splitlines():
            state, event, after, *effects = line.split()
            found[name, state, event] = (after, set(effects))
    return found


ROWS = rows()
EVERY = [
    (name, state, event.name)
    for name, states in STATES.items()
    for state in states.split()
    for event in Input
]


@pytest.mark.parametrize(("name", "state", "event"), EVERY)
def test_figure(name: str, state: str, event: str) -> None:
    """Each arrow is there, and in each state everything else changes nothing."""
    machine = Machine(TABLES[name])
    assert machine.state.name == START[name]
    machine.state = State[state]
    effects = machine.feed(Input[event])
    after, expected = ROWS.get((name, state, event), (state, set()))
    assert machine.state.name == after
    assert {effect.name for effect in effects} - {"STOP_TIMERS"} == expected
    assert len(set(effects)) == len(effects)


def test_the_response_goes_out_before_its_timers() -> None:
    for table in TABLES.values():
        for _, effects in table.values():
            names = [effect.name for effect in effects]
            if "SEND" in names:
                assert names[0] == "SEND"
            if "STOP_TIMERS" in names:
                assert names[0] == "STOP_TIMERS"


class Run:
    """A machine with a set of running timers, as a driver keeps it."""

    def __init__(self, name: str, state: State | None = None) -> None:
        self.machine = Machine(TABLES[name])
        if state is not None:
            self.machine.state = state
        self.timers = {"INVITE client": {"A", "B"}, "client": {"E", "F"}}.get(name, set()).copy()

    def feed(self, event: Input) -> None:
        self.timers.discard(event.name)
        for effect in self.machine.feed(event):
            if effect is Effect.STOP_TIMERS:
                self.timers.clear()
            elif effect.name.startswith("START_"):
                self.timers.add(effect.name[6:])


# what runs in a state after any way into it; states that wait for a person have none of their own
RUNNING: dict[tuple[str, str], set[str]] = {
    ("INVITE client", "CALLING"): {"A", "B"},
    ("INVITE client", "PROCEEDING"): set(),
    ("INVITE client", "COMPLETED"): {"D"},
    ("INVITE client", "ACCEPTED"): {"M"},
    ("client", "TRYING"): {"E", "F"},
    ("client", "PROCEEDING"): {"E", "F"},
    ("client", "COMPLETED"): {"K"},
    ("INVITE server", "PROCEEDING"): set(),
    ("INVITE server", "COMPLETED"): {"G", "H"},
    ("INVITE server", "CONFIRMED"): {"I"},
    ("INVITE server", "ACCEPTED"): {"L"},
    ("server", "TRYING"): set(),
    ("server", "PROCEEDING"): set(),
    ("server", "COMPLETED"): {"J"},
}


@pytest.mark.parametrize("name", TABLES)
def test_timers_of_every_reachable_state(name: str) -> None:
    """Walk every path: the timers that run are those of the state, and they end it."""
    seen: set[Any] = set()
    waiting: list[tuple[Input, ...]] = [()]
    while waiting:
        path = waiting.pop()
        run = Run(name)
        for event in path:
            run.feed(event)
        key = (run.machine.state, frozenset(run.timers))
        if key in seen:
            continue
        seen.add(key)
        if run.machine.state is State.TERMINATED:
            continue
        assert run.timers == RUNNING[name, run.machine.state.name], path
        for event in Input:
            if len(event.name) > 1 or event.name in run.timers:  # a timer fires only if it runs
                waiting.append((*path, event))
    assert {state.name for state, _ in seen} == set(STATES[name].split())


@pytest.mark.parametrize(("name", "state"), [key for key, timers in RUNNING.items() if timers])
def test_timers_alone_end_every_state_that_has_them(name: str, state: str) -> None:
    run = Run(name, State[state])
    for timer in sorted(RUNNING[name, state], reverse=True):  # the retransmission timer last
        if run.machine.state is not State.TERMINATED:
            run.feed(Input[timer])
    assert run.machine.state is State.TERMINATED


@pytest.mark.parametrize(
    ("timer", "udp", "tcp"),
    [
        # RFC 3261 table 4 at T1 = 500 ms, T2 = 4 s, T4 = 5 s; L and M: RFC 6026 8.11
        ("A", 0.5, None), ("B", 32, 32), ("D", 32, 0), ("E", 0.5, None), ("F", 32, 32),
        ("G", 0.5, None), ("H", 32, 32), ("I", 5, 0), ("J", 32, 0), ("K", 5, 0),
        ("L", 32, 32), ("M", 32, 32),
    ],
)  # fmt: skip
def test_timer_lengths(timer: str, udp: float, tcp: float | None) -> None:
    assert timer_seconds(Input[timer], t1=0.5, reliable=False) == udp
    assert timer_seconds(Input[timer], t1=0.5, reliable=True) == tcp


def test_retransmission_intervals() -> None:
    def intervals(timer: Input) -> list[float | None]:
        return [timer_seconds(timer, t1=0.5, reliable=False, attempt=n) for n in range(7)]

    # 17.1.1.2: A doubles until B fires; 17.1.2.2 and 17.2.1: E and G double up to T2
    assert intervals(Input.A) == [0.5, 1, 2, 4, 8, 16, 32]
    assert intervals(Input.E) == intervals(Input.G) == [0.5, 1, 2, 4, 4, 4, 4]
    assert timer_seconds(Input.A, t1=0.5, reliable=False, attempt=10_000) is not None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(100, "PROVISIONAL"), (199, "PROVISIONAL"), (200, "SUCCESS"), (299, "SUCCESS"),
     (300, "FAILURE"), (487, "FAILURE"), (699, "FAILURE")],
)  # fmt: skip
def test_classify(status: int, expected: str) -> None:
    assert classify(status).name == expected
