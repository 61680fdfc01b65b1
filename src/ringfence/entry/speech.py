"""The speech process: text to speech, at a low priority so that media never waits for it."""

from __future__ import annotations

import asyncio
import os

from ringfence.kernel.clock import SystemClock
from ringfence.platform.process import notify_ready, run
from ringfence.platform.settings import Settings

_NICENESS = 10


def main(settings: Settings) -> None:
    """Run text to speech until SIGTERM or SIGINT."""
    os.nice(_NICENESS)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # read when numpy is imported
    from ringfence.engine.speech.hibari import Hibari
    from ringfence.engine.speech.service import SpeechService

    async def serve(stop: asyncio.Event) -> None:
        service = SpeechService(settings, Hibari(), SystemClock())
        await service.start()
        notify_ready()
        await stop.wait()
        await service.stop()

    run(serve)
