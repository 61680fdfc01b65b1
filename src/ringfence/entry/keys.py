"""The process ``keys``: alone in opening the key store, its slot file and the root key."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

import msgspec

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import process
from ringfence.platform.keys import rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.messages import Status, UseRecord
from ringfence.platform.keys.roots import RootKey, root_key_from_environment, root_key_from_file
from ringfence.platform.keys.server import KeyServer
from ringfence.platform.keys.slots import SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.secrets import find_secret, installation_secret
from ringfence.platform.settings import Settings
from ringfence.platform.spool import SpoolWriter

_STATUS_SECONDS = 10.0
_log = logging.getLogger("ringfence.keys")


def main(settings: Settings) -> None:
    """Serve keys until stopped; ends by itself when the disk fails, to be started again."""
    process.run(partial(_serve, settings))


def secret_name(credential: str) -> str:
    """The installation secret by which a process proves itself to ``keys``."""
    return f"keys-{credential}"


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
    spool = SpoolWriter(audit_directory(settings))
    encoder = msgspec.msgpack.Encoder()

    def audit(record: UseRecord) -> None:
        spool.append(encoder.encode(record))

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
        await spool.close()
        generation.close()


def ask_status(settings: Settings) -> Status:
    """What the running process says of itself. Raises Unavailable, Refused."""
    return asyncio.run(_ask_status(settings))


async def _ask_status(settings: Settings) -> Status:
    secret = find_secret(settings.data_dir, secret_name("cli")) or ""
    client = KeyClient(
        settings.key_socket, settings.key_generation, "cli", secret, SystemClock(), lambda _: None
    )
    client.start()
    try:
        return await client.call("status", None, Status, seconds=_STATUS_SECONDS)
    finally:
        await client.stop()


def audit_directory(settings: Settings) -> Path:
    """Where records of use wait to be chained."""
    return settings.data_dir / "spool" / "audit"
