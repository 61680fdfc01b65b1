"""What other domains and the entrances see of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError

Gap = Literal["silence", "tone"]
Custody = Literal["platform", "customer"]
"""Who opens a recording: ``customer``, the customer's private key alone, from its first byte on."""
ConsentOverride = Literal["always_announce"]
DeletionReason = Literal["request", "erasure", "retention"]


@dataclass(frozen=True, slots=True)
class RecordingPlanInfo:
    """How a call is recorded: the fields of engine.ports.RecordingPlan."""

    basis: str
    """The rule that decided about the prompt, such as ``all_party:CA``."""
    prompt: str | None
    """Media source that both parties hear first; None where no prompt is asked for."""
    gap: Gap
    customer_keys: tuple[str, ...]
    """Public keys (PEM) that each track is wrapped to."""
    rule: str
    """Retention rule of the tracks."""
    custody: Custody = "platform"
    refused: str = ""
    """Why nothing is recorded that was to be; empty: it is."""


@dataclass(frozen=True, slots=True)
class RecordingPlans:
    """How what is said in a call is kept; None: not at all."""

    conversation: RecordingPlanInfo | None = None
    """Between those who were named."""
    later: RecordingPlanInfo | None = None
    """With whoever joins by a program that comes later: nobody knows where they are."""
    message: RecordingPlanInfo | None = None
    """Left after a beep: who speaks then asks to be recorded, so it does not depend on whether the
    tenant records conversations."""


@dataclass(frozen=True, slots=True)
class SettingsInfo:
    """Whether and how a tenant's calls are recorded."""

    enabled: bool = False
    gap: Gap = "silence"
    consent_override: ConsentOverride | None = None
    """``always_announce``: the prompt also where the law asks for none. Nothing makes it looser."""
    prompt: str = "recording-notice-en"
    customer_key: str | None = None
    """The customer's RSA public key (PEM, 3072 bits or more)."""
    analysis_hours: int = 24
    """How long after its end the platform can still open a customer-held recording (1 to 720);
    0: never, it has no key to it."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What the policy that binds a tenant makes of its settings."""

    custody: Custody
    """Of what is recorded from now on."""
    unrecorded: str | None
    """Why nothing is, although it is switched on; None: it is, or is not switched on."""


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """What one speaker of a recording said."""

    id: UUID
    leg_id: UUID
    role: str
    person_id: UUID
    duration_ms: int | None
    bytes: int | None
    """Size of the sealed object."""
    samples: int | None
    """What of it can be opened, at 8000 a second; None until the object was looked at."""
    complete: bool | None
    """Whether its end is there; None until that is known."""
    state: str


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """One recording of one call. Times are UTC."""

    id: UUID
    tenant_id: UUID
    call_id: UUID
    started_at: datetime
    ended_at: datetime | None
    state: str
    basis: str | None
    rule: str
    day: int
    gap: str
    marks: tuple[tuple[int, int | None], ...]
    """Pauses in milliseconds from the start; open at the end: until the recording ended."""
    customer_keys: tuple[str, ...]
    duration_ms: int | None
    analysis_until: datetime | None
    deletion_reason: str | None
    custody: Custody = "platform"
    tracks: tuple[TrackInfo, ...] = ()

    @property
    def complete(self) -> bool | None:
        """Whether every track ends where the recording ended; None until that is known."""
        known = [track.complete for track in self.tracks]
        return None if None in known else all(known)


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings to list; None does not restrict. ``since`` inclusive, ``until`` not."""

    call_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """Recordings from the newest to the oldest."""

    recordings: tuple[RecordingInfo, ...]
    next_cursor: UUID | None
    """Pass as ``before`` to get the next page; None at the end."""


class RecordingNotFound(NotFound):
    """No such recording for this tenant."""

    code = "recording_not_found"


class TrackNotFound(NotFound):
    """The recording has no such track, or no file of it was ever found."""

    code = "track_not_found"


class RecordingNotReady(RingfenceError):
    """The recording is still made, or on its way to where it is kept; try again in a while."""

    code = "recording_not_ready"
    http_status = 409


class RecordingDeleted(RingfenceError):
    """The recording was deleted, or is about to be."""

    code = "recording_deleted"
    http_status = 410


class CustomerHeld(RingfenceError):
    """The customer's private key alone opens the recording: take the sealed object."""

    code = "customer_held"
    http_status = 403


class FormatUnavailable(RingfenceError):
    """This installation has no library for the format that was asked for."""

    code = "format_unavailable"
    http_status = 406


class InvalidRecordingSettings(InvalidInput):
    """A setting cannot be accepted; ``details.field`` names it."""

    code = "invalid_recording_settings"
