"""The life of one supervised process, as a table.

``stopped`` and ``waiting`` have no process; in every other state there is one. ``waiting`` is the
pause before the next attempt after a death.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    STOPPING = "stopping"


class Event(StrEnum):
    SPAWN = "spawn"
    READY = "ready"
    """The process said that it serves."""
    STOP = "stop"
    EXIT = "exit"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.STOPPED, Event.SPAWN): State.STARTING,
    (State.STARTING, Event.READY): State.READY,
    (State.STARTING, Event.STOP): State.STOPPING,
    (State.STARTING, Event.EXIT): State.WAITING,
    (State.READY, Event.STOP): State.STOPPING,
    (State.READY, Event.EXIT): State.WAITING,
    (State.WAITING, Event.SPAWN): State.STARTING,
    (State.WAITING, Event.STOP): State.STOPPED,
    (State.STOPPING, Event.READY): State.STOPPING,
    (State.STOPPING, Event.STOP): State.STOPPING,
    (State.STOPPING, Event.EXIT): State.STOPPED,
    (State.STOPPED, Event.STOP): State.STOPPED,
}


def after(state: State, event: Event) -> State:
    """The state that follows. Raises KeyError for what cannot happen."""
    return TRANSITIONS[state, event]


BACK_OFF_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Pause before each restart of a process that keeps dying: none the first time."""
STEADY_SECONDS = 30.0
"""A process that lived so long after it was ready starts again at the first pause."""


def back_off(deaths: int) -> float:
    """Seconds to wait after the ``deaths``-th death in a row (from 1)."""
    return BACK_OFF_SECONDS[min(deaths, len(BACK_OFF_SECONDS)) - 1]
