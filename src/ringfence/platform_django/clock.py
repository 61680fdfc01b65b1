"""The clock of the Django side: one for the process, replaceable in tests and simulations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from ringfence.kernel.clock import Clock, SystemClock
from ringfence.kernel.ids import uuid7

_current: Clock = SystemClock()


def clock() -> Clock:
    """The clock in force."""
    return _current


def new_id() -> UUID:
    """New UUIDv7 by the clock in force."""
    return uuid7(_current)


@contextmanager
def use_clock(replacement: Clock) -> Iterator[None]:
    """Put another clock in force for the whole process, until the block ends."""
    global _current
    previous, _current = _current, replacement
    try:
        yield
    finally:
        _current = previous
