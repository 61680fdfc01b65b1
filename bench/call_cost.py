"""What a complete product call costs in CPU over all processes: routed, journaled, recorded.

Media is stated beside it; the calls carry no audio, so it is only the cost of setting up and
freeing its ports. SIPp, which calls and answers, is not counted.
"""

from __future__ import annotations

import asyncio

from bench.report import emit
from bench.whole_calls import MEDIA, running

CALLS, RATE = 1500, 50


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    async with running() as site:
        await site.calls(200, rate=RATE, talk_ms=500)
        used = await site.cpu_of_calls(CALLS, rate=RATE, talk_ms=500)
        for name, milliseconds in sorted(used.items()):
            emit("call_cost", f"cpu_{name}", milliseconds, "ms", CALLS)
        media = sum(used[name] for name in MEDIA)
        emit("call_cost", "cpu_media_all", media, "ms", CALLS)
        emit("call_cost", "cpu_without_media", sum(used.values()) - media, "ms", CALLS)
