"""What a call does at a moment."""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    ROUTING = auto()
    CALLING = auto()
    """Originated: the first leg rings."""
    ANSWERING = auto()
    """Our 200 is on its way: nothing is said before the caller has it."""
    FETCHING = auto()
    SPEAKING = auto()
    GATHERING = auto()
    TAKING = auto()
    """A message is recorded."""
    RINGING = auto()
    """Targets ring, or whoever answered is asked whether they take the call."""
    BRIDGED = auto()
    ENDING = auto()
    """Hung up and journaled; some leg's BYE or CANCEL is still on the wire."""
    ENDED = auto()


RUNNING = frozenset(State) - {State.ROUTING, State.ENDING, State.ENDED}
