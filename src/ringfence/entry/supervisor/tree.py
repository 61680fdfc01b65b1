"""All processes of an installation under one supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Coroutine, Iterable
from typing import Any

from ringfence.entry.supervisor.child import Child, StartFailed
from ringfence.entry.supervisor.messages import ProcessStatus, RestartRequest
from ringfence.entry.supervisor.plan import Plan
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import NotFound, Unavailable
from ringfence.platform.keys.roots import ROOT_KEY_VARIABLE
from ringfence.platform.process import PARENT_PID, process_exit

_log = logging.getLogger("ringfence.supervisor")


class Tree:
    """Starts stage by stage, stops in the opposite order, and answers for it in between."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self.children = {spec.name: Child(spec, clock) for spec in plan.specs}
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Start everything. Raises StartFailed; what did start is then still to be stopped."""
        await self._start([self.children[spec.name] for spec in self._plan.before])
        await self._prepare()
        for stage in self._plan.stages:
            await self._start([self.children[spec.name] for spec in stage])

    async def stop(self, *, drain: bool = True) -> None:
        """Stop everything, last started first; a stage has ended before the one under it goes."""
        self._stopping = True
        for stage in reversed((self._plan.before, *self._plan.stages)):
            await self._stop([self.children[spec.name] for spec in stage], drain=drain)

    def hurry(self) -> None:
        """Cut drains short that are under way."""
        for child in self.children.values():
            child.hurry()

    def status(self) -> list[ProcessStatus]:
        """What each process is doing now, in start order."""
        now = self._clock.monotonic()
        return [
            ProcessStatus(
                name=child.spec.name,
                pid=child.pid,
                state=child.state.value,
                restarts=child.restarts,
                seconds=round(now - child.since, 3),
            )
            for child in self.children.values()
        ]

    async def restart(self, request: RestartRequest) -> list[ProcessStatus]:
        """Stop and start one process. Raises NotFound, Unavailable while stopping, StartFailed."""
        child = self.children.get(request.name)
        if child is None:
            raise NotFound(f"no process {request.name}; there are {', '.join(self.children)}")
        return await self._change(self._restart(child, request.drain))

    async def _restart(self, child: Child, drain: bool) -> None:
        await self._stop([child], drain=drain)
        await self._start([child])

    async def upgrade(self) -> list[ProcessStatus]:
        """Drain, migrate, and start everything but the database from the files now installed."""
        return await self._change(self._upgrade())

    async def _upgrade(self) -> None:
        for stage in reversed(self._plan.stages):
            await self._stop([self.children[spec.name] for spec in stage], drain=True)
        await self._prepare()
        for stage in self._plan.stages:
            await self._start([self.children[spec.name] for spec in stage])

    async def _change(self, change: Coroutine[Any, Any, None]) -> list[ProcessStatus]:
        """One change at a time, and each to its end even when the one who asked has gone."""

        async def alone() -> None:
            async with self._changing:
                await change

        task = asyncio.ensure_future(alone())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        await asyncio.shield(task)
        return self.status()

    async def _start(self, children: Iterable[Child]) -> None:
        children = list(children)
        if self._stopping:
            raise Unavailable("the installation is stopping")
        for child in children:
            child.start()
        waits = [asyncio.ensure_future(child.until_ready()) for child in children]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    @staticmethod
    async def _stop(children: Iterable[Child], *, drain: bool) -> None:
        await asyncio.gather(*(child.stop(drain=drain) for child in children))

    async def _prepare(self) -> None:
        environment = os.environ | {PARENT_PID: str(os.getpid())}
        environment.pop(ROOT_KEY_VARIABLE, None)
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - returns at once
            self._plan.prepare,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await process_exit(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        if status != 0:
            raise StartFailed("the database could not be prepared; the reason is above")
