"""All calls of this node: admits, finds, drains, and ends those a crash left behind."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from ringfence.engine.calls.call import Call, State
from ringfence.engine.calls.events import (
    Command,
    MediaGone,
    MediaSilent,
    Played,
    Shutdown,
    TrackFailed,
)
from ringfence.engine.calls.party import PLAIN_USER, Place
from ringfence.engine.calls.recording import CallState
from ringfence.engine.calls.vault import Vault
from ringfence.engine.journal.journal import Journal
from ringfence.engine.ports import CallCommand, CallControl, MediaEvent, MediaPort, TrunkConfig
from ringfence.engine.signalling.agent import UserAgent
from ringfence.engine.signalling.gate import Gate
from ringfence.engine.signalling.numbers import from_e164
from ringfence.engine.signalling.transactions import ServerTransaction
from ringfence.engine.signalling.transport import Flow
from ringfence.engine.verbs.model import DialTarget, TrunkTarget
from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import NotFound
from ringfence.protocols.sip.dialog import hop_of
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Response
from ringfence.protocols.sip.uri import parse_uri

_log = logging.getLogger("ringfence.calls")
RETRY_AFTER_DRAIN = 10
_COMMAND_SECONDS = 2.0


class CallNotLive(NotFound):
    """No call of this tenant with this id is in progress."""

    code = "call_not_live"


class CallManager:
    """Makes a Call of each admitted INVITE and keeps what they share."""

    agent: UserAgent
    media: MediaPort

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
            call = Call(self, transaction, flow, trunk)
        except SipError as error:
            self.gate.release(trunk)
            transaction.respond(
                transaction.request.response(error.status, to_tag=self.agent.new_tag())
            )
            return
        self.calls[call.id] = call
        self._idle.clear()
        task = self.loop.create_task(call.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _unavailable(self, transaction: ServerTransaction, seconds: int) -> Response:
        response = transaction.request.response(503, to_tag=self.agent.new_tag())
        response.headers.add("Retry-After", str(seconds))
        return response

    def forget(self, call: Call) -> None:
        """Nothing is left of a call."""
        self.calls.pop(call.id, None)
        if not self.calls:
            self._idle.set()

    def place(self, target: DialTarget) -> Place | None:
        """Where a target is, or None when it cannot be dialled (trunk gone, no peer, bad URI)."""
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

    def on_media_event(self, event: MediaEvent) -> None:
        """What a media worker reports."""
        call = self.calls.get(event.session)
        if call is None:
            return
        if event.kind == "silence":
            call.post(MediaSilent(event.leg, event.data["seconds"]))
        elif event.kind == "play_done":
            call.post(Played(event.leg))
        elif event.kind == "track_failed":
            call.post(TrackFailed(UUID(hex=event.data["track"])))

    async def command(self, request: CallCommand) -> None:
        """Do what a tenant wants of its live call. Raises CallNotLive, CallState, MediaLost."""
        call = self.calls.get(request.call)
        if call is None or call.log.tenant != request.tenant:
            raise CallNotLive("no such call is live")
        if call.state is not State.CONNECTED:
            raise CallState("the call is not in conversation")
        done = self.loop.create_future()
        call.post(Command(request.action, done))
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
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
