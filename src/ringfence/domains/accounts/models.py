"""Tenants, what they settle for themselves, plans, and API keys."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from ringfence.platform_django.clock import new_id


class Tenant(models.Model):
    """A business customer, or a reseller, who has customers of its own. It sees its own row, and a
    reseller those below it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, default="tenant")
    parent_id = models.UUIDField(null=True, editable=False)
    """The reseller that it is a customer of."""
    ancestors = ArrayField(models.UUIDField(), default=list, editable=False)
    """From the top of the tree to the parent. Nothing moves in the tree, so it never changes."""
    plan = models.CharField(max_length=40, default="standard")
    status = models.CharField(max_length=16, default="active")
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    """Until when a closed tenant may be reactivated."""

    class Meta:
        db_table = "accounts_tenant"
        constraints = [
            models.CheckConstraint(
                name="tenant_status_known",
                condition=models.Q(status__in=["active", "suspended", "closed"]),
            ),
            models.CheckConstraint(
                name="tenant_kind_known", condition=models.Q(kind__in=["tenant", "reseller"])
            ),
            models.CheckConstraint(
                name="tenant_closed_until",
                condition=models.Q(status="closed", closed_at__isnull=False, ends_at__isnull=False)
                | (
                    ~models.Q(status="closed")
                    & models.Q(closed_at__isnull=True, ends_at__isnull=True)
                ),
            ),
        ]
        indexes = [GinIndex(fields=["ancestors"], name="tenant_ancestors")]


class Settings(models.Model):
    """What a tenant decides about its people and the operator's staff; without a row, the
    defaults hold."""

    tenant_id = models.UUIDField(primary_key=True, editable=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    staff_access = models.CharField(max_length=16, default="automatic")
    us_staff_only = models.BooleanField(default=False)
    mfa_required = models.BooleanField(default=False)

    class Meta:
        db_table = "accounts_settings"
        constraints = [
            models.CheckConstraint(
                name="staff_access_known",
                condition=models.Q(staff_access__in=["automatic", "approve", "never"]),
            )
        ]


class Plan(models.Model):
    """What a tenant may subscribe to. Prices and limits of plans come with billing."""

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_plan"


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
