"""Accesses in memory, by which live streams are opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from ringfence.engine.live.access import AccessUnknown
from ringfence.platform.tickets import Maker


class Accesses:
    """Each has the mark that it was made with, until it is changed here."""

    def __init__(self) -> None:
        self.now: dict[UUID, UUID | None] = {}
        """Marks by the id of a maker."""
        self.asked: list[int] = []
        """Of how many each question was."""
        self.down = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def marks(self, makers: Sequence[tuple[UUID, Maker]]) -> list[UUID | None]:
        self.asked.append(len(makers))
        await self.answering.wait()
        if self.down:
            raise AccessUnknown("down")
        return [self.now.get(maker.id, maker.mark) for _, maker in makers]
