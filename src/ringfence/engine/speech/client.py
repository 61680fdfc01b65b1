"""Speech from the process ``speech``."""

from __future__ import annotations

from pathlib import Path

from ringfence.engine.ports import SpeechReply, SpeechRequest
from ringfence.platform.rpc import RpcClient

_TIMEOUT_SECONDS = 10.0


class SpeechClient:
    """engine.ports.Speech over its socket."""

    def __init__(self, socket: Path) -> None:
        self._rpc = RpcClient(socket)

    def start(self) -> None:
        """Connect in the background, and again whenever the process comes back."""
        self._rpc.start()

    async def stop(self) -> None:
        await self._rpc.stop()

    async def render(self, request: SpeechRequest) -> SpeechReply:
        """Raises RpcUnavailable, RpcError."""
        return await self._rpc.call("render", request, SpeechReply, timeout=_TIMEOUT_SECONDS)
