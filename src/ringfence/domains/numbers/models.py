"""Telephone numbers (DIDs) of tenants."""

from __future__ import annotations

from django.db import models

from ringfence.platform_django.models import TenantModel


class Number(TenantModel):
    """One E.164 number; of the active ones, unique in the installation."""

    e164 = models.CharField(max_length=16)
    label = models.CharField(max_length=120, default="", blank=True)
    dial = models.JSONField()
    """Targets in order: ``{"trunk": hex id, "number": E.164}`` or ``{"sip": URI}``; none where a
    flow takes the calls."""
    flow_id = models.UUIDField(null=True)
    dial_timeout_seconds = models.IntegerField(default=30)
    caller_id = models.CharField(max_length=16, null=True)
    max_seconds = models.IntegerField(null=True)
    status = models.CharField(max_length=16, default="active")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "numbers_number"
        indexes = [models.Index(fields=["tenant_id", "id"], name="number_tenant")]
        constraints = [
            models.CheckConstraint(
                name="number_status_known",
                condition=models.Q(status__in=["active", "inactive"]),
            ),
            models.CheckConstraint(
                name="number_leads_one_way",
                condition=models.Q(flow_id=None) & ~models.Q(dial=[])
                | models.Q(flow_id__isnull=False, dial=[]),
            ),
            models.UniqueConstraint(
                name="number_active_unique",
                fields=["e164"],
                condition=models.Q(status="active"),
            ),
        ]
