"""Flows and their published versions; the prompts that they play and the targets that they dial."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ringfence.domains.flows.contracts import TargetKind
from ringfence.platform_django.models import TenantModel


class Flow(TenantModel):
    """A flow: its draft, and which version of it calls get."""

    name = models.CharField(max_length=120)
    draft = models.JSONField()
    published_version = models.IntegerField(null=True)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "flows_flow"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="flows_flow_tenant"),
        ]


class FlowVersion(TenantModel):
    """A flow as it was published. The database lets nobody change it."""

    flow_id = models.UUIDField()
    version = models.IntegerField()
    graph = models.JSONField()
    uses = ArrayField(models.CharField(max_length=40))
    """Public ids of prompts, targets, trunks and devices, and the numbers presented, that the
    graph names."""
    uses_flows = ArrayField(models.UUIDField())
    note = models.CharField(max_length=500, default="")
    published_at = models.DateTimeField()

    class Meta:
        db_table = "flows_version"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "flow_id", "version"], name="flows_version_unique"
            ),
            models.CheckConstraint(name="flows_version_number", condition=models.Q(version__gte=1)),
        ]


class Prompt(TenantModel):
    """An audio file; the file itself is platform.settings.Settings.prompt_dir's."""

    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    bytes = models.IntegerField()
    samples = models.IntegerField()
    """At 8 kHz."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "flows_prompt"
        indexes = [models.Index(fields=["tenant_id", "id"], name="flows_prompt_page")]


class Target(TenantModel):
    """A named destination."""

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8)
    trunk_id = models.UUIDField(null=True)
    number = models.CharField(max_length=16, null=True)
    uri = models.CharField(max_length=255, null=True)
    device_id = models.UUIDField(null=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "flows_target"
        indexes = [models.Index(fields=["tenant_id", "id"], name="flows_target_page")]
        constraints = [
            models.CheckConstraint(
                name="flows_target_kind",
                condition=models.Q(
                    kind=TargetKind.NUMBER.value,
                    trunk_id__isnull=False,
                    number__isnull=False,
                    uri=None,
                    device_id=None,
                )
                | models.Q(
                    kind=TargetKind.SIP.value,
                    trunk_id=None,
                    number=None,
                    uri__isnull=False,
                    device_id=None,
                )
                | models.Q(
                    kind=TargetKind.DEVICE.value,
                    trunk_id=None,
                    number=None,
                    uri=None,
                    device_id__isnull=False,
                ),
            )
        ]


class Revision(models.Model):
    """Grows with every change of what calls of a tenant may get: kept by the database."""

    tenant_id = models.UUIDField(primary_key=True)
    revision = models.BigIntegerField()

    class Meta:
        db_table = "flows_revision"
