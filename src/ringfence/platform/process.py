"""What every process does: say that it is ready, follow its parent into death, stop when told."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

READY_FD = "RINGFENCE_READY_FD"
"""Environment: the descriptor on which the supervisor waits for a line saying ``ready``."""
PARENT_PID = "RINGFENCE_PARENT_PID"
"""Environment: the supervisor's process id, so that a child can tell when it is already gone."""

_PR_SET_PDEATHSIG = 1
_log = logging.getLogger("ringfence.process")


def notify_ready() -> None:
    """Tell the supervisor, if there is one, that this process serves. Later calls do nothing."""
    text = os.environ.pop(READY_FD, None)
    if text is None:
        return
    fd = int(text)
    with contextlib.suppress(OSError):  # the supervisor may have given up waiting
        os.write(fd, b"ready\n")
    with contextlib.suppress(OSError):
        os.close(fd)


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send ``number`` to this process when the thread that forked it ends.

    Cleared by a change of user id, kept over exec. Linux only; elsewhere it does nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def die_with_parent(parent: int | None = None) -> None:
    """Be killed when the parent process ends, however it ends.

    ``parent`` is the id the parent is expected to have (default: what the supervisor said, else
    the present parent). A parent that ended before this call ends this process now.
    """
    announced = os.environ.pop(PARENT_PID, None)
    expected = parent or (int(announced) if announced else os.getppid())
    set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != expected:
        os._exit(1)


def raise_descriptor_limit() -> None:
    """Allow this process as many open files as the system lets it have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def supervised() -> bool:
    """Whether a supervisor started this process and has not been told of its readiness yet."""
    return PARENT_PID in os.environ or READY_FD in os.environ


def end_on_sigterm() -> None:
    """Have SIGTERM end this process as an error would: what is registered for its end runs.

    For commands: what ``run`` runs stops in its own way. Does nothing where SIGTERM is handled.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


async def process_exit(pid: int) -> None:
    """Return when the process has ended; it remains to be reaped."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    fd = os.pidfd_open(pid)
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


Main = Callable[[asyncio.Event], Awaitable[None]]


def run(main: Main) -> None:
    """Run ``main(stop)`` on a uvloop event loop until it returns.

    The first SIGTERM or SIGINT sets ``stop``, and ``main`` is expected to finish its work and
    return; the second one cancels it.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, _quiet_cancel():
        runner.run(_until_stopped(main))


async def _until_stopped(main: Main) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unhandled)
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await task
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _quiet_cancel() -> Any:
    with contextlib.suppress(asyncio.CancelledError):
        yield


def _log_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # asyncio's own text contains the repr of the exception, and with it whatever value it carries
    error = context.get("exception")
    _log.error("unhandled error in the event loop", exc_info=error)
