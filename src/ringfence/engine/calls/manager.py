"""All calls of this node: admits, finds, drains, and ends those a crash left behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from ringfence.engine.calls.call import Call
from ringfence.engine.calls.caller import CallerLeg
from ringfence.engine.calls.events import (
    Command,
    MediaGone,
    MediaSilent,
    Played,
    Pressed,
    Quiet,
    Shutdown,
    TrackFailed,
)
from ringfence.engine.calls.originating import place, route
from ringfence.engine.calls.party import PLAIN_USER, Place, caller_of, target_of
from ringfence.engine.calls.recording import CallState
from ringfence.engine.calls.states import RUNNING
from ringfence.engine.calls.vault import Vault
from ringfence.engine.journal.journal import Journal
from ringfence.engine.ports import (
    CallCommand,
    CallControl,
    MediaEvent,
    MediaPort,
    OriginateRequest,
    Speech,
    TrunkConfig,
)
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.gate import Gate
from ringfence.engine.signalling.numbers import from_e164
from ringfence.engine.signalling.transactions import ServerTransaction
from ringfence.engine.signalling.transport import Flow, TransportError
from ringfence.engine.verbs.model import DeviceTarget, DialTarget, SipTarget, TrunkTarget
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import NotFound, Unavailable
from ringfence.kernel.ids import uuid7
from ringfence.protocols.sip.dialog import hop_of
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Response
from ringfence.protocols.sip.uri import parse_uri

_log = logging.getLogger("ringfence.calls")
RETRY_AFTER_DRAIN = 10
_COMMAND_SECONDS = 2.0
_REDIRECT_SECONDS = 15.0
_REMEMBERED = 10_000


class CallNotLive(NotFound):
    """No call of this tenant with this id is in progress."""

    code = "call_not_live"


class CallManager:
    """Makes a Call of each admitted INVITE and keeps what they share."""

    agent: UserAgent
    media: MediaPort
    speech: Speech

    def __init__(
        self,
        *,
        gate: Gate,
        control: CallControl,
        journal: Journal,
        vault: Vault,
        clock: Clock,
        ring_seconds: int,
        max_call_seconds: int,
    ) -> None:
        self.gate = gate
        self.control = control
        self.journal = journal
        self.vault = vault
        self.clock = clock
        self.ring_seconds = ring_seconds
        self.max_call_seconds = max_call_seconds
        self.loop = asyncio.get_running_loop()
        self.calls: dict[UUID, Call] = {}
        self.registered: Callable[[DeviceTarget], list[Place]] = lambda target: []
        """Where a device has registered from."""
        self._originated: dict[UUID, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def on_invite(self, transaction: ServerTransaction, flow: Flow, trunk: TrunkConfig) -> None:
        """An admitted INVITE, already answered 100."""
        if self.agent.draining:
            transaction.respond(self._unavailable(transaction, RETRY_AFTER_DRAIN))
            return
        if not self.gate.take(trunk):
            transaction.respond(self._unavailable(transaction, 1))
            _log.warning("trunk limit reached", extra={"kv": {"trunk": trunk.id.hex}})
            return
        try:
            call = self._inbound(transaction, flow, trunk)
        except SipError as error:
            self.gate.release(trunk)
            transaction.respond(
                transaction.request.response(error.status, to_tag=self.agent.new_tag())
            )
            return
        self._run(call, route(call))

    def _run(self, call: Call, begin: Awaitable[None]) -> None:
        self.calls[call.id] = call
        self._idle.clear()
        task = self.loop.create_task(call.run(begin))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def originate(self, request: OriginateRequest) -> None:
        """Place a call of a tenant; the same request again changes nothing.

        Raises NotPlaced, Unavailable, and what control answers.
        """
        if self.agent.draining:
            raise Unavailable("this node takes no new calls")
        if request.call in self._originated:
            return
        self._originated[request.call] = None
        while len(self._originated) > _REMEMBERED:
            self._originated.pop(next(iter(self._originated)))
        try:
            await self._originate(request)
        except BaseException:
            self._originated.pop(request.call, None)
            raise

    async def _originate(self, request: OriginateRequest) -> None:
        decision = await self.control.originate(request)
        call = Call(self, request.call, self.clock.micros())
        try:
            await place(call, request, decision)
        except BaseException:
            call.log.close()
            await call.delete_media(None)
            raise
        self._run(call, _nothing())
        try:
            await call.log.durable()
        except BaseException:
            call.post(Shutdown())
            raise

    def _inbound(self, transaction: ServerTransaction, flow: Flow, trunk: TrunkConfig) -> Call:
        """The call of an INVITE. Raises SipError, with nothing begun, when its target cannot be
        read."""
        request = transaction.request
        called = target_of(request, trunk.format)
        caller_number, caller_text = caller_of(request, trunk.format)
        call = Call(self, uuid7(self.clock), self.clock.micros())
        call.called, call.caller_number, call.caller_text = called, caller_number, caller_text
        call.max_forwards = int(request.headers.get("max-forwards") or 70)
        leg = CallerLeg(self.agent, call, uuid7(self.clock), trunk, flow, transaction)
        call.primary = leg
        call.legs.append(leg)
        return call

    def not_live(self) -> CallNotLive:
        return CallNotLive("no such call is live")

    def _unavailable(self, transaction: ServerTransaction, seconds: int) -> Response:
        response = transaction.request.response(503, to_tag=self.agent.new_tag())
        response.headers.add("Retry-After", str(seconds))
        return response

    def forget(self, call: Call) -> None:
        """Nothing is left of a call."""
        self.calls.pop(call.id, None)
        if not self.calls:
            self._idle.set()

    def places(self, target: DialTarget) -> list[Place]:
        """Where a target is; nowhere when it cannot be dialled (trunk gone, no peer, bad URI, a
        device that is not registered)."""
        if isinstance(target, DeviceTarget):
            return self.registered(target)
        place = self._place(target)
        return [] if place is None else [place]

    def _place(self, target: TrunkTarget | SipTarget) -> Place | None:
        if isinstance(target, TrunkTarget):
            trunk = self.gate.trunks.get(target.trunk)
            if trunk is None or trunk.peer_host is None:
                return None
            number = from_e164(target.number, trunk.format)
            if not PLAIN_USER.fullmatch(number):
                return None
            host = f"[{trunk.peer_host}]" if ":" in trunk.peer_host else trunk.peer_host
            suffix = "" if trunk.peer_transport == "udp" else f";transport={trunk.peer_transport}"
            uri = f"sip:{number}@{host}:{trunk.peer_port}{suffix}"
            return Place(uri, trunk.peer_host, trunk.peer_port, trunk.peer_transport, trunk)
        try:
            host, port, transport = hop_of(parse_uri(target.uri))
        except SipError:
            return None
        return Place(target.uri, host, port, transport, None)

    async def way_to(self, place: Place, tenant: UUID | None) -> Flow:
        """How a tenant's call gets to a place. Raises TransportError."""
        if place.flow is not None:
            return place.flow
        flow = await self.agent.transports.resolve(place.host, place.port, place.transport)
        if place.trunk is not None:
            self.gate.reached(place.trunk, flow.remote[0])
        elif not self.gate.may_dial(flow.remote[0], tenant):
            _log.warning("a SIP URI leads to a trunk of somebody else")
            raise TransportError("the address is that of a trunk")
        return flow

    def on_media_event(self, event: MediaEvent) -> None:
        """What a media worker reports."""
        call = self.calls.get(event.session)
        if call is None:
            return
        if event.kind == "silence":
            call.post(MediaSilent(event.leg, event.data["seconds"]))
        elif event.kind == "play_done":
            call.post(Played(event.leg, event.data["play"]))
        elif event.kind == "dtmf":
            call.post(Pressed(event.leg, event.data["digit"]))
        elif event.kind == "quiet":
            call.post(Quiet(UUID(hex=event.data["track"]), event.data["spoken"]))
        elif event.kind == "track_failed":
            call.post(TrackFailed(UUID(hex=event.data["track"])))

    async def command(self, request: CallCommand) -> None:
        """Do what a tenant wants of its live call. Raises CallNotLive, CallState, MediaLost."""
        call = self.calls.get(request.call)
        if call is None or call.log.tenant != request.tenant:
            raise self.not_live()
        if call.state not in RUNNING:
            raise CallState("the call has not begun, or is over")
        done = self.loop.create_future()
        call.post(Command(request, done))
        seconds = _REDIRECT_SECONDS if request.action == "redirect" else _COMMAND_SECONDS
        try:
            async with asyncio.timeout(seconds):
                await done
        except TimeoutError:
            raise CallState("the call did not get to it in time") from None

    def on_media_lost(self, sessions: set[UUID]) -> None:
        """A media worker died with these calls."""
        for session in sessions:
            call = self.calls.get(session)
            if call is not None:
                call.post(MediaGone())

    async def drain(self, seconds: float) -> None:
        """Take no new calls, wait for those in progress, hang up what is left after ``seconds``."""
        self.agent.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            for call in list(self.calls.values()):
                call.post(Shutdown())
        try:
            async with asyncio.timeout(5):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("peers did not answer our BYE", extra={"kv": {"calls": len(self.calls)}})


async def _nothing() -> None:
    """It has begun already."""
