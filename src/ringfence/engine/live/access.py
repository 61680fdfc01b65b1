"""Whether the accesses by which streams were opened still hold: asked all the time, of all at once.

A stream whose access has ended, or is not what it was when its ticket was made, ends; whoever may
still listen gets a new ticket and goes on. Nothing here decides what an access allows: ``web`` did.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

from ringfence.kernel.clock import Clock
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.platform.tickets import Maker, Ticket

CHECK_SECONDS = 2.0
TRUSTED_SECONDS = 60.0
"""So long a stream goes on while nobody can say whether its access holds."""
_ASK_SECONDS = 5.0
_log = logging.getLogger("ringfence.live")


class AccessEnded(RingfenceError):
    """The access that made the ticket has ended, or was changed since."""

    code = "access_ended"
    http_status = 401


class AccessUnknown(Unavailable):
    """Nobody can say now whether the access still holds."""

    code = "access_unknown"


class AccessSource(Protocol):
    """Who knows the accesses of the installation."""

    async def marks(self, makers: Sequence[tuple[UUID, Maker]]) -> Sequence[UUID | None]:
        """Of each tenant and maker, in order, the mark of the access as it is now; None: it has
        ended. Raises Unavailable."""
        ...


class Held:
    """One stream's access."""

    def __init__(self, ticket: Ticket) -> None:
        self.tenant = ticket.tenant
        self.maker = ticket.maker
        self.held_at: float | None = None
        """Monotonic time at which it was last known to hold."""
        self._error: RingfenceError | None = None
        self._ended = asyncio.Event()

    def end(self, error: RingfenceError) -> None:
        self._error = error
        self._ended.set()

    @property
    def over(self) -> bool:
        return self._error is not None

    def check(self) -> None:
        """Raises AccessEnded, AccessUnknown once it has ended."""
        if self._error is not None:
            raise self._error

    async def until_ended(self) -> None:
        """Raises AccessEnded, AccessUnknown, sooner or later."""
        await self._ended.wait()
        self.check()


class Access:
    """The accesses of all open streams."""

    def __init__(
        self, source: AccessSource, clock: Clock, *, check_seconds: float = CHECK_SECONDS
    ) -> None:
        self._source = source
        self._clock = clock
        self._check_seconds = check_seconds
        self._opening: set[Held] = set()
        self._open: set[Held] = set()
        self._asking = asyncio.Lock()
        self.available = True
        """Whether the source answered when it was last asked."""

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await asyncio.sleep(self._check_seconds)
            await self.check_all()

    async def check_all(self) -> None:
        """Ask once whether the accesses of all open streams hold, and end those that do not."""
        async with self._asking:
            streams = [one for one in self._open if not one.over]
            if streams:
                await self._ask(streams)

    @asynccontextmanager
    async def hold(self, ticket: Ticket) -> AsyncIterator[Held]:
        """While a stream is open. Raises AccessEnded, AccessUnknown when it must not open."""
        held = Held(ticket)
        if ticket.maker is None:
            yield held
            return
        self._open.add(held)
        try:
            await self._admit(held)
            yield held
        finally:
            self._opening.discard(held)
            self._open.discard(held)

    async def _admit(self, held: Held) -> None:
        """Those who come while a question is under way are the next question together."""
        self._opening.add(held)
        async with self._asking:
            if held in self._opening:
                await self._ask(list(self._opening))
        held.check()

    async def _ask(self, streams: list[Held]) -> None:
        makers = list({(one.tenant, one.maker): None for one in streams if one.maker is not None})
        asked_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                marks = await self._source.marks(makers)
        except (Unavailable, TimeoutError):
            self._note(available=False)
            self._doubt(streams)
        else:
            self._note(available=True)
            self._settle(streams, dict(zip(makers, marks, strict=True)), asked_at)
        self._opening.difference_update(streams)

    def _settle(
        self, streams: list[Held], marks: dict[tuple[UUID, Maker], UUID | None], at: float
    ) -> None:
        ended = 0
        for one in streams:
            assert one.maker is not None
            mark = marks[one.tenant, one.maker]
            if mark is not None and mark == one.maker.mark:
                one.held_at = at
            else:
                one.end(AccessEnded("the access that opens this stream has ended or was changed"))
                ended += 1
        if ended:
            _log.info("live streams ended with their access", extra={"kv": {"streams": ended}})

    def _doubt(self, streams: list[Held]) -> None:
        since = self._clock.monotonic() - TRUSTED_SECONDS
        for one in streams:
            if one.held_at is None or one.held_at <= since:
                one.end(AccessUnknown("whether the access still holds is not known now"))

    def _note(self, *, available: bool) -> None:
        if self.available and not available:
            _log.warning(
                "live access cannot be checked", extra={"kv": {"code": AccessUnknown.code}}
            )
        self.available = available
