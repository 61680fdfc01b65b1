"""The media process."""

from __future__ import annotations

import asyncio

from ringfence.engine.media.track_keys import TrackKeys
from ringfence.engine.media.worker import MediaWorker
from ringfence.kernel.clock import SystemClock
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys.connect import key_client
from ringfence.platform.process import notify_ready, run
from ringfence.platform.settings import Settings


def main(settings: Settings, index: int) -> None:
    """Run media worker ``index`` until SIGTERM or SIGINT."""

    async def serve(stop: asyncio.Event) -> None:
        clock = SystemClock()
        keys = key_client(settings, "media", clock, AuditSpool(settings, "media"))
        keys.start()
        try:
            worker = MediaWorker(settings, index, clock, TrackKeys(keys))
            await worker.start()
            notify_ready()
            await stop.wait()
            await worker.stop()
        finally:
            await keys.stop()

    run(serve)
