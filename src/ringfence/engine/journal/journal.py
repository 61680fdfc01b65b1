"""The engine's side of the journal: what each live call has to say, and what would end it.

Events leave for the spool at once; ``durable`` waits until the disk has them. For every live call
the newest state of each leg is kept too, so that a new spool segment can start with all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from ringfence.engine.journal.records import (
    CallLive,
    EventRecord,
    Heartbeat,
    LegState,
    SealedParty,
    encode,
)
from ringfence.engine.journal.recovery_key import LegSealer
from ringfence.kernel.clock import Clock
from ringfence.kernel.events import EventKind
from ringfence.platform.spool import SpoolWriter

HEARTBEAT_SECONDS = 5.0


class CallLog:
    """The journal of one call. Sequence numbers count from 1 without gaps."""

    __slots__ = ("_journal", "answered", "call", "ended", "legs", "seq", "tenant")

    def __init__(self, journal: Journal, call: UUID, tenant: UUID | None, seq: int = 0) -> None:
        self._journal = journal
        self.call = call
        self.tenant = tenant
        self.seq = seq
        self.answered = False
        self.ended = False
        self.legs: dict[UUID, LegState] = {}

    def event(
        self,
        kind: EventKind,
        *,
        at: int | None = None,
        caller: SealedParty | None = None,
        callee: SealedParty | None = None,
        **data: Any,
    ) -> None:
        """Append one event with the keys of EventKind. Keys whose value is None are left out."""
        if kind is EventKind.CALL_ANSWERED:
            self.answered = True
        elif kind is EventKind.CALL_ENDED:
            self.ended = True
        fields = {key: value for key, value in data.items() if value is not None}
        moment = self._journal.clock.micros() if at is None else at
        record = EventRecord(
            self.call, self.seq + 1, moment, kind.value, self.tenant, fields, caller, callee
        )
        self._journal.append(encode(record))
        self.seq += 1

    def leg_state(self, state: LegState) -> None:
        """Remember what would end a leg now."""
        if state.state == "ended":
            self.legs.pop(state.leg, None)
        else:
            self.legs[state.leg] = state
        self._journal.save(state)

    async def durable(self) -> None:
        """Wait until everything said so far is on disk. Raises SpoolError."""
        await self._journal.writer.durable()

    def close(self) -> None:
        """The call is over and nothing of it is left to be ended."""
        self._journal.calls.pop(self.call, None)


class Journal:
    """All live calls of this process and the spool they write to."""

    def __init__(self, directory: Path, clock: Clock, sealer: LegSealer) -> None:
        self.clock = clock
        self._sealer = sealer
        self.calls: dict[UUID, CallLog] = {}
        self.writer = SpoolWriter(directory, checkpoint=self._checkpoint)
        self.append: Callable[[bytes], None] = self.writer.append
        self._heartbeat: asyncio.TimerHandle | None = None

    def open(self, call: UUID, tenant: UUID | None = None, *, seq: int = 0) -> CallLog:
        """Begin the log of a call, or take up one that a crash interrupted after ``seq``."""
        log = self.calls[call] = CallLog(self, call, tenant, seq)
        return log

    def save(self, state: LegState) -> None:
        """Append what would end a leg."""
        self.append(encode(self._sealer.seal(state)))

    def renew(self, sealer: LegSealer) -> None:
        """Seal with another key from now on; what live calls need is written again under it."""
        self._sealer = sealer
        self.append(encode(sealer.record))
        for log in self.calls.values():
            for state in log.legs.values():
                self.save(state)

    def start(self) -> None:
        """Begin the heartbeat that bounds what a crash can add to a bill."""
        loop = asyncio.get_running_loop()
        self._heartbeat = loop.call_later(HEARTBEAT_SECONDS, self.start)
        if self.calls:
            self.append(encode(Heartbeat(self.clock.micros())))

    async def close(self) -> None:
        """Write out and let go of the spool. Raises SpoolError."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        await self.writer.close()

    def _checkpoint(self) -> Iterator[bytes]:
        now = self.clock.micros()
        yield encode(self._sealer.record)
        for log in list(self.calls.values()):
            if log.seq and not log.ended:
                yield encode(CallLive(log.call, log.tenant, log.seq, log.answered, now))
            for state in log.legs.values():
                yield encode(self._sealer.seal(state))
