"""The media process."""

from __future__ import annotations

import asyncio

from ringfence.engine.media.worker import MediaWorker
from ringfence.kernel.clock import SystemClock
from ringfence.platform.process import notify_ready, run
from ringfence.platform.settings import Settings


def main(settings: Settings, index: int) -> None:
    """Run media worker ``index`` until SIGTERM or SIGINT."""

    async def serve(stop: asyncio.Event) -> None:
        worker = MediaWorker(settings, index, SystemClock())
        await worker.start()
        notify_ready()
        await stop.wait()
        await worker.stop()

    run(serve)
