"""How a visit goes: a code is asked for, told, proven or not; what it then opens, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=10)
TRIES = 5
PROOF_LASTS = timedelta(minutes=30)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CODES_AN_HOUR, CODES_A_DAY = 3, 8
"""To one number or address."""
OF_ADDRESS_AN_HOUR = 10
"""Codes asked for from one network address."""
OF_TENANT_AN_HOUR = 300
CALLS_OF_TENANT_AN_HOUR = 60


class State(StrEnum):
    """How far a visit is."""

    ASKED = "asked"
    PROVEN = "proven"
    ENDED = "ended"


class Event(StrEnum):
    """What may happen to it."""

    CODE_RIGHT = "code_right"
    CODE_WRONG = "code_wrong"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit, as far as its course goes."""

    state: State
    expires_at: datetime
    """Of the code."""
    tries: int = 0
    """Wrong codes so far."""
    proven_at: datetime | None = None


def now_is(visit: Visit, now: datetime) -> State:
    """The state at this moment: codes and proofs end by themselves."""
    if visit.state is State.ASKED and (now >= visit.expires_at or visit.tries >= TRIES):
        return State.ENDED
    if visit.state is State.PROVEN:
        assert visit.proven_at is not None
        if now >= visit.proven_at + PROOF_LASTS:
            return State.ENDED
    return visit.state


def after(visit: Visit, event: Event, now: datetime) -> Visit:
    """The visit after an event; one that is over stays so, and a code counts while it is asked for
    alone."""
    state = now_is(visit, now)
    match state, event:
        case State.ASKED, Event.CODE_RIGHT:
            return Visit(State.PROVEN, visit.expires_at, visit.tries, now)
        case State.ASKED, Event.CODE_WRONG:
            return Visit(state, visit.expires_at, visit.tries + 1)
        case State.ASKED | State.PROVEN, Event.LEAVE:
            return Visit(State.ENDED, visit.expires_at, visit.tries, visit.proven_at)
    return Visit(state, visit.expires_at, visit.tries, visit.proven_at)


class Answer(StrEnum):
    """What becomes of a wish for a code."""

    SEND = "send"
    SILENT = "silent"
    """The page is the same, and nothing is sent: nobody learns who else asked for that number."""
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Counts:
    """Codes that were asked for already."""

    subject_hour: int
    subject_day: int
    address_hour: int
    tenant_hour: int
    tenant_calls_hour: int


def may_ask_at_once(counts: Counts) -> bool:
    """Whether one more opt-out, or report of a child, is taken. How many the same number or address
    made is no matter: that would keep somebody from opting out of the next thing."""
    return counts.address_hour < OF_ADDRESS_AN_HOUR and counts.tenant_hour < OF_TENANT_AN_HOUR


def answer(counts: Counts, *, by_call: bool) -> Answer:
    """Whether one more code goes out."""
    if counts.address_hour >= OF_ADDRESS_AN_HOUR or counts.tenant_hour >= OF_TENANT_AN_HOUR:
        return Answer.BUSY
    if by_call and counts.tenant_calls_hour >= CALLS_OF_TENANT_AN_HOUR:
        return Answer.BUSY
    if counts.subject_hour >= CODES_AN_HOUR or counts.subject_day >= CODES_A_DAY:
        return Answer.SILENT
    return Answer.SEND
