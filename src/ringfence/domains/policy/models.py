"""Versions of the policy, what customers accepted, the last examinations, and open incidents."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ringfence.platform_django.clock import new_id
from ringfence.platform_django.models import TenantModel


class Version(models.Model):
    """A published policy. Nothing of it ever changes; each is chained to the one before it."""

    number = models.PositiveIntegerField(primary_key=True)
    """From 1, of the installation."""
    profile = models.CharField(max_length=64)
    profile_hash = models.CharField(max_length=64)
    values = models.JSONField()
    """The whole profile."""
    clauses = models.JSONField()
    """Ids of the clauses that it says."""
    changes = models.JSONField()
    """rules.changes.Change, from the version before it."""
    notice_days = models.PositiveSmallIntegerField()
    """Of its own terms: for the version after it."""
    needs_consent = models.BooleanField()
    published_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    published_by = models.CharField(max_length=80)
    build = models.CharField(max_length=64)
    report = models.PositiveIntegerField()
    """Number of the signed report that it rests on."""
    html = models.TextField()
    digest = models.CharField(max_length=64)
    """contracts.digest_of."""

    class Meta:
        db_table = "policy_version"


class Acceptance(TenantModel):
    """A business customer accepted a version."""

    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    """Of the version: what exactly was accepted."""
    accepted_at = models.DateTimeField()
    actor = models.CharField(max_length=80)

    class Meta:
        db_table = "policy_acceptance"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "number"], name="acceptance_once")
        ]


class Notice(TenantModel):
    """One person was told of a version before it holds."""

    number = models.PositiveIntegerField()
    user_id = models.UUIDField(editable=False)
    told_at = models.DateTimeField()

    class Meta:
        db_table = "policy_notice"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "number", "user_id"], name="notice_once")
        ]


class Examined(models.Model):
    """The last examination under a profile; those before it are files, signed and chained."""

    profile = models.CharField(max_length=64, primary_key=True)
    number = models.PositiveIntegerField()
    """Of the signed report."""
    ended_at = models.DateTimeField()
    report = models.JSONField()

    class Meta:
        db_table = "policy_examined"


class Order(models.Model):
    """The last time that somebody asked for an examination under a profile, or that it was due."""

    profile = models.CharField(max_length=64, primary_key=True)
    run = models.UUIDField()
    """Another one for each time."""
    actor = models.CharField(max_length=80)
    ordered_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    """From then on its worker holds a lock as long as it lives."""
    step = models.CharField(max_length=80, default="")
    """What it is at now; for people."""
    ended_at = models.DateTimeField(null=True)
    failed = models.CharField(max_length=200, default="")
    """Why there is no report."""

    class Meta:
        db_table = "policy_order"


class Incident(models.Model):
    """A control of a promise is red: since when, and until when."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    profile = models.CharField(max_length=64)
    control = models.CharField(max_length=64)
    clauses = models.JSONField()
    """Ids of those that it breaks, as last seen."""
    state = models.CharField(max_length=16)
    """``broken`` or ``unknown``."""
    findings = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    opened_report = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    """By then it is to be over, or to be told."""
    closed_at = models.DateTimeField(null=True)
    closed_report = models.PositiveIntegerField(null=True)

    class Meta:
        db_table = "policy_incident"
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "control"],
                name="incident_open_once",
                condition=Q(closed_at=None),
            )
        ]
