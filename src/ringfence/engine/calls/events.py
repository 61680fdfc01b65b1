"""What a call's mailbox takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from ringfence.engine.signalling.causes import Cause

if TYPE_CHECKING:
    from ringfence.engine.calls.announcement import Announcement
    from ringfence.engine.calls.callee import CalleeLeg
    from ringfence.engine.calls.fetching import Fetching
    from ringfence.engine.calls.leg import Leg
    from ringfence.engine.calls.recording import Recording
    from ringfence.engine.ports import CallCommand
    from ringfence.engine.signalling.transactions import ServerTransaction
    from ringfence.engine.verbs.model import Program


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before an answer."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A 18x from a target; ``sdp`` is empty without early media."""

    leg: CalleeLeg
    status: int
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    leg: CalleeLeg
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A target will not answer: its final status, or None when nothing came back."""

    leg: CalleeLeg
    status: int | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class RingTimeout:
    leg: CalleeLeg


@dataclass(frozen=True, slots=True)
class HungUp:
    """BYE from a leg, with the Q.850 cause of its Reason header if it had one."""

    leg: Leg
    q850: int | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A 2xx of ours was acknowledged: its peer has it."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class NoAck:
    """A 2xx of ours was never acknowledged."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """The answer to our offer came in an ACK."""

    leg: Leg
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Reoffer:
    """A re-INVITE to be answered; ``sdp`` is empty when the peer wants our offer."""

    leg: Leg
    transaction: ServerTransaction
    sdp: bytes


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """A leg that is not on hold has sent nothing for so long."""

    leg: UUID
    seconds: float


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A time is up that something waited for."""

    timer: object


@dataclass(frozen=True, slots=True)
class Played:
    """A leg has been sent the whole of what was played to it."""

    leg: UUID
    play: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """An announcement is over; ``ok``: all of it could be said."""

    announcement: Announcement
    ok: bool


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key was pressed."""

    leg: UUID
    digit: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Whoever is recorded has said nothing for a while."""

    track: UUID
    spoken: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording has begun, or it will not."""

    recording: Recording
    began: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """A program was asked for, by the flow itself or by its tenant's command: it came, or the
    error that was given instead."""

    asker: Fetching | Command
    found: Program | Exception


@dataclass(frozen=True, slots=True)
class TrackFailed:
    """A track could not be written any further."""

    track: UUID


@dataclass(frozen=True, slots=True)
class Command:
    """What the tenant wants of this call; ``done`` takes the outcome, or its error."""

    request: CallCommand
    done: asyncio.Future[None]

    @property
    def action(self) -> str:
        return self.request.action

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class MediaGone:
    """The media worker of this call died."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """This node stops before the call ended."""


@dataclass(frozen=True, slots=True)
class LegOver:
    """Nothing of this leg is left on the wire."""

    leg: Leg


CallEventIn = (
    Cancelled
    | Progress
    | Answered
    | Failed
    | RingTimeout
    | HungUp
    | Acknowledged
    | NoAck
    | LateAnswer
    | Reoffer
    | MediaSilent
    | Elapsed
    | Played
    | Spoken
    | Pressed
    | Quiet
    | Recorded
    | Fetched
    | TrackFailed
    | Command
    | MediaGone
    | Shutdown
    | LegOver
)
