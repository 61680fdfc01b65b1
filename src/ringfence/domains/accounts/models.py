"""Tenants and their API keys."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ringfence.platform_django.clock import new_id


class Tenant(models.Model):
    """A business customer; its own row is the only one that it sees."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=16, default="active")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_tenant"
        constraints = [
            models.CheckConstraint(
                name="tenant_status_known",
                condition=models.Q(status__in=["active", "suspended"]),
            )
        ]


class ApiKey(models.Model):
    """A credential of the REST API, the operator's when it has no tenant. The secret itself is
    stored nowhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    name = models.CharField(max_length=120)
    secret_hash = models.BinaryField(unique=True)
    """SHA-256 of the secret's 32 random bytes."""
    last4 = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=40))
    purposes = ArrayField(models.CharField(max_length=24))
    """The first is claimed by requests that name none."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To the minute."""

    class Meta:
        db_table = "accounts_api_key"
        indexes = [models.Index(fields=["tenant_id", "id"], name="api_key_tenant")]
