"""A media process: sessions of legs, commanded over its Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from ringfence.engine.media.clock import FrameClock
from ringfence.engine.media.errors import UnknownLeg
from ringfence.engine.media.files import AudioFiles
from ringfence.engine.media.leg import EventKind, Leg, join, separate
from ringfence.engine.media.ports import PortPool
from ringfence.engine.media.recorder import LeafSource, Recorder, Tap, Track
from ringfence.engine.media.sources import finite, made
from ringfence.engine.ports import (
    AnswerRequest,
    ConnectRequest,
    DtmfRequest,
    HelloRequest,
    LegStats,
    MediaEvent,
    OfferRequest,
    PlayRequest,
    SessionRequest,
    SessionStats,
    TrackCommand,
    TrackRequest,
    TrackStats,
    WorkerInfo,
)
from ringfence.kernel.clock import Clock
from ringfence.platform.rpc import Connection, RpcServer
from ringfence.platform.settings import Settings

_log = logging.getLogger("ringfence.media")
ORPHAN_SECONDS = 60.0
"""How long sessions outlive the connection that commands them."""
_CHECK_SECONDS = 0.5
Exchange = Callable[[Leg], bytes]


class MediaWorker:
    """Serves one media socket. Create it inside a running loop."""

    def __init__(
        self,
        settings: Settings,
        index: int,
        clock: Clock,
        keys: LeafSource,
        *,
        orphan_seconds: float = ORPHAN_SECONDS,
    ) -> None:
        self._index = index
        self._clock = clock
        self._media = settings.media
        self._orphan_seconds = orphan_seconds
        self._advertised = advertised_address(settings)
        first, last = settings.media_ports(index)
        self._ports = PortPool(settings.media.bind_address, first, last, clock)
        self._ticker = FrameClock()
        self._sessions: dict[UUID, dict[UUID, Leg]] = {}
        self._files = AudioFiles()
        self._recorder = Recorder(
            settings.track_dir, keys, clock, self._track_failed, self._track_quiet
        )
        self._epoch: str | None = None
        self._commanders: set[Connection] = set()
        self._orphan_timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._server = RpcServer(settings.media_socket(index), on_disconnect=self._disconnected)
        self._server.register("hello", HelloRequest, self._hello)
        self._server.register("offer", OfferRequest, self._offer)
        self._server.register("answer", AnswerRequest, self._answer)
        self._server.register("connect", ConnectRequest, self._connect)
        self._server.register("play", PlayRequest, self._play)
        self._server.register("dtmf", DtmfRequest, self._dtmf)
        self._server.register("subscribe", TrackRequest, self._subscribe)
        self._server.register("track", TrackCommand, self._track)
        self._server.register("stats", SessionRequest, self._stats)
        self._server.register("delete", SessionRequest, self._delete)

    @property
    def sessions(self) -> int:
        """How many sessions it holds."""
        return len(self._sessions)

    async def start(self) -> None:
        """Serve the socket. Raises OSError when it cannot be bound."""
        await self._server.start()
        self._check()
        _log.info("media worker serving", extra={"kv": {"worker": self._index}})

    async def stop(self) -> None:
        """Delete every session, complete every track and stop serving."""
        if self._check_timer is not None:
            self._check_timer.cancel()
        await self._server.stop()
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
        self._delete_all()
        self._ticker.stop()
        await self._recorder.settle()

    def _hello(self, request: HelloRequest, connection: Connection) -> WorkerInfo:
        if request.epoch != self._epoch:
            self._delete_all()
            self._commanders.clear()
            self._epoch = request.epoch
        self._commanders.add(connection)
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
            self._orphan_timer = None
        return WorkerInfo(self._index, os.getpid(), self._ports.total)

    def _disconnected(self, connection: Connection) -> None:
        if connection not in self._commanders:
            return
        self._commanders.discard(connection)
        if not self._commanders:
            loop = asyncio.get_running_loop()
            self._orphan_timer = loop.call_later(self._orphan_seconds, self._delete_all)

    def _offer(self, request: OfferRequest, _: Connection) -> bytes:
        allowed = None
        if request.like is not None:
            allowed = self._leg(request.session, request.like).codec_names
        return self._create_or_use(request.session, request.leg, lambda leg: leg.offer(allowed))

    def _answer(self, request: AnswerRequest, _: Connection) -> bytes:
        if request.kind == "answer":
            self._leg(request.session, request.leg).accept_answer(request.sdp)
            return b""
        return self._create_or_use(
            request.session, request.leg, lambda leg: leg.accept_offer(request.sdp)
        )

    def _connect(self, request: ConnectRequest, _: Connection) -> None:
        a = self._leg(request.session, request.a)
        if request.b is None:
            separate(a)
        else:
            join(a, self._leg(request.session, request.b))

    def _play(self, request: PlayRequest, _: Connection) -> Awaitable[None] | None:
        leg = self._leg(request.session, request.leg)
        kind, colon, path = request.source.partition(":")
        order = leg.next_play()
        if request.source == "stop":
            leg.play(order, None)
            return None
        if kind + colon == "file:":
            audio = self._files.cached(path)
            if audio is None:
                return self._play_file(request, order, path)
        elif request.source == "audio":
            audio = request.audio
        else:
            leg.play(order, made(request.source, request.loop), request.play)
            return None
        leg.play(order, finite(audio, request.loop), request.play)
        return None

    async def _play_file(self, request: PlayRequest, order: int, path: str) -> None:
        audio = await self._files.read(path)
        leg = self._leg(request.session, request.leg)  # it may have gone meanwhile
        leg.play(order, finite(audio, request.loop), request.play)

    def _dtmf(self, request: DtmfRequest, _: Connection) -> None:
        self._leg(request.session, request.leg).send_digits(request.digits, request.duration_ms)

    def _stats(self, request: SessionRequest, _: Connection) -> SessionStats:
        legs = self._sessions.get(request.session, {})
        wanted = (
            legs if request.leg is None else {k: v for k, v in legs.items() if k == request.leg}
        )
        return SessionStats({id_: leg.stats() for id_, leg in wanted.items()})

    async def _subscribe(self, request: TrackRequest, _: Connection) -> None:
        def tap_of() -> Tap:
            return self._leg(request.session, request.leg).record

        await self._recorder.begin(request, tap_of)

    def _track(self, request: TrackCommand, _: Connection) -> TrackStats | Awaitable[TrackStats]:
        if request.action == "stop":
            return asyncio.shield(self._recorder.stop(request.session, request.track))
        return self._recorder.command(request.session, request.track, request.action)

    def _delete(
        self, request: SessionRequest, _: Connection
    ) -> SessionStats | Awaitable[SessionStats]:
        legs = self._sessions.get(request.session, {})
        wanted = list(legs) if request.leg is None else [request.leg] if request.leg in legs else []
        ending = self._recorder.end(request.session, request.leg)
        final = {id_: self._remove(request.session, id_) for id_ in wanted}
        return _with_tracks(final, ending) if ending else SessionStats(final)

    def _leg(self, session: UUID, id_: UUID) -> Leg:
        leg = self._sessions.get(session, {}).get(id_)
        if leg is None:
            raise UnknownLeg("the session has no such leg")
        return leg

    def _create_or_use(self, session: UUID, id_: UUID, exchange: Exchange) -> bytes:
        """Run an exchange that may create the leg; a new one that fails leaves nothing behind."""
        existing = self._sessions.get(session, {}).get(id_)
        if existing is not None:
            return exchange(existing)
        self._add(session, id_)
        try:
            return exchange(self._leg(session, id_))
        except BaseException:
            self._remove(session, id_)
            raise

    def _add(self, session: UUID, id_: UUID) -> None:
        def on_event(kind: EventKind, data: dict[str, Any]) -> None:
            self._notify(MediaEvent(session, id_, kind, data))

        leg = Leg(
            self._ports.acquire(),
            self._advertised,
            self._media.latch_seconds,
            self._ticker,
            self._clock,
            on_event,
        )
        self._sessions.setdefault(session, {})[id_] = leg

    def _remove(self, session: UUID, id_: UUID) -> LegStats:
        legs = self._sessions[session]
        leg = legs.pop(id_)
        self._recorder.end(session, id_)
        if not legs:
            del self._sessions[session]
            self._recorder.forget(session)
        final = leg.stats()
        leg.close()
        self._ports.release(leg.pair)
        return final

    def _track_failed(self, track: Track) -> None:
        data = {"track": track.id.hex}
        self._notify(MediaEvent(track.session, track.leg, "track_failed", data))

    def _track_quiet(self, track: Track, spoken: bool) -> None:
        data = {"track": track.id.hex, "spoken": spoken}
        self._notify(MediaEvent(track.session, track.leg, "quiet", data))

    def _notify(self, event: MediaEvent) -> None:
        for connection in tuple(self._commanders):
            connection.notify("event", event)

    def _delete_all(self) -> None:
        if self._sessions:
            _log.info("sessions deleted", extra={"kv": {"sessions": len(self._sessions)}})
        for session, legs in list(self._sessions.items()):
            for id_ in list(legs):
                self._remove(session, id_)

    def _check(self) -> None:
        for legs in self._sessions.values():
            for leg in legs.values():
                leg.check_silence(self._media.silence_seconds)
        self._recorder.advance()
        loop = asyncio.get_running_loop()
        self._check_timer = loop.call_later(_CHECK_SECONDS, self._check)


async def _with_tracks(legs: dict[UUID, LegStats], tracks: list[Track]) -> SessionStats:
    """The final figures, when the tracks that end with the legs are complete."""
    completions = [track.completion for track in tracks if track.completion is not None]
    stats = await asyncio.shield(asyncio.gather(*completions))
    return SessionStats(legs, {track.id: item for track, item in zip(tracks, stats, strict=True)})


def advertised_address(settings: Settings) -> str:
    """The IPv4 address that our SDP names: configured, bound, or that of the default route."""
    configured = settings.media.advertised_address or settings.sip.advertised_address
    if configured is not None:
        return configured
    bound = settings.media.bind_address
    if bound != "0.0.0.0":  # noqa: S104 - compared, not bound
        return bound
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # picks a route, sends nothing
        name: str = probe.getsockname()[0]
        return name
    return "127.0.0.1"
