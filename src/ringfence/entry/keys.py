"""The process ``keys``: alone in opening the key store, its slot file and the root key."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import process
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys import rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.connect import key_client, secret_name
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.messages import Status
from ringfence.platform.keys.roots import RootKey, root_key_from_environment, root_key_from_file
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings

_STATUS_SECONDS = 10.0
_log = logging.getLogger("ringfence.keys")


def main(settings: Settings) -> None:
    """Serve keys until stopped; ends by itself when the disk fails, to be started again."""
    process.run(partial(_serve, settings))


def open_store(settings: Settings, clock: SystemClock) -> KeyStore:
    """The store, with what a crash interrupted completed. Raises StoreDamaged."""
    root: RootKey | None = root_key_from_environment()
    if root is None:
        root = root_key_from_file(settings.root_key_file)
    slots = SlotFile(settings.key_slots, root)
    try:
        store = KeyStore(settings.key_store, slots, root, clock)
    except BaseException:
        slots.close()
        raise
    rotated = rotation.recover(store)
    if rotated:
        _log.warning("interrupted destruction completed", extra={"kv": {"shards": rotated}})
    contradictions = len(store.contradictions())
    if contradictions:
        _log.error("keys are alive and destroyed at once", extra={"kv": {"count": contradictions}})
    return store


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    clock = SystemClock()
    secrets = {name: installation_secret(settings.data_dir, secret_name(name)) for name in GRANTS}
    store = open_store(settings, clock)
    audit = AuditSpool(settings, "keys")
    generation = GenerationWriter(settings.key_generation)
    server = KeyServer(settings.key_socket, store, generation, secrets, clock, audit)
    try:
        await server.start()
        process.notify_ready()
        server.owner.failed.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if server.owner.failed.done():
            error = server.owner.failed.exception()
            _log.critical("key store failed", exc_info=error)
            raise RingfenceError("the key store failed and is to be opened anew")
    finally:
        await server.stop()
        await asyncio.to_thread(audit.close)
        generation.close()


def ask_status(settings: Settings) -> Status:
    """What the running process says of itself. Raises Unavailable, Refused."""
    return asyncio.run(_ask_status(settings))


async def _ask_status(settings: Settings) -> Status:
    client = key_client(settings, "cli", SystemClock(), AuditSpool(settings, "cli"))
    client.start()
    try:
        return await client.call("status", None, Status, seconds=_STATUS_SECONDS)
    finally:
        await client.stop()
