"""Call control and media as scripted."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from uuid import UUID

from ringfence.engine.ports import (
    ConfigSnapshot,
    LegStats,
    RouteDecision,
    RouteRequest,
    SessionStats,
    Verb,
)
from ringfence.kernel.errors import RingfenceError

TENANT = UUID(int=77)
ENGINE_SDP = b"v=0\r\ns=engine\r\n"


class FakeControl:
    """Answers ``route`` as scripted."""

    def __init__(self) -> None:
        self.verbs: tuple[Verb, ...] = ()
        self.max_seconds: int | None = None
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None
        self.asked: list[RouteRequest] = []

    async def config(self, known_version: int | None) -> ConfigSnapshot | None:
        return None

    async def route(self, request: RouteRequest) -> RouteDecision:
        self.asked.append(request)
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        return RouteDecision(TENANT, UUID(int=5), self.verbs, self.max_seconds)


class FakeMedia:
    """Records what is asked; each method can be made to fail or to wait."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.sessions: set[UUID] = set()
        self.fail: dict[str, RingfenceError] = {}
        self.wait: dict[str, asyncio.Event] = {}

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

    async def play(self, session: UUID, leg: UUID, source: str) -> None:
        await self._did("play", session, leg, source)

    async def send_dtmf(
        self, session: UUID, leg: UUID, digits: str, duration_ms: int = 100
    ) -> None:
        await self._did("dtmf", session, leg, digits)

    async def stats(self, session: UUID) -> SessionStats:
        return SessionStats()

    async def delete(self, session: UUID, leg: UUID | None = None) -> SessionStats:
        if leg is None:
            self.sessions.discard(session)
        await self._did("delete", session, leg)
        return SessionStats({leg: LegStats()} if leg is not None else {})
