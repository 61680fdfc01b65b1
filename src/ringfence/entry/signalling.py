"""The signalling process: SIP, calls, journal. It never imports Django."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ringfence.engine.calls.aftermath import clear_wire, close_crashed
from ringfence.engine.calls.manager import CallManager
from ringfence.engine.calls.vault import Vault
from ringfence.engine.journal.journal import Journal
from ringfence.engine.journal.recovery import recover, recovery_keys
from ringfence.engine.media.client import MediaClient
from ringfence.engine.ports import (
    CallCommand,
    ConfigRequest,
    ConfigSnapshot,
    OriginateRequest,
    ProgramRequest,
    RouteDecision,
    RouteRequest,
)
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.gate import Gate
from ringfence.engine.signalling.registrar import Registrar
from ringfence.engine.signalling.registrations import Registrations
from ringfence.engine.speech.client import SpeechClient
from ringfence.engine.verbs.model import Program
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.ids import uuid7
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys.connect import key_client
from ringfence.platform.process import notify_ready, run
from ringfence.platform.rpc import RpcClient, RpcServer
from ringfence.platform.settings import Settings, parse_listen
from ringfence.platform.spool import SpoolReader

_log = logging.getLogger("ringfence.signalling")
T = TypeVar("T")
CONFIG_SECONDS = 2.0
"""How often the version of the configuration is asked for."""
ROUTE_SECONDS = 4.0
PROGRAM_SECONDS = 13.0
"""A document may take its time."""
RENEWAL_SECONDS = 3600.0
RENEWAL_RETRY_SECONDS = 60.0
_GC_THRESHOLD = 25_000, 20, 20
"""Collecting at Python's defaults took 14 % of this process's time."""


class ControlClient:
    """engine.ports.CallControl over the control process's socket."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def config(self, known_version: int | None) -> ConfigSnapshot | None:
        reply: ConfigSnapshot | None = await self._rpc.call(
            "config",
            ConfigRequest(known_version),
            ConfigSnapshot | None,  # type: ignore[arg-type]
            timeout=5.0,
        )
        return reply

    async def route(self, request: RouteRequest) -> RouteDecision:
        return await self._rpc.call("route", request, RouteDecision, timeout=ROUTE_SECONDS)

    async def originate(self, request: OriginateRequest) -> RouteDecision:
        return await self._rpc.call("originate", request, RouteDecision, timeout=PROGRAM_SECONDS)

    async def program(self, request: ProgramRequest) -> Program:
        return await self._rpc.call("program", request, Program, timeout=PROGRAM_SECONDS)


def main(settings: Settings) -> None:
    """Serve SIP until SIGTERM (which drains) or a second signal."""

    async def serve(stop: asyncio.Event) -> None:
        await _serve(settings, stop)

    run(serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    clock = SystemClock()
    keys = key_client(settings, "signalling", clock, AuditSpool(settings, "signalling"))
    keys.start()
    vault = Vault(keys, clock)
    reader = SpoolReader(settings.spool_dir)
    sealers = await _patiently(lambda: vault.open_sealers(recovery_keys(reader)))
    crashed = recover(reader, sealers)
    reader.close()
    journal = Journal(settings.spool_dir, clock, await _patiently(vault.leg_sealer))
    pending = close_crashed(journal, crashed)
    journal.start()

    gate = Gate(clock, settings.sip.realm, settings.sip.digest_algorithms)
    kept = Registrations(
        settings.data_dir / "registrations" / f"{settings.node.name}.sqlite", keys, clock
    )
    registered = await _patiently(kept.load)
    registrar = Registrar(gate, clock, kept)
    control_rpc = RpcClient(settings.control_socket)
    control_rpc.start()
    control = ControlClient(control_rpc)
    manager = CallManager(
        gate=gate,
        control=control,
        journal=journal,
        vault=vault,
        clock=clock,
        ring_seconds=settings.sip.ring_seconds,
        max_call_seconds=settings.sip.max_call_seconds,
    )
    media = MediaClient(
        [settings.media_socket(index) for index in range(settings.media_workers)],
        uuid7(clock).hex,
        manager.on_media_event,
        manager.on_media_lost,
    )
    media.start()
    agent = UserAgent(
        node=settings.node.name,
        listen=[parse_listen(text) for text in settings.sip.listen],
        advertised=settings.sip.advertised_address,
        t1=settings.sip.t1_ms / 1000,
        gate=gate,
        registrar=registrar,
        on_invite=manager.on_invite,
    )
    speech = SpeechClient(settings.speech_socket)
    speech.start()
    manager.agent, manager.media, manager.speech = agent, media, speech
    manager.registered = registrar.places
    await agent.start()
    registrar.restore(registered, agent.transports)
    clear_wire(agent, pending)
    if pending:
        _log.warning("calls of a crashed run ended", extra={"kv": {"legs": len(pending)}})
    commands = RpcServer(settings.signalling_socket)
    commands.register("originate", OriginateRequest, lambda ask, _: manager.originate(ask))
    commands.register("command", CallCommand, lambda request, _: manager.command(request))
    await commands.start()
    loaded = asyncio.Event()
    watch = asyncio.ensure_future(_watch_config(control, gate, loaded))
    renewal = asyncio.ensure_future(_renew_sealers(vault, journal, kept, registrar))
    try:
        await loaded.wait()  # without trunks this node cannot take calls
        gc.freeze()  # what was loaded stays; only what calls make is worth a look
        gc.set_threshold(*_GC_THRESHOLD)
        notify_ready()
        _log.info("listening", extra={"kv": {"addresses": " ".join(settings.sip.listen)}})
        await stop.wait()
        await manager.drain(settings.node.drain_seconds)
    finally:
        watch.cancel()
        renewal.cancel()
        agent.close()
        await commands.stop()
        await control_rpc.stop()
        await media.stop()
        await speech.stop()
        await journal.close()
        kept.close()
        await keys.stop()


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask `keys` until it answers: without it this node can neither take calls nor end old ones."""
    while True:
        try:
            return await ask()
        except Unavailable:
            _log.warning("waiting for the keys")


async def _renew_sealers(
    vault: Vault, journal: Journal, kept: Registrations, registrar: Registrar
) -> None:
    """New keys each hour for the legs' states and the registrations: the old ones live for a day at
    most."""
    pause = RENEWAL_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            journal.renew(await vault.leg_sealer())
            registrar.sweep()
            await kept.renew()
            pause = RENEWAL_SECONDS
        except Exception:  # whatever it was: without a new key a day from now nothing is recovered
            _log.exception("key for recovery not renewed, trying again")
            pause = RENEWAL_RETRY_SECONDS


async def _watch_config(control: ControlClient, gate: Gate, loaded: asyncio.Event) -> None:
    """Keep the configuration current: the version counter is the truth."""
    while True:
        try:
            snapshot = await control.config(gate.version)
        except RingfenceError as error:
            _log.warning("no configuration", extra={"kv": {"code": error.code}})
        else:
            if snapshot is not None:
                _load(gate, snapshot, loaded)
        await asyncio.sleep(CONFIG_SECONDS)


def _load(gate: Gate, snapshot: ConfigSnapshot, loaded: asyncio.Event) -> None:
    kv = {"kv": {"version": snapshot.version}}
    try:
        gate.load(snapshot)
    except ValueError:
        _log.error("configuration cannot be used, the old one stays in force", extra=kv)
        return
    loaded.set()
    _log.info("configuration loaded", extra=kv)
