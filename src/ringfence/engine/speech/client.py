"""Speech as the call engine sees it: the speech process over its socket."""

from __future__ import annotations

from pathlib import Path

from ringfence.engine.ports import SpeechReply, SpeechRequest
from ringfence.platform.rpc import RpcClient

TIMEOUT_SECONDS = 10.0


class SpeechClient:
    """engine.ports.Speech. Connects in the background, and again when the process comes back."""

    def __init__(self, path: Path) -> None:
        self._rpc = RpcClient(path)

    def start(self) -> None:
        self._rpc.start()

    async def stop(self) -> None:
        await self._rpc.stop()

    async def render(self, request: SpeechRequest) -> SpeechReply:
        """Raises RpcUnavailable (the process is away, or the text takes longer than 10 s: what is
        not personal may be there the next time), RpcError with ``speech_text``, ``speech_voice``,
        ``speech_busy``, ``speech_unavailable``."""
        return await self._rpc.call("render", request, SpeechReply, timeout=TIMEOUT_SECONDS)
