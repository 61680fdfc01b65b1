"""What the supervisor is asked over its socket, and how to ask it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import msgspec

from ringfence.kernel.errors import Unavailable
from ringfence.platform.rpc import RpcClient
from ringfence.platform.settings import Settings

T = TypeVar("T")


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process: ``pid`` None when there is none; ``seconds`` in its present state."""

    name: str
    pid: int | None
    state: str
    restarts: int
    seconds: float


class RestartRequest(msgspec.Struct, frozen=True):
    """RPC ``restart``; reply: list of ProcessStatus."""

    name: str
    drain: bool = False


class NotRunning(Unavailable):
    """No supervisor runs for this data directory."""

    code = "not_running"


def supervisor_socket(settings: Settings) -> Path:
    """Where the supervisor listens: RPC ``status``, ``restart``, ``upgrade``."""
    return settings.run_dir / "supervisor.sock"


def ask(settings: Settings, name: str, request: object, reply: type[T], seconds: float) -> T:
    """One request to the running supervisor. Raises NotRunning, RpcError, RpcUnavailable."""
    return asyncio.run(_ask(supervisor_socket(settings), name, request, reply, seconds))


async def _ask(path: Path, name: str, request: object, reply: type[T], seconds: float) -> T:
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.close()
    except OSError:
        raise NotRunning(f"no running installation answers at {path}") from None
    client = RpcClient(path)
    client.start()
    try:
        return await client.call(name, request, reply, timeout=seconds)
    finally:
        await client.stop()
