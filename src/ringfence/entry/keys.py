"""The process ``keys``: alone in opening the key store, its slot file and the root key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform import process
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys import messages as m
from ringfence.platform.keys import rotation
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.connect import key_client, secret_name
from ringfence.platform.keys.generation import GenerationWriter
from ringfence.platform.keys.roots import (
    LocalRootKey,
    RootKeys,
    root_key_from_command,
    root_key_from_environment,
    root_key_from_file,
    root_key_from_text,
)
from ringfence.platform.keys.server import LEASE_SECONDS, KeyServer
from ringfence.platform.keys.slots import SHARDS, SlotFile
from ringfence.platform.keys.store import KeyStore
from ringfence.platform.secrets import installation_secret
from ringfence.platform.settings import Settings

T = TypeVar("T")
_log = logging.getLogger("ringfence.keys")


def main(settings: Settings, *, lease_seconds: float = LEASE_SECONDS) -> None:
    """Serve keys until stopped; ends by itself when the disk fails, to be started again."""
    process.run(partial(_serve, settings, lease_seconds))


def root_key(settings: Settings) -> LocalRootKey:
    """From the environment, else from the configured program, else from the file.

    Raises StoreDamaged, naming the source, when that gives no root key.
    """
    root = root_key_from_environment()
    if root is not None:
        return root
    if settings.keys.root_key_command is not None:
        return root_key_from_command(settings.keys.root_key_command)
    return root_key_from_file(settings.root_key_file)


def open_store(settings: Settings, clock: SystemClock, root: RootKeys) -> KeyStore:
    """The store, with what a crash interrupted completed. Raises StoreDamaged."""
    slots = SlotFile(settings.key_slots, root)
    try:
        store = KeyStore(settings.key_store, slots, root, clock)
    except BaseException:
        slots.close()
        raise
    rotated = rotation.recover(store)
    if rotated:
        _log.warning("interrupted destruction completed", extra={"kv": {"shards": rotated}})
    rewrapped = rotation.rewrap_roots(store, root)
    if rewrapped:
        _log.warning("only this root key opens the store now", extra={"kv": {"keys": rewrapped}})
    contradictions = len(store.contradictions())
    if contradictions:
        _log.error("keys are alive and destroyed at once", extra={"kv": {"count": contradictions}})
    return store


async def _serve(settings: Settings, lease_seconds: float, stop: asyncio.Event) -> None:
    clock = SystemClock()
    secrets = {name: installation_secret(settings.data_dir, secret_name(name)) for name in GRANTS}
    roots = RootKeys(root_key(settings))
    store = open_store(settings, clock, roots)
    audit = AuditSpool(settings, "keys")
    generation = GenerationWriter(settings.key_generation)
    server = KeyServer(
        settings.key_socket, store, generation, secrets, clock, audit,
        lease_seconds=lease_seconds, roots=roots,
    )  # fmt: skip
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


def ask_status(settings: Settings) -> m.Status:
    """What the running process says of itself. Raises Unavailable, Refused."""
    return _ask(settings, lambda client: client.call("status", None, m.Status))


def rotate(settings: Settings, done: Callable[[int], None]) -> None:
    """Give each shard a new key; tells how many have one after each. Raises Unavailable."""

    async def rotate_all(client: KeyClient) -> None:
        for shard in range(SHARDS):
            await client.call("rotate", m.RotateRequest(shard), int)
            done(shard + 1)

    _ask(settings, rotate_all)


def add_root_key(settings: Settings, text: str) -> int:
    """Have a new root key (base64) open the store too; how many keys were wrapped under it.

    Raises StoreDamaged when it is no root key, UnfitName while another one was added.
    """
    root_key_from_text(text, "the new root key")
    return _ask(settings, lambda client: client.call("reroot", m.RerootRequest(text), int))


def back_up(settings: Settings, path: Path) -> int:
    """Copy the running process's store to a new file; its size in bytes. Raises UnfitName."""
    return _ask(settings, lambda client: client.backup(path.absolute()))


def _ask(settings: Settings, request: Callable[[KeyClient], Coroutine[Any, Any, T]]) -> T:
    async def ask() -> T:
        client = key_client(settings, "cli", SystemClock(), AuditSpool(settings, "cli"))
        client.start()
        try:
            return await request(client)
        finally:
            await client.stop()

    return asyncio.run(ask())
