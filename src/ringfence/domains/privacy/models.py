"""Destructions that were ordered, and legal holds; persons are named by random ids alone."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ringfence.domains.privacy.contracts import ErasureState
from ringfence.platform_django.models import TenantModel


class ErasureOrder(TenantModel):
    """One destruction and how far it is; what it names are random ids and days."""

    kind = models.CharField(max_length=16)
    reason = models.CharField(max_length=16)
    actor = models.CharField(max_length=80)
    destruction = models.JSONField()
    """platform.keys.erasure.Destruction."""
    state = models.CharField(max_length=16, default=ErasureState.ORDERED)
    ordered_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)
    rows_cleared = models.BigIntegerField(default=0)
    escrowed = models.IntegerField(default=0)
    category = models.CharField(max_length=24, null=True)
    rule = models.CharField(max_length=24, null=True)
    day = models.IntegerField(null=True)
    """With category and rule: the day that expired."""
    certificate = models.JSONField(null=True)
    """Once it is cleaned: rules.certificate, signed; empty when that was before there were any.
    What is swept later is not in it."""

    class Meta:
        db_table = "privacy_erasure"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="erasure_tenant"),
            models.Index(fields=["ordered_at"], name="erasure_ordered"),
            models.Index(
                fields=["id"], name="erasure_unfinished", condition=~Q(state=ErasureState.CLEANED)
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "rule", "day", "tenant_id"], name="erasure_day_once"
            )
        ]


class Hold(TenantModel):
    """A legal hold: while it lasts, what it covers is neither destroyed nor cleared."""

    actor = models.CharField(max_length=80)
    placed_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    persons = models.JSONField(default=list)
    """``[person, first day, last day]`` of rows."""
    items = models.JSONField(default=list)
    leaves = models.IntegerField(default=0)

    class Meta:
        db_table = "privacy_hold"
        indexes = [models.Index(fields=["tenant_id", "id"], name="hold_tenant")]
