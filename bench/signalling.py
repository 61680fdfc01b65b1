"""CPU and memory of signalling for bridged calls; SIPp calls and answers, without audio."""

from __future__ import annotations

import asyncio

from bench.report import emit
from bench.whole_calls import MEDIA, Site, running

CALLS, RATE = 1500, 50
CONCURRENT = 500


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    async with running() as site:
        await site.calls(200, rate=RATE, talk_ms=500)  # warm: code paths, caches, connections
        used = await site.cpu_of_calls(CALLS, rate=RATE, talk_ms=500)
        emit("signalling", "cpu_per_bridged_call", used["signalling"], "ms", CALLS)
        emit("signalling", "media_cpu_beside", sum(used[name] for name in MEDIA), "ms", CALLS)
        growth = await _growth(site)
        emit("signalling", "memory_per_concurrent_call", growth / CONCURRENT, "KiB", CONCURRENT)


async def _growth(site: Site) -> float:
    """KiB by which signalling grew while all the calls stood at once."""
    before = peak = site.resident("signalling")
    load = asyncio.ensure_future(
        site.calls(CONCURRENT, rate=RATE, talk_ms=1000 * CONCURRENT // RATE + 2000)
    )
    while not load.done():
        peak = max(peak, site.resident("signalling"))
        await asyncio.sleep(0.1)
    load.result()
    return peak - before
