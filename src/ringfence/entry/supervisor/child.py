"""One supervised process: spawned, watched, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess

from ringfence.entry.supervisor.plan import ProcessSpec
from ringfence.entry.supervisor.states import STEADY_SECONDS, Event, State, after, back_off
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys.roots import ROOT_KEY_VARIABLE
from ringfence.platform.process import PARENT_PID, READY_FD, process_exit

START_ATTEMPTS = 3
_SECOND_SIGNAL_SECONDS = 0.2
_log = logging.getLogger("ringfence.supervisor")


class StartFailed(RingfenceError):
    """A process did not come to serve when the installation was started."""

    code = "start_failed"


class Child:
    """Keeps one process running from ``start`` to ``stop``."""

    def __init__(self, spec: ProcessSpec, clock: Clock) -> None:
        self.spec = spec
        self.state = State.STOPPED
        self.restarts = 0
        self.since = clock.monotonic()
        """Monotonic time of the last change of state."""
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._attempts = 0
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process and keep it running."""
        self._wake.clear()
        self._deaths = self._attempts = 0
        self._task = asyncio.ensure_future(self._keep_running())

    async def until_ready(self) -> None:
        """Wait until it serves. Raises StartFailed when it keeps dying instead."""
        while self.state is not State.READY:
            if self._attempts >= START_ATTEMPTS and self.state is State.WAITING:
                raise StartFailed(f"{self.spec.name} does not start; its own message is above")
            if self.state is State.STOPPED and self._attempts:
                raise StartFailed(f"{self.spec.name} was stopped while it started")
            self._changed.clear()
            await self._changed.wait()

    async def stop(self, *, drain: bool) -> None:
        """End the process and do not start it again; ``drain`` lets it finish what it is doing."""
        if self._task is None:
            return
        self._move(Event.STOP)
        self._wake.set()
        process, drain_seconds = self._process, self.spec.drain_seconds
        if process is not None:
            self._signal(signal.SIGTERM)
            patience = self.spec.stop_seconds
            if drain_seconds is not None:
                if drain:
                    patience += drain_seconds
                elif not await self._ended(_SECOND_SIGNAL_SECONDS):
                    self._signal(signal.SIGTERM)
            if not await self._ended(patience):
                _log.warning("process does not end, killing it", extra=self._kv())
                self._signal(signal.SIGKILL)
        await self._task
        self._task = None

    def hurry(self) -> None:
        """Cut a drain short."""
        if self.state is State.STOPPING:
            self._signal(signal.SIGTERM)

    async def _ended(self, seconds: float) -> bool:
        assert self._task is not None
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        return bool(done)

    async def _keep_running(self) -> None:
        while not self._wake.is_set():
            self._attempts += 1
            process = self._spawn()
            await process_exit(process.pid)
            # what it may have started itself must not keep its ports
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
            self._process = None
            if self.state is State.READY and self._clock.monotonic() - self.since > STEADY_SECONDS:
                self._deaths = 0
            self._move(Event.EXIT)
            if self.state is State.STOPPED:
                _log.info("process ended", extra=self._kv(pid=process.pid, status=status))
                return
            self._deaths += 1
            pause = back_off(self._deaths)
            _log.error(
                "process died",
                extra=self._kv(pid=process.pid, status=status, restart_in_seconds=pause),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self.restarts += not self._wake.is_set()

    def _spawn(self) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        environment = os.environ | {READY_FD: str(writing), PARENT_PID: str(os.getpid())}
        if not self.spec.holds_root_key:
            environment.pop(ROOT_KEY_VARIABLE, None)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                self.spec.command,
                env=environment,
                pass_fds=(writing,),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self._process = process
        self._move(Event.SPAWN)
        self._await_ready(process, reading)
        return process

    def _await_ready(self, process: subprocess.Popen[bytes], reading: int) -> None:
        loop = asyncio.get_running_loop()

        def on_readable() -> None:
            said = os.read(reading, 64)
            loop.remove_reader(reading)
            os.close(reading)
            if said:
                deadline.cancel()
                if self._process is process:
                    self._move(Event.READY)
                    _log.info("process ready", extra=self._kv())

        def on_deadline() -> None:
            if self._process is process and self.state is State.STARTING:
                _log.error("process is not ready in time, killing it", extra=self._kv())
                process.kill()

        loop.add_reader(reading, on_readable)  # end of file comes when the process ends
        deadline = loop.call_later(self.spec.ready_seconds, on_deadline)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _move(self, event: Event) -> None:
        self.state = after(self.state, event)
        self.since = self._clock.monotonic()
        self._changed.set()

    def _kv(self, **more: object) -> dict[str, dict[str, object]]:
        return {"kv": {"name": self.spec.name, "pid": self.pid, **more}}
