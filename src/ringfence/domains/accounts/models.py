"""Tenants, what they settle for themselves, plans, API keys, OAuth clients and the request log."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from ringfence.platform_django.clock import new_id
from ringfence.platform_django.models import TenantModel


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
    warned_at = models.DateTimeField(null=True)
    """When its people were told that its data is about to end."""
    ended_at = models.DateTimeField(null=True)
    """When the last of a closed tenant's data was gone."""
    requests_per_minute = models.IntegerField(null=True)
    """Of all its keys, clients and people together; None: the installation's default."""

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
                name="tenant_requests_positive", condition=models.Q(requests_per_minute__gte=1)
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
    retention = models.JSONField(default=dict)
    """By rule: days that hold by the tenant's choice; what is left out is as installed."""
    retention_wanted = models.JSONField(default=dict)
    """By rule: what the tenant chose, where the policy that binds it now allows other numbers."""

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
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list)
    """CIDR, where it may be used from; empty: anywhere."""
    requests_per_minute = models.IntegerField(null=True)
    """None: the installation's default."""

    class Meta:
        db_table = "accounts_api_key"
        indexes = [models.Index(fields=["tenant_id", "id"], name="api_key_tenant")]
        constraints = [
            models.CheckConstraint(
                name="api_key_requests_positive", condition=models.Q(requests_per_minute__gte=1)
            )
        ]


class OAuthClient(TenantModel):
    """A program that gets access tokens by the client credentials grant. Its secrets are stored
    nowhere, only their hashes: the one in force, and for a while the one before."""

    name = models.CharField(max_length=120)
    secret_hash = models.BinaryField()
    """SHA-256 of the secret's 32 random bytes."""
    last4 = models.CharField(max_length=4)
    previous_hash = models.BinaryField(null=True)
    previous_last4 = models.CharField(max_length=4, null=True)
    previous_until = models.DateTimeField(null=True)
    scopes = ArrayField(models.CharField(max_length=40))
    purposes = ArrayField(models.CharField(max_length=24))
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list)
    requests_per_minute = models.IntegerField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To the minute."""

    class Meta:
        db_table = "accounts_oauth_client"
        indexes = [models.Index(fields=["tenant_id", "id"], name="oauth_client_tenant")]
        constraints = [
            models.CheckConstraint(
                name="oauth_client_requests_positive",
                condition=models.Q(requests_per_minute__gte=1),
            ),
            models.CheckConstraint(
                name="oauth_client_previous",
                condition=models.Q(previous_hash=None, previous_last4=None, previous_until=None)
                | models.Q(
                    previous_hash__isnull=False,
                    previous_last4__isnull=False,
                    previous_until__isnull=False,
                ),
            ),
        ]


class AccessToken(TenantModel):
    """What an OAuth client asks with, until it ends; a token that is revoked has no row."""

    client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE)
    token_hash = models.BinaryField(unique=True)
    """SHA-256 of the token's 32 random bytes."""
    scopes = ArrayField(models.CharField(max_length=40))
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_access_token"
        indexes = [models.Index(fields=["expires_at"], name="access_token_end")]


class RequestRecord(TenantModel):
    """One request that somebody who was known made; the operator's own have the nil UUID, which no
    tenant has. Nothing of it is what a client wrote: a route's template, ids of rows, a code."""

    credential_id = models.UUIDField()
    kind = models.CharField(max_length=8)
    """``key``, ``client`` or ``session``."""
    at = models.DateTimeField()
    method = models.CharField(max_length=8)
    route = models.TextField()
    objects_named = ArrayField(models.CharField(max_length=34))
    """Public ids in the path, where there was something at it."""
    status = models.SmallIntegerField()
    duration_ms = models.IntegerField()
    error_code = models.CharField(max_length=60)
    """Empty: none."""
    network = models.CharField(max_length=43)
    """Where it came from, cut to a /24 or /48; empty: not known."""

    class Meta:
        db_table = "accounts_request"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="request_tenant"),
            models.Index(fields=["tenant_id", "credential_id", "id"], name="request_credential"),
        ]
