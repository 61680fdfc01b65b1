"""When a message is tried again, and what an answer means."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

MINUTE, HOUR = 60, 3600
_DELAYS = (
    *(5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 10 * HOUR),
)
"""Seconds after the first, second … failed attempt; 23 h 43 min in all."""
_JITTER = 0.1
GIVE_UP_AFTER = timedelta(days=5)
"""An endpoint that does nothing but fail for so long is disabled."""


class Outcome(Enum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


def outcome(status: int | None) -> Outcome:
    """Of an answer with this status; None: there was none."""
    if status is not None and 200 <= status < 300:
        return Outcome.DELIVERED
    return Outcome.GONE if status == 410 else Outcome.FAILED


def next_attempt(attempts: int, now: datetime, chance: float) -> datetime | None:
    """When to try again after ``attempts`` failed ones; None: never.

    ``chance`` (0 to 1) spreads what failed together over a tenth to either side.
    """
    if attempts > len(_DELAYS):
        return None
    factor = 1 - _JITTER + 2 * _JITTER * chance
    return now + timedelta(seconds=_DELAYS[attempts - 1] * factor)


def given_up(failing_since: datetime | None, now: datetime) -> bool:
    """Whether an endpoint has failed for too long."""
    return failing_since is not None and now - failing_since >= GIVE_UP_AFTER
