"""A real owner of keys for tests: its own loop thread, its own directories, clients of any kind."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ringfence.kernel.clock import SystemClock, to_micros
from ringfence.platform.keys import crypto, rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.connect import key_client, secret_name
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.keys.roots import LocalRootKey
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform_django.keys import use_keys

T = TypeVar("T")


class ShiftedClock(SystemClock):
    """The machine's time plus what ``advance`` added; durations are the machine's."""

    def __init__(self) -> None:
        self._shift = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self._shift

    def micros(self) -> int:
        return to_micros(self.now())

    def monotonic(self) -> float:
        return time.monotonic()

    def advance(self, by: timedelta) -> None:
        """Move wall time forward."""
        self._shift += by


class Keys:
    """The process ``keys``, as a thread. ``settings`` are those of an installation around it."""

    def __init__(self, directory: Path, *, lease_seconds: float = 10.0) -> None:
        self.settings = Settings(node=NodeSettings(data_dir=directory / "var"))
        self.clock = ShiftedClock()
        self.uses: list[UseRecord] = []
        """What clients of this fixture and the server told their audit callbacks."""
        self.lease_seconds = lease_seconds
        """Used at the next start. A destruction after a restart waits this long, as it must."""
        self._root = LocalRootKey(crypto.new_key())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="key owner")
        self._thread.start()
        self._blocking: dict[str, BlockingKeys] = {}
        self.server: KeyServer | None = None
        """None while it is stopped."""

    # --- life

    def start(self) -> None:
        """Open the store and listen."""
        self.server = self._run(self._start())

    async def _start(self) -> KeyServer:
        settings = self.settings
        secrets = {n: installation_secret(settings.data_dir, secret_name(n)) for n in GRANTS}
        slots = SlotFile(settings.key_slots, self._root)
        store = KeyStore(settings.key_store, slots, self._root, self.clock)
        rotation.recover(store)
        self._generation = GenerationWriter(settings.key_generation)
        server = KeyServer(
            settings.key_socket, store, self._generation, secrets, self.clock, self.uses.append,
            lease_seconds=self.lease_seconds,
        )  # fmt: skip
        await server.start()
        return server

    def stop(self) -> None:
        """Be away; ``start`` comes back with the same keys."""
        if self.server is not None:
            self._run(self.server.stop())
            self._generation.close()
            self.server = None

    def close(self) -> None:
        for client in self._blocking.values():
            client.close()
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    # --- clients

    def blocking(self, credential: str = "worker") -> BlockingKeys:
        """A client for code that blocks; one per credential, closed with the fixture."""
        client = self._blocking.get(credential)
        if client is None:
            client = BlockingKeys(self.settings, credential, self.clock, self.uses.append)
            self._blocking[credential] = client
        return client

    def client(
        self, credential: str, audit: Callable[[UseRecord], None] | None = None
    ) -> KeyClient:
        """A client for the running event loop: not started, to be stopped by who asked for it."""
        return key_client(self.settings, credential, self.clock, audit or self.uses.append)


@pytest.fixture
def keys() -> Iterator[Keys]:
    """A running owner of keys with an empty store; product code reaches it as ``web`` does."""
    directory = Path(tempfile.mkdtemp(prefix="rf-keys-"))  # short: socket paths are limited
    owner = Keys(directory)
    try:
        owner.start()
        with use_keys(owner.blocking("web")):
            yield owner
    finally:
        owner.close()
        shutil.rmtree(directory, ignore_errors=True)
