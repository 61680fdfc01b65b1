"""Polling with a deadline: how these tests wait for anything."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 3.0
"""How much slower than the machine that the deadlines were written on another one may be: they are
there to end a test that failed, not to measure."""


async def happens(
    condition: Callable[[], T], within: float = 5.0, *, what: str = "the condition"
) -> T:
    """Poll until the condition is true and return its value. Raises AssertionError."""
    deadline = time.monotonic() + within * PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen in time"
        await asyncio.sleep(0.02)
    return value


def wait_until(condition: Callable[[], T], within: float = 5.0, *, what: str = "it") -> T:
    """The same without an event loop."""
    deadline = time.monotonic() + within * PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen in time"
        time.sleep(0.02)
    return value
