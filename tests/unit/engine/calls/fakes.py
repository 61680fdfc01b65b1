"""Call control, media and keys as scripted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from ringfence.engine.ports import (
    ConfigSnapshot,
    LegStats,
    OriginateRequest,
    ProgramRequest,
    RecordingPlan,
    RouteDecision,
    RouteRequest,
    SessionStats,
    SpeechReply,
    SpeechRequest,
    TrackRequest,
    TrackStats,
)
from ringfence.engine.verbs.model import Facts, Program, Verb, straight
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.keys import crypto
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import Identifier, NewItem, Resolved

TENANT = UUID(int=77)
ENGINE_SDP = b"v=0\r\ns=engine\r\n"


class FakeControl:
    """Answers ``route`` as scripted."""

    def __init__(self) -> None:
        self.verbs: tuple[Verb, ...] = ()
        self.max_seconds: int | None = None
        self.number: UUID | None = UUID(int=5)
        self.recording: RecordingPlan | None = None
        self.emergency = False
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None
        self.asked: list[RouteRequest] = []
        self.flow: Program | None = None
        """Instead of ``verbs``."""
        self.facts = Facts()
        self.message: RecordingPlan | None = None
        self.later: RecordingPlan | None = None
        self.programs: dict[str, Program | RingfenceError] = {}
        """By URL, or the flow's hex."""
        self.fetched: list[ProgramRequest] = []
        self.placed: RouteDecision | RingfenceError | None = None

    async def config(self, known_version: int | None) -> ConfigSnapshot | None:
        return None

    async def route(self, request: RouteRequest) -> RouteDecision:
        self.asked.append(request)
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        return RouteDecision(
            TENANT,
            self.number,
            self.flow or straight(*self.verbs),
            self.facts,
            message=self.message,
            recording_later=self.later,
            max_seconds=self.max_seconds,
            recording=self.recording,
            emergency=self.emergency,
        )

    async def originate(self, request: OriginateRequest) -> RouteDecision:
        if isinstance(self.placed, RingfenceError):
            raise self.placed
        assert self.placed is not None
        return self.placed

    async def program(self, request: ProgramRequest) -> Program:
        self.fetched.append(request)
        if self.wait is not None:
            await self.wait.wait()
        found = self.programs[request.url or (request.flow or UUID(int=0)).hex]
        if isinstance(found, RingfenceError):
            raise found
        return found


class FakeSpeech:
    """Every text becomes the octets of itself."""

    def __init__(self) -> None:
        self.asked: list[SpeechRequest] = []
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None

    async def render(self, request: SpeechRequest) -> SpeechReply:
        self.asked.append(request)
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        if request.personal:
            return SpeechReply(1.0, audio=request.text.encode())
        return SpeechReply(1.0, source=f"file:{request.text}")


class FakeKeys:
    """Makes persons and leaves as the client of ``keys`` does; can be made to fail."""

    def __init__(self) -> None:
        self.error: RingfenceError | None = None
        self.resolved: list[tuple[UUID, tuple[Identifier, ...]]] = []
        self.leased = True
        """Whether leaves are at hand, or must be asked for."""
        self.asked = 0

    async def resolve(
        self,
        tenant: UUID,
        identifiers: Sequence[Identifier],
        items: Sequence[NewItem] = (),
        *,
        seal: Sequence[Bucket] = (),
    ) -> list[Resolved]:
        if self.error is not None:
            raise self.error
        if identifiers:
            self.resolved.append((tenant, tuple(identifiers)))
        return [Resolved(person_of(tenant, item), 1, new=False) for item in identifiers]

    def sealing_leaf(self, tenant: UUID, ref: LeafRef) -> bytes | None:
        return leaf_of(tenant, ref) if self.leased else None

    async def seal(self, tenant: UUID, values: Sequence[Value], *, actor: str) -> list[bytes]:
        if self.error is not None:
            raise self.error
        self.asked += 1
        return [crypto.seal(leaf_of(tenant, v.ref), v.place, v.data) for v in values]

    async def open(
        self, tenant: UUID, purpose: str, values: Sequence[Value], *, actor: str
    ) -> list[bytes | RingfenceError]:
        assert purpose == "recovery"
        return [crypto.open_sealed(leaf_of(tenant, v.ref), v.place, v.data) for v in values]


def person_of(tenant: UUID, identifier: Identifier) -> UUID:
    """The person that an identifier means in these tests."""
    digest = hashlib.sha256(tenant.bytes + (identifier.normal() or b"")).digest()
    return UUID(bytes=digest[:16])


def leaf_of(tenant: UUID, ref: LeafRef) -> bytes:
    """The key that seals in these tests."""
    return hashlib.sha256(tenant.bytes + repr(ref).encode()).digest()


class FakeMedia:
    """Records what is asked; each method can be made to fail or to wait."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.sessions: set[UUID] = set()
        self.tracks: dict[UUID, TrackRequest] = {}
        self.fail: dict[str, RingfenceError] = {}
        self.wait: dict[str, asyncio.Event] = {}
        self.plays: dict[UUID, int] = {}
        """The newest play of each leg whose end matters."""

    async def _did(self, name: str, session: UUID, *more: Any) -> None:
        kind = f"{name} {more[-1]}" if name == "answer" else name
        self.asked.append((kind, session, *more))
        for key in (name, kind):
            if key in self.wait:
                await self.wait[key].wait()
            if key in self.fail:
                raise self.fail[key]

    def count(self, name: str) -> int:
        return sum(item[0] == name for item in self.asked)

    async def offer(self, session: UUID, leg: UUID, *, like: UUID | None = None) -> bytes:
        self.sessions.add(session)
        await self._did("offer", session, leg, like)
        return ENGINE_SDP

    async def answer(
        self, session: UUID, leg: UUID, sdp: bytes, kind: Literal["offer", "answer"]
    ) -> bytes:
        self.sessions.add(session)
        await self._did("answer", session, leg, sdp, kind)
        return ENGINE_SDP if kind == "offer" else b""

    async def connect(self, session: UUID, a: UUID, b: UUID | None) -> None:
        await self._did("connect", session, a, b)

    async def play(
        self,
        session: UUID,
        leg: UUID,
        source: str,
        *,
        audio: bytes = b"",
        loop: int = 1,
        play: int = 0,
    ) -> None:
        if play:
            self.plays[leg] = play
        await self._did("play", session, leg, source)

    async def send_dtmf(
        self, session: UUID, leg: UUID, digits: str, duration_ms: int = 100
    ) -> None:
        await self._did("dtmf", session, leg, digits)

    async def subscribe(self, request: TrackRequest) -> None:
        await self._did("subscribe", request.session, request.leg, request)
        self.tracks[request.track] = request

    async def track(self, session: UUID, track: UUID, action: str) -> TrackStats:
        await self._did(action, session, track)
        if action == "stop":
            self.tracks.pop(track, None)
        return TrackStats(100, 800, complete=action == "stop")

    async def stats(self, session: UUID) -> SessionStats:
        return SessionStats()

    async def delete(self, session: UUID, leg: UUID | None = None) -> SessionStats:
        if leg is None:
            self.sessions.discard(session)
        await self._did("delete", session, leg)
        tracks = [
            t for t, r in self.tracks.items() if r.session == session and leg in (None, r.leg)
        ]
        done = {track: TrackStats(100, 800, complete=True) for track in tracks}
        for track in tracks:
            del self.tracks[track]
        return SessionStats({leg: LegStats()} if leg is not None else {}, done)
