"""A client whose introduction failed introduces itself again, without a new connection."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.rpc import Connection, RpcError, RpcServer


async def test_an_introduction_that_failed_is_repeated(tmp_path: Path) -> None:
    hellos: list[Connection] = []

    def hello(request: m.Hello, connection: Connection) -> m.Welcome:
        hellos.append(connection)
        if len(hellos) == 1:
            raise RingfenceError("not in time")
        return m.Welcome(60.0)

    generation = GenerationWriter(tmp_path / "generation")
    server = RpcServer(tmp_path / "keys.sock")
    server.register("hello", m.Hello, hello)
    server.register("find", m.FindRequest, lambda request, connection: [])
    await server.start()
    client = KeyClient(
        server.path, tmp_path / "generation", "signalling", "x", SystemClock(), lambda _: None
    )
    client.start()
    try:
        tenant = UUID(int=1)
        with pytest.raises(RpcError):
            await client.find(tenant, [])
        assert await client.find(tenant, []) == []
        assert await client.find(tenant, []) == []
        assert len(hellos) == 2 and hellos[0] is hellos[1]
    finally:
        await client.stop()
        await server.stop()
        generation.close()
