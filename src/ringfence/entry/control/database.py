"""Blocking database work for an event loop: a few threads, each with its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError, connections

from ringfence.kernel.errors import Unavailable

_THREADS = 4
_SECONDS = 1.5
T = TypeVar("T")


class ControlUnavailable(Unavailable):
    """The database cannot be asked now."""

    code = "control_unavailable"


class DatabaseThreads:
    """Runs functions that use Django's connections, which stay open from call to call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")

    async def run(self, function: Callable[[], T]) -> T:
        """Its result. Raises ControlUnavailable when the database fails or takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SECONDS):
                return await loop.run_in_executor(self._pool, _fresh, function)
        except (TimeoutError, Error) as error:
            raise ControlUnavailable(
                f"the database does not answer: {type(error).__name__}"
            ) from None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _fresh(function: Callable[[], T]) -> T:
    """Try again once, on new connections: the old ones may be of a database since restarted."""
    try:
        return function()
    except (OperationalError, InterfaceError):
        connections.close_all()
    try:
        return function()
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise
