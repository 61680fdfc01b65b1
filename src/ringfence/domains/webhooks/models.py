"""Endpoints of tenants, and the outbox of what is to be told to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ringfence.domains.webhooks.contracts import DeliveryState
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedText


class Endpoint(TenantModel):
    """Where a tenant wants to be told of events."""

    url = models.CharField(max_length=2048)
    description = models.CharField(max_length=200, default="", blank=True)
    events = ArrayField(models.CharField(max_length=40))
    secret_sealed = SealedText(SealedFieldNumber.WEBHOOK_SECRET, "", person="")
    """The secret; after a space the one before it, good until ``rotating_until``."""
    rotating_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=16, null=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "webhooks_endpoint"
        indexes = [models.Index(fields=["tenant_id", "id"], name="webhook_tenant")]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.WEBHOOK, self.id),)


class Delivery(TenantModel):
    """One event for one endpoint. It refers to its endpoint by id: an event that is told while its
    endpoint is deleted fails nobody's transaction."""

    endpoint_id = models.UUIDField()
    type = models.CharField(max_length=40)
    data = models.JSONField()
    key = models.CharField(max_length=128)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    state = models.CharField(max_length=16, default=DeliveryState.PENDING.value)
    attempts = models.SmallIntegerField(default=0)
    """Begun since it was made or last replayed."""
    next_attempt_at = models.DateTimeField()
    """While an attempt is under way: when another worker may begin one. Whoever records the outcome
    names it, which proves that nobody began another."""
    delivered_at = models.DateTimeField(null=True)
    last_status = models.SmallIntegerField(null=True)
    last_error = models.CharField(max_length=40, null=True)
    log = models.JSONField(default=list)

    class Meta:
        db_table = "webhooks_delivery"
        indexes = [
            models.Index(
                fields=["endpoint_id", "next_attempt_at"],
                name="delivery_due",
                condition=models.Q(state="pending"),
            ),
            models.Index(fields=["tenant_id", "endpoint_id", "id"], name="delivery_endpoint"),
            models.Index(
                fields=["tenant_id", "endpoint_id", "state", "id"], name="delivery_endpoint_state"
            ),
            models.Index(
                fields=["created_at"],
                name="delivery_settled",
                condition=~models.Q(state="pending"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "endpoint_id", "key"], name="delivery_once"
            ),
            models.CheckConstraint(
                name="delivery_state",
                condition=models.Q(state__in=[state.value for state in DeliveryState]),
            ),
        ]
