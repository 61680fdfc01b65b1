"""Recordings of calls, the tracks that they consist of, and each tenant's settings."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ringfence.domains.recordings.rules.states import RECORDING_STATES, TRACK_STATES
from ringfence.platform_django.models import TenantModel


class RecordingSettings(models.Model):
    """Whether and how a tenant's calls are recorded; no row: they are not."""

    tenant_id = models.UUIDField(primary_key=True, editable=False)
    enabled = models.BooleanField(default=False)
    consent_override = models.CharField(max_length=24, null=True)
    gap = models.CharField(max_length=8, default="silence")
    prompt = models.CharField(max_length=40, default="recording-notice-en")
    customer_key = models.TextField(null=True)
    """PEM of the customer's public key; None: the platform alone holds the keys."""
    analysis_hours = models.IntegerField(default=24)

    class Meta:
        db_table = "recordings_settings"
        constraints = [
            models.CheckConstraint(
                name="recording_override_is_stricter",
                condition=Q(consent_override=None) | Q(consent_override="always_announce"),
            ),
            models.CheckConstraint(
                name="recording_gap_known", condition=Q(gap__in=["silence", "tone"])
            ),
            models.CheckConstraint(
                name="recording_analysis_hours",
                condition=Q(analysis_hours__gte=0, analysis_hours__lte=720),
            ),
        ]


class Recording(TenantModel):
    """One recording of one call, as its events tell it."""

    call_id = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16)
    basis = models.CharField(max_length=40, null=True)
    rule = models.CharField(max_length=24)
    day = models.IntegerField()
    """Day of the bucket that its tracks are sealed in."""
    gap = models.CharField(max_length=8)
    marks = models.JSONField(null=True)
    """``[pause_ms, resume_ms or null]`` of each pause, from the start of the recording."""
    customer_keys = models.JSONField(default=list)
    """Ids (hex) of the customer's keys that each track is wrapped to."""
    custody = models.CharField(max_length=16, db_default="platform")
    """``customer``: no track has a wrap for the platform."""
    duration_ms = models.BigIntegerField(null=True)
    analysis_until = models.DateTimeField(null=True)
    """When the platform's own key to a customer-held recording ends."""
    analysis_ended_at = models.DateTimeField(null=True)
    deletion_reason = models.CharField(max_length=16, null=True)
    """Why it is being deleted, or was; not opened any more from then on."""

    class Meta:
        db_table = "recordings_recording"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="recording_tenant"),
            models.Index(fields=["tenant_id", "call_id", "id"], name="recording_call"),
            models.Index(fields=["rule", "day"], name="recording_bucket"),
            models.Index(fields=["tenant_id", "rule", "day"], name="recording_tenant_day"),
            models.Index(fields=["id"], name="recording_to_store", condition=Q(state="completed")),
            models.Index(
                fields=["analysis_until"],
                name="recording_analysis",
                condition=Q(analysis_until__isnull=False, analysis_ended_at=None),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="recording_state_known", condition=Q(state__in=RECORDING_STATES)
            ),
            models.CheckConstraint(
                name="recording_custody_known", condition=Q(custody__in=["platform", "customer"])
            ),
        ]


class RecordingTrack(TenantModel):
    """What one speaker said; its id is also the item whose key seals it."""

    recording_id = models.UUIDField()
    call_id = models.UUIDField()
    leg_id = models.UUIDField()
    role = models.CharField(max_length=16)
    """Whose voice it is: ``caller`` or ``callee``."""
    person_id = models.UUIDField()
    duration_ms = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True)
    """Size of the sealed object."""
    samples = models.BigIntegerField(null=True)
    """What of it can be opened, at 8000 a second; None until the object was looked at."""
    complete = models.BooleanField(null=True)
    """Whether its last chunk is there; None until that was looked at."""
    state = models.CharField(max_length=16)

    class Meta:
        db_table = "recordings_track"
        indexes = [
            models.Index(fields=["recording_id", "id"], name="track_recording"),
            models.Index(fields=["tenant_id", "person_id"], name="track_person"),
        ]
        constraints = [
            models.CheckConstraint(name="track_state_known", condition=Q(state__in=TRACK_STATES))
        ]
