"""An installation under a load of calls, and the CPU that each of its processes spends on them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.sipp import Line, SippRunner
from tests.e2e.harness.world import World

MEDIA = ("media-0",)
_IDLE_SECONDS = 5.0
_CALLEE_PORT = 5060


@dataclass
class Site:
    """A running installation with a number that rings a SIPp."""

    world: World
    runner: SippRunner
    called: str
    callee: str
    processes: dict[str, list[psutil.Process]] = field(default_factory=dict)

    async def calls(self, count: int, *, rate: int, talk_ms: int) -> None:
        """So many calls, one every 1/rate s, each of ``talk_ms``; all must go well."""
        place = self.world.installation
        number = place.telephone()
        limit = count // rate + talk_ms // 1000 + 60
        callee = await self.runner.start(
            "uas_answer",
            host=self.callee,
            port=_CALLEE_PORT,
            lines=[Line(number)],
            calls=count,
            limit_s=limit,
            trace=False,
        )
        caller = await self.runner.start(
            "uac_call",
            host=place.caller(),
            port=5060,
            lines=[Line(number, 9, self.called)],
            peer=place.sip,
            calls=count,
            rate=rate,
            talk_ms=talk_ms,
            limit_s=limit,
            trace=False,
        )
        await caller.passed(within=limit)
        await callee.passed(within=limit)
        await self.recorded(number, count)

    async def recorded(self, number: str, count: int) -> None:
        """Wait until every call has its finished record."""
        deadline = time.monotonic() + 60
        while await asyncio.to_thread(self._finished, number, count) < count:
            assert time.monotonic() < deadline, "records are missing"
            await asyncio.sleep(0.5)

    def _finished(self, number: str, count: int) -> int:
        place, found, before = self.world.installation, 0, ""
        while True:
            path = f"/calls?from_number=%2B{number[1:]}&limit=200{before}"
            page = place.get(path, self.world.tenant.secret)
            found += sum(call["ended_at"] is not None for call in page["calls"])
            if not page["next"]:
                return found
            before = f"&before={page['next']}"

    async def cpu_of_calls(self, count: int, *, rate: int, talk_ms: int) -> dict[str, float]:
        """CPU milliseconds per call and process of so many ``calls``."""
        return await self.cpu_of(lambda: self.calls(count, rate=rate, talk_ms=talk_ms), count)

    async def cpu_of(self, load: Callable[[], Awaitable[None]], count: int) -> dict[str, float]:
        """CPU milliseconds per call and process of a load, what they spend idle taken off.

        The idle share is measured before. Asking for the records costs ``web`` and ``database``
        something too: that is counted, as a customer would ask.
        """
        start, begun = self._cpu(), time.monotonic()
        await asyncio.sleep(_IDLE_SECONDS)
        idle_seconds = time.monotonic() - begun
        rest = {name: (value - start[name]) / idle_seconds for name, value in self._cpu().items()}
        start, begun = self._cpu(), time.monotonic()
        await load()
        seconds = time.monotonic() - begun
        return {
            name: max(0.0, value - start[name] - rest[name] * seconds) * 1000 / count
            for name, value in self._cpu().items()
        }

    def resident(self, name: str) -> float:
        """Resident memory of a process in KiB."""
        return float(self.processes[name][0].memory_info().rss) / 1024

    def find_processes(self) -> None:
        for name, item in self.world.installation.status().items():
            self.processes[name] = [psutil.Process(item["pid"])]

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(_tree_cpu, roots)) for name, roots in self.processes.items()}


def _tree_cpu(root: psutil.Process) -> float:
    """CPU seconds of a process, its living children, and those that have ended."""
    total = 0.0
    for one in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Site]:
    """An installation with one media worker; everything is ended afterwards."""
    installation = Installation.create(workers=1, media={"silence_seconds": 600})
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as folder:
        runner = SippRunner(Path(folder))
        try:
            await asyncio.to_thread(installation.start)
            world = await asyncio.to_thread(World.provision, installation)
            callee = installation.callee()
            called = await asyncio.to_thread(world.number, f"sip:desk@{callee}:{_CALLEE_PORT}")
            site = Site(world, runner, called, callee)
            site.find_processes()
            yield site
        finally:
            runner.stop()
            await asyncio.to_thread(installation.stop)
