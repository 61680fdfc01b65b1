"""The media port over the media processes of this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar
from uuid import UUID

from ringfence.engine.ports import (
    AnswerRequest,
    ConnectRequest,
    DtmfRequest,
    HelloRequest,
    Leg,
    MediaEvent,
    OfferRequest,
    PlayRequest,
    Session,
    SessionRequest,
    SessionStats,
    TrackCommand,
    TrackRequest,
    TrackStats,
    WorkerInfo,
)
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.rpc import RpcClient, RpcUnavailable

_log = logging.getLogger("ringfence.media.client")
_TIMEOUT_SECONDS = 2.0
_TRACK_SECONDS = 8.0
"""For what waits for the keys or for the disk."""
T = TypeVar("T")


class MediaLost(Unavailable):
    """The media process that held the session died; its audio is gone."""

    code = "media_lost"


class _Worker:
    """One media process as seen from here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rpc: RpcClient
        self.info: WorkerInfo | None = None
        """Set while connected and greeted."""
        self.sessions: set[UUID] = set()
        self.abandoned: set[UUID] = set()
        """Given up when the connection broke; deleted there should the process still live."""
        self.greeting: asyncio.Task[None] | None = None


class MediaClient:
    """MediaPort over the workers; a new session goes to the one with the fewest."""

    def __init__(
        self,
        sockets: Sequence[Path],
        epoch: str,
        on_event: Callable[[MediaEvent], None],
        on_lost: Callable[[set[UUID]], None],
    ) -> None:
        """``epoch`` names this run of the caller: workers drop the sessions of any other.

        ``on_lost`` gets the sessions of a worker that died; each of them raises MediaLost until
        it is deleted.
        """
        self._epoch = epoch
        self._on_event = on_event
        self._on_lost = on_lost
        self._homes: dict[UUID, _Worker] = {}
        self._lost: set[UUID] = set()
        self._greeted = asyncio.Event()
        self._stopped = False
        self._workers = [self._worker(path) for path in sockets]

    @property
    def connected(self) -> int:
        """How many workers can take sessions now."""
        return sum(worker.info is not None for worker in self._workers)

    def start(self) -> None:
        """Connect to every worker in the background, and again whenever one comes back."""
        for worker in self._workers:
            worker.rpc.start()

    async def stop(self) -> None:
        """Disconnect. The workers keep the sessions for a while, for a client of this epoch."""
        self._stopped = True
        for worker in self._workers:
            if worker.greeting is not None:
                worker.greeting.cancel()
            await worker.rpc.stop()

    async def wait_connected(self, seconds: float) -> None:
        """Wait until at least one worker can take sessions. Raises RpcUnavailable."""
        try:
            async with asyncio.timeout(seconds):
                while not self.connected:
                    self._greeted.clear()
                    await self._greeted.wait()
        except TimeoutError:
            raise RpcUnavailable("no media process is connected") from None

    async def offer(self, session: Session, leg: Leg, *, like: Leg | None = None) -> bytes:
        return await self._call(session, "offer", OfferRequest(session, leg, like), bytes)

    async def answer(
        self, session: Session, leg: Leg, sdp: bytes, kind: Literal["offer", "answer"]
    ) -> bytes:
        return await self._call(session, "answer", AnswerRequest(session, leg, sdp, kind), bytes)

    async def connect(self, session: Session, a: Leg, b: Leg | None) -> None:
        await self._call(session, "connect", ConnectRequest(session, a, b), type(None))

    async def play(
        self,
        session: Session,
        leg: Leg,
        source: str,
        *,
        audio: bytes = b"",
        loop: int = 1,
        play: int = 0,
    ) -> None:
        request = PlayRequest(session, leg, source, audio, loop, play)
        await self._call(session, "play", request, type(None))

    async def send_dtmf(
        self, session: Session, leg: Leg, digits: str, duration_ms: int = 100
    ) -> None:
        request = DtmfRequest(session, leg, digits, duration_ms)
        await self._call(session, "dtmf", request, type(None))

    async def subscribe(self, request: TrackRequest) -> None:
        session = request.session
        try:
            await self._call(session, "subscribe", request, type(None), _TRACK_SECONDS)
        except RpcUnavailable:  # it may yet begin: nobody must be recorded who was told otherwise
            worker = self._homes.get(session)
            if worker is not None:
                worker.rpc.notify("track", TrackCommand(session, request.track, "stop"))
            raise

    async def track(
        self, session: Session, track: UUID, action: Literal["pause", "resume", "stop"]
    ) -> TrackStats:
        command = TrackCommand(session, track, action)
        seconds = _TRACK_SECONDS if action == "stop" else _TIMEOUT_SECONDS
        return await self._call(session, "track", command, TrackStats, seconds)

    async def stats(self, session: Session) -> SessionStats:
        return await self._call(session, "stats", SessionRequest(session), SessionStats)

    async def delete(self, session: Session, leg: Leg | None = None) -> SessionStats:
        if session not in self._homes and session not in self._lost:
            return SessionStats()
        try:
            request = SessionRequest(session, leg)
            return await self._call(session, "delete", request, SessionStats, _TRACK_SECONDS)
        finally:
            if leg is None:
                self._forget(session)

    async def _call(
        self,
        session: UUID,
        name: str,
        request: object,
        reply: type[T],
        seconds: float = _TIMEOUT_SECONDS,
    ) -> T:
        if session in self._lost:
            raise MediaLost("the media process of this session died")
        worker = self._homes.get(session) or self._place(session)
        try:
            return await worker.rpc.call(name, request, reply, timeout=seconds)
        except RpcUnavailable:
            if session in self._lost:
                raise MediaLost("the media process of this session died") from None
            raise

    def _place(self, session: UUID) -> _Worker:
        ready = [worker for worker in self._workers if worker.info is not None]
        if not ready:
            raise RpcUnavailable("no media process is connected")
        worker = min(ready, key=lambda item: len(item.sessions))
        worker.sessions.add(session)
        self._homes[session] = worker
        return worker

    def _forget(self, session: UUID) -> None:
        self._lost.discard(session)
        worker = self._homes.pop(session, None)
        if worker is not None:
            worker.sessions.discard(session)

    def _worker(self, path: Path) -> _Worker:
        worker = _Worker(path)

        def connected() -> None:
            worker.greeting = asyncio.ensure_future(self._greet(worker))

        worker.rpc = RpcClient(
            path, on_connect=connected, on_disconnect=lambda: self._disconnected(worker)
        )
        worker.rpc.on_notify("event", MediaEvent, self._event)
        return worker

    async def _greet(self, worker: _Worker) -> None:
        try:
            info = await worker.rpc.call(
                "hello", HelloRequest(self._epoch), WorkerInfo, timeout=_TIMEOUT_SECONDS
            )
            for session in worker.abandoned:
                await worker.rpc.call(
                    "delete", SessionRequest(session), SessionStats, timeout=_TIMEOUT_SECONDS
                )
        except RingfenceError as error:
            kv = {"worker": worker.path.name, "code": error.code}
            _log.warning("media worker did not answer", extra={"kv": kv})
            return
        worker.abandoned.clear()
        worker.info = info
        self._greeted.set()

    def _disconnected(self, worker: _Worker) -> None:
        worker.info = None
        if self._stopped:
            return
        gone, worker.sessions = worker.sessions, set()
        for session in gone:
            del self._homes[session]
        self._lost |= gone
        worker.abandoned |= gone
        if gone:
            kv = {"worker": worker.path.name, "sessions": len(gone)}
            _log.error("media worker lost", extra={"kv": kv})
            self._on_lost(gone)

    def _event(self, event: MediaEvent) -> None:
        if event.session in self._homes:
            self._on_event(event)
