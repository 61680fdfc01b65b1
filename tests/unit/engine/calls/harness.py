"""The call engine on real loopback sockets, between raw SIP peers that share none of its code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import msgspec
from tests.unit.engine.calls.fakes import (
    TENANT,
    FakeControl,
    FakeKeys,
    FakeMedia,
    FakeSpeech,
    leaf_of,
)
from tests.unit.engine.calls.peers import PATIENCE, Dialogue, Peer, Sip, TcpPeer, UdpPeer
from tests.unit.engine.calls.peers import serial as new_serial

from ringfence.engine.calls.aftermath import clear_wire, close_crashed
from ringfence.engine.calls.manager import CallManager
from ringfence.engine.calls.vault import Vault
from ringfence.engine.journal.journal import Journal
from ringfence.engine.journal.records import (
    EventRecord,
    Record,
    RecoveryKey,
    SealedLeg,
    SealedParty,
    decode,
)
from ringfence.engine.journal.recovery import recover, recovery_keys
from ringfence.engine.ports import ConfigSnapshot, MediaEvent, TrunkConfig
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.gate import Gate
from ringfence.engine.signalling.registrar import Registrar
from ringfence.engine.signalling.registrations import Registrations
from ringfence.engine.verbs.model import Dial, DialTarget, SipTarget, TrunkTarget
from ringfence.kernel.clock import SystemClock, from_micros
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER, SealedFieldNumber
from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.settings import SipListen
from ringfence.platform.spool import Position, SpoolReader

T1 = 0.02
CALLER = "+15551230001"
CALLED = "+15551230002"
PHONE_SDP = "v=0\r\ns=phone\r\n"


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Poll a condition; AssertionError when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {condition}"
        await asyncio.sleep(0.005)


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


# --- the engine ---------------------------------------------------------------------------------


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                port: int = tcp.getsockname()[1]
                return port


class World:
    """One signalling node and the peers around it.

    Trunk "in" is 127.0.0.2, "a" and "b" are 127.0.0.3 and .4; nobody knows 127.0.0.9.
    """

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.clock = SystemClock()
        self.control, self.media, self.keys = FakeControl(), FakeMedia(), FakeKeys()
        self.speech = FakeSpeech()
        self.port = free_port()
        self.engine = ("127.0.0.1", self.port)
        self.trunks: dict[str, TrunkConfig] = {}
        self.peers: list[Any] = []
        self.errors = _Errors()
        self.max_call_seconds = 3600
        self.ring_seconds = 60
        self.uncaught: list[dict[str, Any]] = []
        self.pending: list[Any] = []

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.uncaught.append(context))
        logging.getLogger().addHandler(self.errors)
        await self.start_engine()
        await self.agent.start()
        self.caller = await self.udp("127.0.0.2")
        self.a = await self.udp("127.0.0.3")
        self.b = await self.udp("127.0.0.4")
        self.trunk("in", 1, sources=("127.0.0.2/32",))
        self.trunk("a", 2, peer_host=self.a.host, peer_port=self.a.port, sources=("127.0.0.3/32",))
        self.trunk("b", 3, peer_host=self.b.host, peer_port=self.b.port)
        self.dial("a")

    async def start_engine(self) -> None:
        """A new run on the same spool, as after a crash."""
        vault = Vault(cast(KeyClient, self.keys), self.clock)
        reader = SpoolReader(self.spool)
        crashed = recover(reader, await vault.open_sealers(recovery_keys(reader)))
        reader.close()
        self.journal = Journal(self.spool, self.clock, await vault.leg_sealer())
        self.pending = close_crashed(self.journal, crashed)
        self.journal.start()
        self.gate = Gate(self.clock, "ringfence")
        path = self.spool.with_name("registrations") / "n1.sqlite"
        self.kept = Registrations(path, cast(KeyClient, FakeKeys()), self.clock)
        self.registrations = await self.kept.load()
        self.registrar = Registrar(self.gate, self.clock, self.kept)
        self.manager = CallManager(
            gate=self.gate,
            control=self.control,
            journal=self.journal,
            vault=vault,
            clock=self.clock,
            ring_seconds=self.ring_seconds,
            max_call_seconds=self.max_call_seconds,
        )
        self.agent = UserAgent(
            node="n1",
            listen=[
                SipListen.model_construct(transport=name, host="127.0.0.1", port=self.port)
                for name in ("udp", "tcp")
            ],
            advertised=None,
            t1=T1,
            gate=self.gate,
            registrar=self.registrar,
            on_invite=self.manager.on_invite,
        )
        self.manager.agent, self.manager.media = self.agent, self.media
        self.manager.speech = self.speech

    async def crash(self) -> None:
        """Die as by SIGKILL, everything said so far being on disk; then start anew."""
        await self.journal.writer.durable()
        for task in list(self.manager._tasks):
            task.cancel()
        self.agent.close()
        self.agent.transactions.request_as_is = _dead  # type: ignore[method-assign, assignment]
        for table in (self.agent.transactions._clients, self.agent.transactions._servers):
            for transaction in list(table.values()):
                transaction._stop()
        for call in self.manager.calls.values():
            call.cancel()
            for leg in call.legs:
                leg._stop_pending_ack()
        self.journal.append = _dead
        self.journal.calls.clear()
        await self.journal.close()
        await asyncio.sleep(0)
        self.media.sessions.clear()
        await self.start_engine()
        self.gate.load(ConfigSnapshot(1, tuple(self.trunks.values())))
        await self.agent.start()
        clear_wire(self.agent, self.pending)

    async def stop(self) -> None:
        for peer in self.peers:
            peer.close()
        for task in list(self.manager._tasks):
            task.cancel()
        self.agent.close()
        with contextlib.suppress(RingfenceError):
            await self.journal.close()
        logging.getLogger().removeHandler(self.errors)

    # --- who is there -----------------------------------------------------------------------------

    async def udp(self, host: str, port: int = 0) -> UdpPeer:
        peer = await UdpPeer(self.engine).open(host, port)
        self.peers.append(peer)
        return peer

    async def tcp(self, host: str) -> TcpPeer:
        peer = await TcpPeer(self.engine).open(host)
        self.peers.append(peer)
        return peer

    def trunk(self, name: str, number: int, **fields: Any) -> TrunkConfig:
        """Configure a trunk and put it in force."""
        trunk = TrunkConfig(id=UUID(int=number), tenant=None, name=name, **fields)
        self.trunks[name] = trunk
        self.gate.load(ConfigSnapshot(1, tuple(self.trunks.values())))
        return trunk

    def dial(self, *names: str, timeout: int = 30, number: str = CALLED) -> None:
        """Route calls to these trunks, one after the other."""
        targets: list[DialTarget] = []
        for name in names:
            if name.startswith("sip:"):
                targets.append(SipTarget(name))
            else:
                targets.append(TrunkTarget(self.trunks[name].id, number))
        self.control.verbs = (Dial(tuple(targets), timeout_seconds=timeout),)

    def uac(self, peer: Peer | None = None, *, number: str = CALLED, name: str = "") -> Dialogue:
        """A caller about to send its INVITE."""
        peer = peer or self.caller
        serial = new_serial()
        uri = f"sip:{number}@127.0.0.1:{self.port}"
        local = f"{name}<sip:{CALLER}@{peer.host}>;tag=uac{serial}"
        return Dialogue(
            peer, call_id=f"uac{serial}@test", local=local, remote=f"<{uri}>", target=uri, cseq=0
        )

    async def bridged(
        self, caller: Peer | None = None, callee: Peer | None = None
    ) -> tuple[Dialogue, Dialogue]:
        """A call in conversation."""
        peer, target = caller or self.caller, callee or self.a
        uac = self.uac(peer)
        uac.request("INVITE", sdp=PHONE_SDP)
        invite = await target.expect("INVITE")
        target.respond(invite, 180)
        await peer.expect("180 INVITE")
        target.respond(invite, 200, sdp=PHONE_SDP)
        await target.expect("ACK")
        answer = await peer.expect("200 INVITE")
        uac.ack(answer)
        await until(lambda: all(leg._pending_ack is None for leg in self.call().legs))
        return uac, target.dialog(invite)

    async def hangs_up(self, who: Dialogue) -> None:
        """BYE from this side, and the 200 it gets."""
        who.request("BYE")
        await who.peer.expect("200 BYE")

    async def gets_bye(self, peer: Peer, status: int = 200) -> Sip:
        """Our BYE arrives and is answered."""
        bye = await peer.expect("BYE")
        peer.respond(bye, status)
        return bye

    def call(self) -> Any:
        """The newest call."""
        return list(self.manager.calls.values())[-1]

    def media_event(self, leg: UUID, seconds: float) -> None:
        self.manager.on_media_event(
            MediaEvent(self.call().id, leg, "silence", {"seconds": seconds})
        )

    # --- what must hold afterwards ----------------------------------------------------------------

    def leftovers(self) -> dict[str, Any]:
        """Everything that a finished call must not leave behind."""
        loop: Any = asyncio.get_running_loop()
        timers = [
            handle._callback.__qualname__
            for handle in loop._scheduled
            if not handle._cancelled
            and (getattr(handle._callback, "__module__", "") or "").startswith("ringfence.engine")
        ]
        usual = ("Journal.start", "_TcpConnection._close_idle")
        found = {
            "calls": len(self.manager.calls),
            "tasks": len(self.manager._tasks),
            "dialogs": self.agent.dialogs,
            "transactions": len(self.agent.transactions),
            "journal": len(self.journal.calls),
            "sessions": len(self.media.sessions),
            "channels": sum(self.gate.channels(trunk.id) for trunk in self.trunks.values()),
            "timers": [name for name in timers if name not in usual],
        }
        return {name: value for name, value in found.items() if value}

    async def settled(self) -> None:
        """Wait out 64·T1 (twice: a BYE may follow a lost ACK); then nothing is left."""
        deadline = time.monotonic() + 2 * 64 * T1 + PATIENCE
        while self.leftovers() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert not self.leftovers()
        usage = self.gate._usage
        assert all(item.channels == 0 for item in usage.values()), "released twice"
        assert not self.errors.records
        assert not self.uncaught

    async def records(self) -> list[Record]:
        await self.journal.writer.durable()
        reader = SpoolReader(self.spool)
        batch = reader.read(Position(0, 0), 100_000)
        reader.close()
        return [decode(data) for _, data in batch]

    def opened(
        self, field: SealedFieldNumber, row: UUID, event: EventRecord, party: SealedParty | None
    ) -> dict[str, str]:
        """What an event has sealed for a party in the place of a record."""
        assert party is not None
        bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_number(from_micros(event.at)))
        leaf = leaf_of(TENANT, LeafRef(bucket, party.person))
        place = crypto.Place(TENANT, field, row, party.person, bucket)
        value: dict[str, str] = msgspec.json.decode(crypto.open_sealed(leaf, place, party.sealed))
        return value

    async def story(self) -> dict[UUID, list[EventRecord]]:
        """The events of each call; checks what holds for every call."""
        calls: dict[UUID, list[EventRecord]] = defaultdict(list)
        legs: dict[tuple[UUID, UUID], str] = {}
        records = await self.records()
        keys = [record for record in records if isinstance(record, RecoveryKey)]
        sealers = await self.manager.vault.open_sealers(keys)
        for record in records:
            if isinstance(record, EventRecord):
                calls[record.call].append(record)
            elif isinstance(record, SealedLeg):
                legs[record.call, record.leg] = sealers[record.item].open(record).state
        for events in calls.values():
            kinds = [event.kind for event in events]
            assert [event.seq for event in events] == list(range(1, len(events) + 1)), kinds
            assert kinds.count("call.started") == kinds.count("call.ended") == 1, kinds
            assert kinds[0] == "call.started" and kinds[-1] == "call.ended", kinds
            made = Counter(e.data["leg"] for e in events if e.kind == "leg.created")
            over = Counter(e.data["leg"] for e in events if e.kind == "leg.ended")
            assert made == over and set(made.values()) == {1}, kinds
        assert set(legs.values()) <= {"ended"}, legs
        return calls

    async def ended(self, reason: str, *, by: str, status: int | None = None) -> list[EventRecord]:
        """The one call is over in every respect, with this end; returns its events."""
        await self.settled()
        (events,) = (await self.story()).values()
        data = events[-1].data
        assert (data["reason"], data["by"], data.get("status")) == (reason, by, status)
        return events


def kinds(events: list[EventRecord]) -> list[str]:
    return [event.kind for event in events]


def _dead(*_: Any, **__: Any) -> None:
    """What a process that was killed does."""


@contextlib.asynccontextmanager
async def world_at(spool: Path) -> AsyncIterator[World]:
    """A started world, stopped in the end."""
    world = World(spool)
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
