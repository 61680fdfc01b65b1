"""Recordings as the REST API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from ringfence.domains.recordings.contracts import (
    InForce,
    RecordingFilter,
    RecordingInfo,
    SettingsInfo,
    TrackInfo,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id


class TrackOut(Schema):
    """What one speaker said."""

    track: str
    """``caller`` or ``callee``: the name that the audio is asked for by."""
    leg_id: str
    state: str
    duration_ms: int | None
    complete: bool | None
    """False: cut off by a crash or a full disk; it ends where it ends."""
    bytes: int | None


class RecordingOut(Schema):
    """A recording of one call."""

    id: str
    call_id: str
    started_at: datetime
    ended_at: datetime | None
    state: str
    """``recording``, ``completed``, ``stored`` (can be listened to) or ``deleted``."""
    basis: str | None
    """The rule that decided about the prompt, such as ``all_party:CA``."""
    duration_ms: int | None
    gap: str
    pauses: list[tuple[int, int | None]]
    """From and to, in milliseconds from the start."""
    customer_keys: list[str]
    """SHA-256 of the customer's keys that the tracks are wrapped to."""
    custody: Literal["platform", "customer"]
    """``customer``: the private key of the customer alone opens it."""
    analysis_until: datetime | None
    deletion_reason: str | None
    tracks: list[TrackOut]


class RecordingList(Schema):
    recordings: list[RecordingOut]
    next: str | None
    """Pass as ``before`` to get the next page."""


class RecordingQuery(Schema):
    """``since`` is inclusive, ``until`` exclusive; both compare with the start of the recording."""

    call: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def before_id(self) -> UUID | None:
        return None if self.before is None else parse_public_id(Prefix.RECORDING, self.before)

    def as_filter(self) -> RecordingFilter:
        call = None if self.call is None else parse_public_id(Prefix.CALL, self.call)
        return RecordingFilter(call, self.since, self.until)


class AudioQuery(Schema):
    track: Literal["caller", "callee", "mixed"] = "mixed"
    format: Literal["wav", "opus"] = "wav"


class RecordingSettingsModel(Schema, extra="forbid"):
    """Whether and how calls are recorded, from the next call on."""

    enabled: bool
    gap: Literal["silence", "tone"] = "silence"
    """What stands in the tracks while recording is paused."""
    consent_override: Literal["always_announce"] | None = None
    """The prompt also where the law asks for none."""
    prompt: Annotated[str, Field(max_length=40)] = "recording-notice-en"
    customer_key: Annotated[str, Field(max_length=8192)] | None = None
    """RSA public key (PEM, 3072 bits or more) that alone opens recordings for good."""
    analysis_hours: Annotated[int, Field(ge=0, le=720)] = 24
    """How long after its end the platform can still open a customer-held recording; 0: never."""
    custody: Literal["platform", "customer"] | None = None
    """``customer``: the customer's key alone opens what is recorded from now on, because the policy
    that binds the business customer says so or ``analysis_hours`` is 0. Told, not taken."""
    unrecorded: str | None = None
    """Why nothing is recorded although it is switched on: ``customer_key_missing``. Told, not
    taken."""

    def as_info(self) -> SettingsInfo:
        return SettingsInfo(**self.model_dump(exclude={"custody", "unrecorded"}))


def settings_out(info: SettingsInfo, in_force: InForce) -> RecordingSettingsModel:
    return RecordingSettingsModel(
        enabled=info.enabled,
        gap=info.gap,
        consent_override=info.consent_override,
        prompt=info.prompt,
        customer_key=info.customer_key,
        analysis_hours=info.analysis_hours,
        custody=in_force.custody,
        unrecorded=in_force.unrecorded,
    )


def _track_out(info: TrackInfo) -> TrackOut:
    return TrackOut(
        track=info.role,
        leg_id=public_id(Prefix.LEG, info.leg_id),
        state=info.state,
        duration_ms=info.duration_ms,
        complete=info.complete,
        bytes=info.bytes,
    )


def recording_out(info: RecordingInfo) -> RecordingOut:
    return RecordingOut(
        id=public_id(Prefix.RECORDING, info.id),
        call_id=public_id(Prefix.CALL, info.call_id),
        started_at=info.started_at,
        ended_at=info.ended_at,
        state=info.state,
        basis=info.basis,
        duration_ms=info.duration_ms,
        gap=info.gap,
        pauses=list(info.marks),
        customer_keys=list(info.customer_keys),
        custody=info.custody,
        analysis_until=info.analysis_until,
        deletion_reason=info.deletion_reason,
        tracks=[_track_out(track) for track in info.tracks],
    )
